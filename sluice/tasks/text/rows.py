"""Rows of the task text: a text with a class."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from sluice.data.config import DatasetConfig
from sluice.data.ingest.row_format import Fault, RowFormat, too_long
from sluice.data.ingest.validation_result import Row
from sluice.data.readers.columns import require_columns
from sluice.data.values.normalise import normalise
from sluice.data.values.stringify import column_text
from sluice.tasks.text.config import TextConfig


class TextFormat(RowFormat):
    """A column of texts and a column of classes; texts equal but for case are one."""

    columns_named: ClassVar[str] = "text and label columns"
    options_named: ClassVar[str] = "Check --text-column and --label-column."

    def contents(self, table: pa.Table, config: DatasetConfig, shown: str) -> list[str]:
        """Return the texts; an empty cell is an empty text."""
        name = TextConfig.of(config).columns.text
        require_columns([name], table.column_names, shown)
        texts = column_text(table.column(name), f"{shown}: the column {name!r}").to_pylist()
        return [text or "" for text in texts]

    def fault(self, row: Row, config: DatasetConfig) -> Fault | None:
        """Refuse an empty text, and one that is too long."""
        if not row.normalised:
            column = config.columns.special["text"]
            return "empty_text", f"The column {column!r} holds no text. Fill it in."
        return too_long("text", len(row.text), config)

    def keys(self, text: str) -> tuple[str, str]:
        """Return the text without case and spare white space, twice."""
        folded = normalise(text)
        return folded, folded
