"""Rows of the task tabular: the cells of some columns with a class."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.classes import check_classes, class_warnings
from sluice.data.ingest.label_spellings import NULL_LIKE
from sluice.data.ingest.row_format import Fault, FileRows, RowFormat, raw_rows
from sluice.data.ingest.validation_result import Row, Screened
from sluice.data.payloads.conversations import SHOWN_PART
from sluice.data.readers.columns import require_columns
from sluice.data.readers.jsonl_file import refuse_written
from sluice.data.readers.reading_warnings import warnings_of
from sluice.data.readers.saved_index import index_warning
from sluice.data.values.decimals import comma_warnings, decimal_of, with_points
from sluice.data.values.spelling import exact_number
from sluice.data.values.stringify import value_text
from sluice.data.values.targets import label_texts, refuse_quantities
from sluice.tasks.tabular.config import TabularConfig
from sluice.tasks.tabular.payload import (
    feature_columns,
    index_of,
    infinite_column,
    is_empty_row,
    row_texts,
    shown_row,
)


class TableFormat(RowFormat):
    """Columns of any types and a column of classes.

    Equal rows are kept, whatever their labels: few columns of few values repeat by themselves.
    """

    columns_named: ClassVar[str] = "label and feature columns"
    options_named: ClassVar[str] = "Check --feature-column and --label-column."
    distinct: ClassVar[bool] = False

    def columns_read(self, config: DatasetConfig) -> list[str] | None:
        """Return the features, where they are named, and what is special."""
        columns = TabularConfig.of(config).columns
        return None if columns.features is None else columns.named

    def of_table(self, table: pa.Table, config: DatasetConfig, shown: str, name: str) -> FileRows:
        """Write the features of each row as one text."""
        columns, decimal = TabularConfig.of(config).columns, config.reading.decimal
        index = index_of(table, columns)
        features = feature_columns(columns, table.column_names, shown, index)
        numbers = [*features, columns.label]
        values = with_points(table, numbers, decimal, shown)
        refuse_written(values, features, shown)
        made = {"text": row_texts(values, features, shown)}
        warnings = [*warnings_of(table), *comma_warnings(values, numbers, decimal, shown)]
        warnings += [index_warning(index, shown)] if index else []

        def taken(rows: Sequence[Row]) -> pa.Table:
            refuse_quantities((row.label for row in rows), f"{shown}: the column {columns.label!r}")
            return values.select(features).take([row.row - 1 for row in rows])

        raw = raw_rows(values, config, shown, name, made, label_texts)
        return FileRows(table, raw, warnings, taken, features)

    def contents(self, table: pa.Table, config: DatasetConfig, shown: str) -> list[str]:
        """Return the features of each row, as written for rows with a label."""
        columns = TabularConfig.of(config).columns
        beside = {*columns.special.values(), *index_of(table, columns)}
        features = columns.features or sorted({*table.column_names} - beside)
        require_columns(features, table.column_names, shown)
        values = with_points(table, features, config.reading.decimal, shown)
        refuse_written(values, features, shown)
        return row_texts(values, features, shown).to_pylist()

    def check_alike(self, first: Any, read: FileRows, shown: str) -> None:
        """Refuse a file with other features than the first."""
        if read.form != first:
            apart = sorted(set(read.form) ^ set(first))
            raise DataError(
                f"{shown} has other columns than the files before it: "
                f"{', '.join(map(repr, apart))} are in one and not in the other. Give all files "
                "the same columns, or name the ones to learn from under columns.features in "
                "dataset.yaml."
            )

    def decimal(self, table: pa.Table, config: DatasetConfig, shown: str) -> str | None:
        """Look for decimal commas in the features and the label."""
        columns = TabularConfig.of(config).columns
        index = index_of(table, columns)
        features = feature_columns(columns, table.column_names, shown, index)
        return decimal_of(table, [*features, columns.label], shown, NULL_LIKE)

    def fault(self, row: Row, config: DatasetConfig) -> Fault | None:
        """Refuse a row without a value, and one with an infinite number."""
        if is_empty_row(row.text):
            return "empty_row", "Every column of features is empty. Fill in at least one."
        infinite = infinite_column(row.text, TabularConfig.of(config).columns.types)
        if infinite is not None:
            return (
                "infinite_value",
                f"The column {infinite!r} holds an infinite number. Leave it empty or correct it; "
                "where it is a word, write categorical for the column under types.",
            )
        return None

    def keys(self, text: str) -> tuple[str, str]:
        """Return the text, twice: it is written in one way already."""
        return text, text

    def check_usable(self, screened: Screened, config: DatasetConfig) -> None:
        """Refuse labels that are quantities, too."""
        column = TabularConfig.of(config).columns.label
        refuse_quantities((r.label for r in screened.kept), f"The column {column!r}")
        check_classes(screened)

    def warnings(self, screened: Screened) -> list[str]:
        """Count the rows that repeat or contradict another, too."""
        return [*class_warnings(screened), *equal_rows(screened)]

    def display(self, text: str, most: int = SHOWN_PART) -> str:
        """Return the columns that have a value."""
        return shown_row(text)

    def restore(self, table: pa.Table) -> pa.Table:
        """Give rows their columns back, in place of the one text that holds them.

        A column of ours that is called like one of them becomes ``sluice_<name>``. Columns that
        mix numbers, truths and texts, or hold a number of more digits than 64 bits hold, are
        written as texts.
        """
        rows = [json.loads(text, parse_float=exact_number) for text in table["text"].to_pylist()]
        names = sorted({name for row in rows for name in row})
        ours = table.drop_columns(["text"])
        ours = ours.rename_columns([f"sluice_{n}" if n in names else n for n in ours.column_names])
        for name in reversed(names):
            ours = ours.add_column(2, name, _column([row.get(name) for row in rows]))
        return ours


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        # Whole numbers stay so, unless one is not, or is too large.
        present = [v for v in values if v is not None]
        if kinds == {int} and all(abs(v) < 2**63 for v in present):
            return pa.array(values, pa.int64())
        if all(float(v) == v for v in present):
            return pa.array([v if v is None else float(v) for v in values], pa.float64())
        if all(v == int(v) and abs(v) < 2**63 for v in present):
            return pa.array([v if v is None else int(v) for v in values], pa.int64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    return pa.array(map(value_text, values), pa.string())


def equal_rows(screened: Screened) -> list[str]:
    """Say how many rows of a table repeat another, and how many contradict one."""
    count = Counter(row.text for row in screened.kept)
    labelled = Counter((row.text, row.label) for row in screened.kept)
    repeats = sum(count.values()) - len(count)
    warnings: list[str] = []
    if repeats:
        warnings.append(
            f"duplicate_rows: {repeats} rows have the same features as an earlier one. They are "
            "kept; give a group or id column if they are one thing seen twice."
        )
    labels = Counter(text for text, _ in labelled)
    conflicting = sum(count[text] for text, different in labels.items() if different > 1)
    if conflicting:
        warnings.append(
            f"conflicting_labels: {conflicting} rows have the same features as a row with another "
            "label, so no classifier can be right about all of them. They are kept; add columns "
            "that tell them apart, or correct the labels."
        )
    return warnings
