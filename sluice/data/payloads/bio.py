"""BIO tags: whether they are well formed, the spans that they mark, what a sentence is about.

``B-x`` begins a span of type x, ``I-x`` continues it, ``O`` is of nothing (Ramshaw and Marcus
1995; the variant IOB2, in which every span begins with B).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sluice.core.errors import ConfigError, DataError
from sluice.data.readers.conll import Sentence

OUTSIDE = "O"
FEATURES = ("lemma", "type")


@dataclass(frozen=True, order=True)
class Span:
    """Some words of a sentence.

    Attributes
    ----------
    type : str
    start, end : int
        First word, and the first one behind it.
    """

    type: str
    start: int
    end: int


@dataclass(frozen=True)
class BioFault:
    """Where tags are not well-formed BIO.

    Attributes
    ----------
    word : int
    reason : str
        no_bio_tag or ill_formed_bio.
    detail : str
        What is wrong and what to do.
    """

    word: int
    reason: str
    detail: str


def parts_of(tag: str) -> tuple[str, str] | None:
    """Split a tag into B, I or O and its type (empty of O); None where it is no BIO tag."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, _, name = tag.partition("-")
    return (prefix, name) if prefix in ("B", "I") and name.strip() else None


def ill_formed(tags: Sequence[str]) -> list[int]:
    """Find the words whose ``I-x`` continues nothing: after O, after another type, or at first.

    Parameters
    ----------
    tags : sequence of str
        BIO tags; others count as O.

    Returns
    -------
    list of int
        Ascending. Of several such words in a row only the first: the others continue it.
    """
    found: list[int] = []
    before = ""
    for word, tag in enumerate(tags):
        prefix, name = parts_of(tag) or (OUTSIDE, "")
        if prefix == "I" and name != before:
            found.append(word)
        before = name
    return found


def repaired(tags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Let every ``I-x`` that continues nothing begin a span (ours).

    Returns
    -------
    tags : tuple of str
    changed : int
    """
    wrong = set(ill_formed(tags))
    mended = tuple(f"B{tag[1:]}" if word in wrong else tag for word, tag in enumerate(tags))
    return mended, len(wrong)


def bio_fault(tags: Sequence[str]) -> BioFault | None:
    """Return the first place at which tags are not well-formed BIO, or None.

    A tag that is none of ``O``, ``B-x`` and ``I-x`` comes before one that continues nothing.
    """
    for word, tag in enumerate(tags):
        if parts_of(tag) is None:
            detail = f"the tag {tag!r} is no BIO tag. Write O, B-TYPE or I-TYPE in the last column."
            return BioFault(word, "no_bio_tag", detail)
    for word in ill_formed(tags)[:1]:
        detail = (
            f"the tag {tags[word]!r} continues no span of its type. Write B for the first word of "
            "a span, or ask for a repair."
        )
        return BioFault(word, "ill_formed_bio", detail)
    return None


def checked_bio(
    sentences: Iterable[Sentence], *, repair: bool = False
) -> tuple[list[Sentence], int]:
    """Check that tags are well-formed BIO.

    Parameters
    ----------
    sentences : iterable of Sentence
    repair : bool
        Whether an ``I-x`` that continues nothing becomes ``B-x``; else it is an error.

    Returns
    -------
    sentences : list of Sentence
    changed : int
        Tags that were repaired.

    Raises
    ------
    DataError
        A tag is none of ``O``, ``B-x`` and ``I-x``, or continues nothing and is not repaired.
    """
    checked: list[Sentence] = []
    changed = 0
    for sentence in sentences:
        fault = bio_fault(sentence.tags)
        if fault is not None and not (repair and fault.reason == "ill_formed_bio"):
            raise DataError(f"{_place(sentence, fault.word)}: {fault.detail}")
        tags, wrong = repaired(sentence.tags)
        changed += wrong
        checked.append(replace(sentence, tags=tags) if wrong else sentence)
    return checked, changed


def _place(sentence: Sentence, word: int) -> str:
    return f"{sentence.file}, line {sentence.line_of(word)} ({sentence.tokens[word]!r})"


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Read the spans of a sentence strictly: each is one B and the I of its type that follow.

    Parameters
    ----------
    tags : sequence of str
        BIO tags. An ``I-x`` that continues nothing belongs to no span, nor do those behind it;
        other tags count as O. So it reads what a model predicts as seqeval's strict mode does.

    Returns
    -------
    list of Span
        By first word.
    """
    spans: list[Span] = []
    begun: tuple[str, int] | None = None
    for word, tag in enumerate([*tags, OUTSIDE]):
        prefix, name = parts_of(tag) or (OUTSIDE, "")
        if begun is not None and (prefix != "I" or name != begun[0]):
            spans.append(Span(begun[0], begun[1], word))
            begun = None
        if prefix == "B":
            begun = name, word
    return spans


def types_of(sentences: Iterable[Sentence]) -> list[str]:
    """Every type that a tag names, ascending."""
    parts = (parts_of(tag) for sentence in sentences for tag in sentence.tags)
    return sorted({part[1] for part in parts if part is not None and part[1]})


def tag_names(sentences: Iterable[Sentence]) -> list[str]:
    """Every tag that a model may have to give: O, then B and I of each type, ascending.

    Of a type that only ever spans one word there is an I, too.
    """
    return [OUTSIDE, *(f"{p}-{name}" for name in types_of(sentences) for p in ("B", "I"))]


def features_of(sentence: Sentence, feature: str = "lemma") -> tuple[str, ...]:
    """Name what a sentence is about: the features whose quotas T-FREX fills.

    Parameters
    ----------
    sentence : Sentence
        With well-formed tags.
    feature : {"lemma", "type"}
        ``"lemma"``: the words of each span. T-FREX compares their lemmas; ours, for want of a
        lemmatiser, compares the words in NFC and without case. ``"type"``: the type of each span.

    Returns
    -------
    tuple of str
        Each once, ascending.

    Raises
    ------
    ConfigError
        `feature` is neither.
    """
    if feature not in FEATURES:
        raise ConfigError(f"feature is {feature!r}; give 'lemma' or 'type'.")
    spans = spans_of(sentence.tags)
    if feature == "type":
        return tuple(sorted({span.type for span in spans}))
    return tuple(sorted({_folded(sentence.tokens[span.start : span.end]) for span in spans}))


def _folded(words: Sequence[str]) -> str:
    return unicodedata.normalize("NFC", " ".join(words)).casefold()
