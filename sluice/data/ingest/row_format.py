"""How rows of a task are read, checked, told apart, shown and written back: its row format.

`RowFormat` is that of files of columns whose rows have a class; a task says what is different.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from sluice.core import registry
from sluice.data.config import TASKS, DatasetConfig
from sluice.data.ingest.classes import check_classes, class_warnings
from sluice.data.ingest.read_file import read_file
from sluice.data.ingest.validation_result import Row, Screened
from sluice.data.payloads.conversations import SHOWN_PART
from sluice.data.readers.columns import require_columns
from sluice.data.readers.jsonl_file import refuse_written
from sluice.data.readers.reading_warnings import warnings_of
from sluice.data.values.stringify import column_text

Fault = tuple[str, str]
"""Why a row cannot be used: its reason, and a detail that says what to do."""


@dataclass(frozen=True)
class FileRows:
    """One file as it was read.

    Attributes
    ----------
    table : Table
        Its rows as the file holds them: what kept rows are written of.
    raw : Table
        The same rows, as `sluice.data.ingest.raw.read_raw` returns them.
    warnings : list of str
    taken : callable
        Returns some usable rows as `sluice.select` takes them.
    form : object
        What all files of a dataset must have in common.
    """

    table: pa.Table
    raw: pa.Table
    warnings: list[str]
    taken: Callable[[Sequence[Row]], Any]
    form: Any = None


class RowFormat:
    """The rows of one task: columns of texts with a class each, unless a subclass says otherwise.

    A row becomes one text, `payload`, which `keys`, `fault`, `display` and `restore` read again.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    """Endings of the files that are read; none for those of every reader."""
    delimited: ClassVar[bool] = True
    """Whether CSV files show by their header how they are written."""
    no_folders: ClassVar[str | None] = None
    """What to give instead of a folder that Hugging Face's `datasets` saved; None: it is read."""
    columns_named: ClassVar[str]
    """What columns of a dataset.yaml hold a row, for messages."""
    options_named: ClassVar[str]
    """What to check of the options of `sluice select` where no row can be used."""
    label_key: ClassVar[str] = "label"
    """Key of the columns that a row's label comes from."""
    labels_beside: ClassVar[bool] = True
    """Whether labels are given beside the rows that `sluice.select` takes."""
    classes: ClassVar[bool] = True
    """Whether labels are classes that a model must tell apart."""
    sections: ClassVar[frozenset[str]] = frozenset()
    """Sections of the task's `dataset.yaml` that rows depend on beside what all do."""
    distinct: ClassVar[bool] = True
    """Whether of rows with one key all but one are set aside, see `repeated`."""

    # Reading

    def read(
        self, path: Path, name: str, config: DatasetConfig, *, every_column: bool = False
    ) -> FileRows:
        """Read one file.

        Parameters
        ----------
        path : Path
        name : str
            What the column ``file`` says.
        config : DatasetConfig
        every_column : bool
            Whether the table must hold the columns that mean nothing, too.

        Raises
        ------
        DataError
            It is missing, empty, unreadable, broken, not UTF-8, or lacks a column.
        """
        table = read_file(
            path,
            None if every_column else self.columns_read(config),
            delimiter=config.reading.delimiter,
            needed=list(config.columns.special.values()),
        )
        return self.of_table(table, config, str(path), name)

    def columns_read(self, config: DatasetConfig) -> list[str] | None:
        """Return the columns of the files that are read, None for all of them."""
        return config.columns.named

    def of_table(self, table: pa.Table, config: DatasetConfig, shown: str, name: str) -> FileRows:
        """Take the columns of one file, see `read`."""
        raw = raw_rows(table, config, shown, name)
        return FileRows(table, raw, warnings_of(table), lambda rows: [row.text for row in rows])

    def contents(self, table: pa.Table, config: DatasetConfig, shown: str) -> list[str]:
        """Return what each row of a file holds, whether or not it has a label: its payload.

        Raises
        ------
        DataError
            A column is missing, or a value cannot be read.
        """
        raise NotImplementedError

    def check_alike(self, first: Any, read: FileRows, shown: str) -> None:
        """Raise DataError unless a file has the `form` of the first one of its dataset."""

    def reading_warnings(self, whole: pa.Table) -> list[str]:
        """Return what a person should know of how all files were read."""
        return []

    def with_form(self, path: Path, config: DatasetConfig) -> tuple[DatasetConfig, str]:
        """Write into a configuration how a file shows its rows, and say it; nothing by default."""
        return config, ""

    def decimal(self, table: pa.Table, config: DatasetConfig, shown: str) -> str | None:
        """Return what separates the decimals of a file's texts, None where nothing is unusual."""
        return None

    # Validation

    def stored(self, row: Row) -> dict[str, str]:
        """Return what is kept of a row as it is, by its column's key: it may hold no NUL."""
        return {
            "id": row.instance_id,
            self.label_key: row.label,
            "text": row.text,
            "group": row.group or "",
        }

    def fault(self, row: Row, config: DatasetConfig) -> Fault | None:
        """Return why the content of a row cannot be used, or None."""
        raise NotImplementedError

    def keys(self, text: str) -> tuple[str, str]:
        """Return what makes a row the same as another, and what places it in a split by a hash."""
        raise NotImplementedError

    def repeated(self, row: Row, first: Row) -> Fault:
        """Say why a row is set aside that has the key of another, which is kept."""
        if row.label in (first.label, ""):
            return (
                "duplicate_text",
                f"The text equals that of {first.instance_id!r} but for case and white space. "
                "Nothing need be done: one of them is kept.",
            )
        return (
            "conflict",
            f"The text equals that of {first.instance_id!r}, which is kept with the label "
            f"{first.label!r}; this row says {row.label!r}. Decide which is right and remove the "
            "other.",
        )

    def check_between(self, rows: Sequence[Row], config: DatasetConfig) -> None:
        """Raise DataError where usable rows contradict each other as a whole."""

    def check_usable(self, screened: Screened, config: DatasetConfig) -> None:
        """Raise DataError unless something can be learnt of the usable rows, of which some are."""
        check_classes(screened)

    def check_added(self, table: pa.Table) -> None:
        """Raise DataError where `sluice add` refuses raw rows that a run would set aside."""

    def warnings(self, screened: Screened) -> list[str]:
        """Return what a person should know of the usable rows, each with its name and a colon."""
        return class_warnings(screened)

    def repairs(self, table: pa.Table) -> list[str]:
        """Say what was repaired in raw rows."""
        return []

    # Out again

    def display(self, text: str, most: int = SHOWN_PART) -> str:
        """Return the text of a row for people, of long parts so many characters."""
        return text

    def embedded(self, text: str) -> str:
        """Return what a sentence encoder reads of the text of a row."""
        return text

    def restore(self, table: pa.Table) -> pa.Table:
        """Write rows of the lake as files hold them: a table with ``text`` and ``label``."""
        return table


