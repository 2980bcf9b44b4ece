"""Files of tagged sentences: CoNLL columns, or JSONL with a list of words and one of tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.core.bounded import read_bytes
from sluice.core.errors import DataError
from sluice.data.readers.csv_file import not_utf8
from sluice.data.readers.foreign import refuse_foreign
from sluice.data.readers.jsonl_file import json_rows

_DOCUMENT = "-DOCSTART-"
_BLANK = " \t"
_LINE_END = re.compile(r"\r*\n|\r")


@dataclass(frozen=True)
class Sentence:
    """Words with one tag each.

    Attributes
    ----------
    tokens, tags : tuple of str, length w
        Equally long, no word blank.
    file : str
        Where the sentence is from, as shown to people.
    line : int
        Line of the first word, from 1.
    line_a_word : bool
        Whether every word has a line of its own, as in CoNLL files.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    file: str = ""
    line: int = 1
    line_a_word: bool = False

    @property
    def text(self) -> str:
        """The words with a space between."""
        return " ".join(self.tokens)

    def line_of(self, word: int) -> int:
        """Line of a word, from 1."""
        return self.line + word if self.line_a_word else self.line


@dataclass(frozen=True)
class Rejected:
    """A sentence that cannot be used.

    Attributes
    ----------
    file : str
    line : int
        Where it is wrong, from 1.
    reason : str
        missing_tag, empty_token, other_columns, no_tokens, no_tags, not_texts or
        different_lengths.
    detail : str
        What is wrong and what to do.
    """

    file: str
    line: int
    reason: str
    detail: str


@dataclass(frozen=True)
class Tagged:
    """What a file holds: every sentence of it is in one of the two lists.

    Attributes
    ----------
    sentences : list of Sentence
    rejected : list of Rejected
    """

    sentences: list[Sentence]
    rejected: list[Rejected]


def read_conll(path: Path, shown: str | None = None) -> Tagged:
    r"""Read a CoNLL file: a word a line, its tag in the last column, a blank line after a sentence.

    Columns are separated by tabs where the line has one, else by spaces. A line of white space
    alone is blank; some files write it as a tab. Lines that begin with ``-DOCSTART-`` end a
    sentence and hold no word.

    Parameters
    ----------
    path : Path
    shown : str, optional
        Its name for messages.

    Returns
    -------
    Tagged
        A sentence with a faulty line is rejected whole, with that line: a word without a tag
        (missing_tag), a tag without a word (empty_token), or another number of columns than the
        file's first word has, so that some other column would be taken for the tag
        (other_columns).

    Raises
    ------
    DataError
        The file is not UTF-8, or holds no word.

    Notes
    -----
    The file is held in memory. Cost: about a microsecond a line.
    """
    name = shown or str(path)
    tagged, width = Tagged([], []), 0
    for first, lines in _blocks(_content(path, name)):
        rows = [_columns(line) for line in lines]
        width = width or next((len(row) for row in rows if len(row) > 1), 0)
        fault = _fault_of_lines(rows, width, name, first)
        if fault is not None:
            tagged.rejected.append(fault)
            continue
        tokens, tags = tuple(row[0] for row in rows), tuple(row[-1] for row in rows)
        tagged.sentences.append(Sentence(tokens, tags, name, first, line_a_word=True))
    if not tagged.sentences and not tagged.rejected:
        raise DataError(f"{name} holds no word. Write a word and its tag a line, or remove it.")
    return tagged


def read_tagged_jsonl(
    path: Path, shown: str | None = None, *, tokens: str = "tokens", tags: str = "tags"
) -> Tagged:
    """Read a JSONL file: an object a line, with a list of words and a list of tags.

    Parameters
    ----------
    path : Path
    shown : str, optional
        Its name for messages.
    tokens, tags : str
        Keys of the two lists.

    Returns
    -------
    Tagged
        Rejected, with their line: no_tokens and no_tags (no such key, no list, or an empty one),
        not_texts (an element is no text), empty_token and missing_tag (it is blank),
        different_lengths.

    Raises
    ------
    DataError
        See `sluice.data.readers.jsonl_file.json_rows`.
    """
    name = shown or str(path)
    return tagged_objects(json_rows(path, name), name, tokens=tokens, tags=tags)


def tagged_objects(
    rows: Iterable[tuple[int, Mapping[str, Any]]], name: str, *, tokens: str, tags: str
) -> Tagged:
    """Take numbered objects with a list of words and one of tags, see `read_tagged_jsonl`."""
    tagged = Tagged([], [])
    for line, row in rows:
        fault = _fault_of_lists(row, tokens, tags)
        if fault is not None:
            tagged.rejected.append(Rejected(name, line, *fault))
        else:
            tagged.sentences.append(Sentence(tuple(row[tokens]), tuple(row[tags]), name, line))
    return tagged


def _content(path: Path, shown: str) -> str:
    data = read_bytes(path, lines=True)
    refuse_foreign(data, shown)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(data, error, shown) from None


def _blocks(content: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line (from 1) of each sentence's first word, and the sentence's lines."""
    lines: list[str] = []
    number = 0
    # Not splitlines: a word may hold U+2028 and its kin.
    for number, line in enumerate(_LINE_END.split(content), start=1):
        if line.strip(_BLANK) and not line.startswith(_DOCUMENT):
            lines.append(line)
        elif lines:
            yield number - len(lines), lines
            lines = []
    if lines:
        yield number - len(lines) + 1, lines


def _columns(line: str) -> list[str]:
    if "\t" in line:
        return [part.strip(" ") for part in line.split("\t")]
    return [part for part in line.split(" ") if part]


def _fault_of_lines(rows: list[list[str]], width: int, shown: str, first: int) -> Rejected | None:
    for line, row in enumerate(rows, start=first):
        if len(row) < 2 or not row[-1]:
            what = f"The word {row[0]!r} has no tag. Write one behind it, O where it is of nothing."
            return Rejected(shown, line, "missing_tag", what)
        if not row[0].strip():
            what = f"The tag {row[-1]!r} has no word. Write the word before it, or drop the line."
            return Rejected(shown, line, "empty_token", what)
        if len(row) != width:
            what = f"The line has {len(row)} columns, the file's first word {width}. Correct it."
            return Rejected(shown, line, "other_columns", what)
    return None


def _fault_of_lists(row: Mapping[str, Any], tokens: str, tags: str) -> tuple[str, str] | None:
    words, marks = row.get(tokens), row.get(tags)
    for reason, key, values in (("no_tokens", tokens, words), ("no_tags", tags, marks)):
        if not isinstance(values, list) or not values:
            return reason, f"There is no list with an element under {key!r}. Write one."
        if not all(isinstance(value, str) for value in values):
            what = f"The list under {key!r} holds what is no text. Write names, not their numbers."
            return "not_texts", what
    assert isinstance(words, list)
    assert isinstance(marks, list)
    if len(words) != len(marks):
        what = f"There are {len(words)} words and {len(marks)} tags. Write one tag a word."
        return "different_lengths", what
    for reason, values in (("empty_token", words), ("missing_tag", marks)):
        blank = next((place for place, value in enumerate(values) if not value.strip()), None)
        if blank is not None:
            return (
                reason,
                f"Element {blank} (from 0) is blank. Fill it in, or drop it and its pair.",
            )
    return None
