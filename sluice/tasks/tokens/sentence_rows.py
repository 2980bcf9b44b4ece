"""Files of tagged sentences as raw rows: CoNLL columns, or JSONL with two lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from sluice.core.errors import DataError
from sluice.data.ingest.files import file_kind, readable
from sluice.data.payloads.bio import bio_fault, repaired
from sluice.data.payloads.sentences import read_sentence, sentence_text
from sluice.data.readers.columns import require_columns
from sluice.data.readers.conll import Sentence, Tagged, read_conll, read_tagged_jsonl
from sluice.data.readers.jsonl_file import json_rows
from sluice.data.values.stringify import value_text
from sluice.tasks.tokens.config import TokensConfig

SUFFIXES = (".conll", ".bio", ".iob", ".tsv", ".txt", ".jsonl")
BIO_FAULTS = ("no_bio_tag", "ill_formed_bio")
"""Reasons for which `sluice add` refuses a file; a run sets such rows aside."""
_NAMED = ("id", "group", "split")


@dataclass(frozen=True)
class SentenceRead:
    """One sentence of a file: its row's text, where it is (or is wrong), tags repaired."""

    line: int
    begins: int
    text: str
    repaired: int = 0


def sentence_rows(path: Path, config: TokensConfig, shown: str, name: str) -> pa.Table:
    """Read every sentence of a file, also those that cannot be used.

    Parameters
    ----------
    path : Path
        JSONL by its suffix, anything else of `SUFFIXES` is CoNLL.
    config : TokensConfig
    shown : str
        The file's path, for messages.
    name : str
        What the column ``file`` says.

    Returns
    -------
    Table
        As `sluice.data.ingest.raw.read_raw` returns it, and ``repaired`` (int64): tags that were
        made well-formed, where the configuration asks for it. The text is what
        `sluice.data.payloads.sentences.sentence_text` writes, the label the types of the spans;
        ``row`` is the line on which a sentence begins, or on which it is wrong.

    Raises
    ------
    DataError
        The file is missing, empty, unreadable, not UTF-8 or broken, holds no word, or cannot have
        the columns that the configuration names.
    """
    columns = config.columns
    of_json = file_kind(path, SUFFIXES) == ".jsonl"
    with readable(path):
        if of_json:
            tokens, tags = columns.tokens or "tokens", columns.tags or "tags"
            objects = dict(json_rows(path, shown))
            present = list(dict.fromkeys(key for each in objects.values() for key in each))
            named = {key: getattr(columns, key) for key in _NAMED if getattr(columns, key)}
            require_columns([tokens, tags, *named.values()], present, shown)
            tagged = read_tagged_jsonl(path, shown, tokens=tokens, tags=tags)
        else:
            objects, named = {}, {}
            _refuse_names(config, shown)
            tagged = read_conll(path, shown)
    rows = _rows(tagged, repair=config.bio.repair)
    texts = [row.text for row in rows]
    found: dict[str, Any] = {
        "text": pa.array(texts, pa.string()),
        "label": pa.array([read_sentence(text).label for text in texts], pa.string()),
    }
    for meaning, column in named.items():
        values = [value_text(objects[row.begins].get(column)) for row in rows]
        found[meaning] = pa.array(values, pa.string())
    found["file"] = pa.array([name] * len(rows), pa.string())
    found["row"] = pa.array([row.line for row in rows], pa.int64())
    found["repaired"] = pa.array([row.repaired for row in rows], pa.int64())
    return pa.table(found)


def _rows(tagged: Tagged, *, repair: bool) -> list[SentenceRead]:
    """Return the usable and the unusable sentences of a file, by line."""
    rows = [checked_sentence(sentence, repair=repair) for sentence in tagged.sentences]
    rows += [
        SentenceRead(each.line, each.line, sentence_text((), (), (each.reason, each.detail)))
        for each in tagged.rejected
    ]
    return sorted(rows, key=lambda row: row.line)


def checked_sentence(sentence: Sentence, *, repair: bool) -> SentenceRead:
    """Write a sentence as a row's text, with what is wrong with its tags or after their repair."""
    tokens, tags, changed = sentence.tokens, sentence.tags, 0
    fault = bio_fault(tags)
    if fault is not None and fault.reason == "ill_formed_bio" and repair:
        tags, changed = repaired(tags)
        fault = None
    if fault is None:
        return SentenceRead(sentence.line, sentence.line, sentence_text(tokens, tags), changed)
    detail = f"At {tokens[fault.word]!r} {fault.detail}"
    text = sentence_text(tokens, tags, (fault.reason, detail))
    return SentenceRead(sentence.line_of(fault.word), sentence.line, text)


def _refuse_names(config: TokensConfig, shown: str) -> None:
    for key in ("tokens", "tags", *_NAMED):
        if getattr(config.columns, key) is not None:
            raise DataError(
                f"{shown} is a CoNLL file, whose columns have no names, and columns.{key} in "
                "dataset.yaml names one. Remove it, or write the sentences as JSONL with one "
                "object a line."
            )


def refuse_ill_formed(table: pa.Table) -> None:
    """Refuse raw rows whose tags are not well-formed BIO.

    Raises
    ------
    DataError
        It names the first such place, what is wrong, what to do, and how many there are.
    """
    files, lines = table["file"].to_pylist(), table["row"].to_pylist()
    read = map(read_sentence, table["text"].to_pylist())
    wrong = [
        (file, line, row.fault)
        for file, line, row in zip(files, lines, read, strict=True)
        if row.fault is not None and row.fault[0] in BIO_FAULTS
    ]
    if not wrong:
        return
    file, line, (reason, detail) = wrong[0]
    more = f" So it is in {len(wrong)} sentences." if len(wrong) > 1 else ""
    repair = (
        " --repair (bio: {repair: true} in dataset.yaml) makes every such tag begin a span."
        if reason == "ill_formed_bio"
        else ""
    )
    raise DataError(f"{file}, line {line}: {detail}{repair}{more}")
