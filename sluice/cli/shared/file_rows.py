"""The rows of one file: what a method takes of them, and what is written of those that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from sluice.data.config import DatasetConfig
    from sluice.data.ingest.validation import Row


@dataclass(frozen=True)
class FileRows:
    """A file as it was read.

    Attributes
    ----------
    table : Table
        Its rows with all columns: what kept rows are written of.
    raw : Table
        The same rows, as `sluice.data.ingest.raw.read_raw` returns them.
    taken : callable
        Returns some usable rows as `sluice.select` takes them.
    labels : bool
        Whether their labels go beside them.
    warnings : list of str
    """

    table: pa.Table
    raw: pa.Table
    taken: Callable[[list[Row]], Any]
    labels: bool
    warnings: list[str]


def read_rows_of(file: Path, config: DatasetConfig) -> FileRows:
    """Read a file of the task that a configuration names.

    Raises
    ------
    DataError
        It cannot be read, or lacks a column.
    """
    return _READERS[config.task](file, config)


def _read(file: Path, config: DatasetConfig) -> tuple[pa.Table, list[str]]:
    """Return a file with all its columns, and what to warn of."""
    from sluice.data.ingest.raw import read_file
    from sluice.data.readers.reading_warnings import warnings_of

    needed = list(config.columns.special.values())
    table = read_file(file, delimiter=config.reading.delimiter, needed=needed)
    return table, warnings_of(table)


def _texts(file: Path, config: DatasetConfig) -> FileRows:
    from sluice.data.ingest.raw import raw_rows

    table, warnings = _read(file, config)
    raw = raw_rows(table, config, str(file), file.name)
    return FileRows(_plain(table), raw, lambda rows: [row.text for row in rows], True, warnings)


def _conversations(file: Path, config: DatasetConfig) -> FileRows:
    from dataclasses import replace

    from sluice.data.ingest.unread import unread_warning

    made = _texts(file, config)
    return replace(made, warnings=[*made.warnings, *unread_warning(made.raw)])


def _features(file: Path, config: DatasetConfig) -> FileRows:
    from sluice.data.ingest.raw import raw_rows
    from sluice.data.payloads.table_rows import feature_columns
    from sluice.data.readers.saved_index import index_warning, saved_index
    from sluice.data.values.decimals import comma_warnings, with_points
    from sluice.data.values.targets import refuse_quantities

    table, warnings = _read(file, config)
    index = saved_index(table, config.columns)
    features = feature_columns(config.columns, table.column_names, "The file", index)
    label = str(config.columns.label)
    numbers = [*features, label]
    read = with_points(table, numbers, config.reading.decimal, str(file))
    warnings += [index_warning(index, str(file))] if index else []
    warnings += comma_warnings(read, numbers, config.reading.decimal, str(file))

    def taken(rows: list[Row]) -> pa.Table:
        refuse_quantities((row.label for row in rows), f"{file}: the column {label!r}")
        return read.select(features).take([row.row - 1 for row in rows])

    return FileRows(
        _plain(table), raw_rows(read, config, str(file), file.name), taken, True, warnings
    )


def _sentences(file: Path, config: DatasetConfig) -> FileRows:
    from sluice.cli.writers.sentences_out import with_words
    from sluice.data.ingest.files import TAGGED_SUFFIXES, file_kind
    from sluice.data.ingest.raw import read_file
    from sluice.data.ingest.sentence_checks import repair_warnings
    from sluice.data.payloads.sentence_rows import sentence_rows
    from sluice.data.payloads.sentences import read_sentence

    raw = sentence_rows(file, config, str(file), file.name)
    # CoNLL columns have no names: their sentences are written as JSONL files hold them.
    of_json = file_kind(file, TAGGED_SUFFIXES) == ".jsonl"
    table = read_file(file) if of_json else with_words(raw.select(["text"]))

    def taken(rows: list[Row]) -> list[Any]:
        return [read_sentence(row.text).sentence for row in rows]

    return FileRows(_plain(table), raw, taken, False, repair_warnings(raw))


def _plain(table: pa.Table) -> pa.Table:
    """Take off what a CSV file's table says of how it was read."""
    from sluice.data.values.decimals import DELIMITER

    read = DELIMITER in (table.schema.metadata or {})
    return table.replace_schema_metadata() if read else table


_READERS: Mapping[str, Callable[[Path, DatasetConfig], FileRows]] = {
    "text": _texts,
    "tabular": _features,
    "instructions": _conversations,
    "tokens": _sentences,
}
