"""Key phrases of a text, by YAKE: what a prompt is about where nobody has tagged it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from sluice.core.errors import ConfigError, UnknownNameError

WORDS = 2


def key_phrases(texts: Iterable[str], count: int, language: str = "en") -> Iterator[list[str]]:
    """Take the key phrases of each text by itself, so that other rows never change them.

    Campos et al., YAKE! Keyword extraction from single documents (Information Sciences 509,
    2020), by the package yake: statistics of the text alone, no model and no corpus.

    Parameters
    ----------
    texts : iterable of str
    count : int
        Phrases of a text at most, of up to `WORDS` words (ours).
    language : str
        Two letters, for the stop words.

    Yields
    ------
    list of str
        Lower case, best first, none twice; of a text without words none.

    Raises
    ------
    ConfigError
        `count` is below 1, or the language is unknown.

    Notes
    -----
    Cost: about 2 ms a text of a hundred words.
    """
    import yake

    if count < 1:
        raise ConfigError(f"tagging.phrases is {count}; give at least 1.")
    # yake takes an unknown language without a word, and then keeps every stop word.
    lists = Path(yake.__file__).parent / "core" / "StopwordsList"
    known = sorted(path.stem.removeprefix("stopwords_") for path in lists.glob("stopwords_??.txt"))
    if language not in known:
        raise UnknownNameError.of("language of tagging", language, known)
    extractor = yake.KeywordExtractor(lan=language, n=WORDS, top=count)
    for text in texts:
        found = extractor.extract_keywords(text) if text.strip() else []
        yield list(dict.fromkeys(str(phrase).lower() for phrase, _ in found))[:count]