def format_of(config: DatasetConfig) -> RowFormat:
    """Return the row format of a dataset's task."""
    return registry.load(TASKS, config.task).rows


def raw_rows(
    table: pa.Table,
    config: DatasetConfig,
    shown: str,
    name: str,
    made: Mapping[str, pa.ChunkedArray | pa.Array] | None = None,
    written: Callable[[pa.ChunkedArray, str], pa.ChunkedArray] = column_text,
) -> pa.Table:
    """Turn the columns of one file into raw rows.

    Parameters
    ----------
    table : Table
        As `sluice.data.ingest.read_file.read_file` returns it.
    config : DatasetConfig
        What its columns mean.
    shown : str
        The file's path, for messages.
    name : str
        What the column ``file`` says.
    made : mapping of str to Array, optional
        Columns that were made already: the text, where several columns hold it.
    written : callable
        Writes a column of labels as texts.

    Returns
    -------
    Table
        The columns of `sluice.data.ingest.raw.read_raw`.

    Raises
    ------
    DataError
        Where a column is missing or is no text.
    """
    special = config.columns.special
    require_columns(list(special.values()), table.column_names, shown)
    refuse_written(table, list(special.values()), shown)
    columns: dict[str, pa.ChunkedArray | pa.Array] = dict(made or {})
    for meaning, column in special.items():
        write = written if meaning == "label" else column_text
        columns[meaning] = write(table.column(column), f"{shown}: the column {column!r}")
    columns["file"] = pa.repeat(pa.scalar(name, pa.string()), table.num_rows)
    columns["row"] = pa.array(np.arange(1, table.num_rows + 1, dtype=np.int64))
    return pa.table(columns)


def too_long(what: str, characters: int, config: DatasetConfig) -> Fault | None:
    """Return the fault of a row with more characters than it may have, or None."""
    most = config.limits.max_characters
    if characters <= most:
        return None
    return (
        "text_too_long",
        f"The {what} has {characters} characters, more than limits.max_characters ({most}). "
        "Shorten it or raise the limit.",
    )
