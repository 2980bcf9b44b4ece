"""Rows of the task tokens: a sentence with a BIO tag for each word."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.classes import check_training_rows, split_warnings
from sluice.data.ingest.files import file_kind
from sluice.data.ingest.read_file import read_file
from sluice.data.ingest.row_format import Fault, FileRows, RowFormat, too_long
from sluice.data.ingest.validation_result import Row, Screened
from sluice.data.payloads.conversations import SHOWN_PART
from sluice.data.payloads.sentences import NO_SPAN, joined_words, read_sentence
from sluice.data.readers.conll import Sentence
from sluice.data.values.normalise import normalise
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.sentence_rows import SUFFIXES, refuse_ill_formed, sentence_rows


class SentenceFormat(RowFormat):
    """Sentences of CoNLL files, or of JSONL files with two lists a row.

    Case tells names apart, so it makes two sentences; it never parts them in the split.
    """

    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    delimited: ClassVar[bool] = False
    no_folders: ClassVar[str | None] = (
        "Give a CoNLL file, or JSONL with a list of words and one of tags in each object."
    )
    columns_named: ClassVar[str] = "tokens and tags columns, or that the files are CoNLL files"
    options_named: ClassVar[str] = "Check that each word has a BIO tag."
    label_key: ClassVar[str] = "tags"
    labels_beside: ClassVar[bool] = False
    classes: ClassVar[bool] = False
    sections: ClassVar[frozenset[str]] = frozenset({"bio"})

    def read(
        self, path: Path, name: str, config: DatasetConfig, *, every_column: bool = False
    ) -> FileRows:
        """Read every sentence; the column ``repaired`` counts tags that were made well-formed.

        CoNLL columns have no names: their sentences are written as JSONL files hold them.
        """
        raw = table = sentence_rows(path, TokensConfig.of(config), str(path), name)
        if every_column:
            of_json = file_kind(path, self.suffixes) == ".jsonl"
            table = read_file(path) if of_json else self.restore(raw.select(["text"]))

        def taken(rows: Sequence[Row]) -> list[Sentence]:
            return [read_sentence(row.text).sentence for row in rows]

        return FileRows(table, raw, [], taken)

    def fault(self, row: Row, config: DatasetConfig) -> Fault | None:
        """Refuse what its reader refused, tags that are no BIO, and long sentences.

        Its reasons: those of `sluice.data.readers.conll.Rejected`, no_bio_tag, ill_formed_bio,
        text_too_long.
        """
        read = read_sentence(row.text)
        return read.fault or too_long("sentence", len(read.words), config)

    def keys(self, text: str) -> tuple[str, str]:
        """Return the words, and the words without case."""
        sentence = read_sentence(text)
        return unicodedata.normalize("NFC", "\n".join(sentence.tokens)), normalise(sentence.words)

    def repeated(self, row: Row, first: Row) -> Fault:
        """Say whether the tags differ of sentences with the same words."""
        if read_sentence(row.text).tags == read_sentence(first.text).tags:
            return (
                "duplicate_text",
                f"The words equal those of {first.instance_id!r}. Nothing need be done: one of "
                "them is kept.",
            )
        return (
            "conflict",
            f"The words equal those of {first.instance_id!r}, which is kept, and the tags differ. "
            "Decide which are right and remove the other.",
        )

    def check_usable(self, screened: Screened, config: DatasetConfig) -> None:
        """Refuse fewer than two training rows, and training rows without a span."""
        check_training_rows(screened.kept)
        if all(row.label == NO_SPAN for row in screened.kept if row.split == "train"):
            raise DataError(
                "No training sentence has a span: every tag is O. Check that the last column of "
                "the files, or columns.tags in dataset.yaml, holds the tags."
            )

    def check_added(self, table: pa.Table) -> None:
        """Refuse tags that are no well-formed BIO; a run sets such rows aside."""
        refuse_ill_formed(table)

    def warnings(self, screened: Screened) -> list[str]:
        """Say which splits have no row."""
        return split_warnings(screened)

    def repairs(self, table: pa.Table) -> list[str]:
        """Say how many tags were made well-formed, where any were."""
        known = "repaired" in table.column_names
        counts = [n for n in table["repaired"].to_pylist() if n] if known else []
        if not counts:
            return []
        return [
            f"repaired_tags: {sum(counts)} tags of {len(counts)} sentences continued no span, and "
            "now begin one, as bio.repair says."
        ]

    def embedded(self, text: str) -> str:
        """Return the words."""
        return joined_words(text)

    def display(self, text: str, most: int = SHOWN_PART) -> str:
        """Return the words."""
        return joined_words(text)

    def restore(self, table: pa.Table) -> pa.Table:
        """Give sentences their ``tokens`` and ``tags`` back, a list each, in place of ``text``.

        Written as JSONL, `sluice add` reads it again.
        """
        rows = [read_sentence(text) for text in table["text"].to_pylist()]
        place = table.column_names.index("text")
        given = table.drop_columns(["text"])
        for name in ("tags", "tokens"):
            values = [list(getattr(row, name)) for row in rows]
            given = given.add_column(place, name, pa.array(values, pa.list_(pa.string())))
        return given
