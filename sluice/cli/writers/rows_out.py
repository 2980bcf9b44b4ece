"""Writes kept rows as Parquet, JSONL or CSV, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sluice.core.drafts import draft
from sluice.core.errors import ConfigError, DataError
from sluice.data.values.formulas import escape_table

OUT_SUFFIXES = (".parquet", ".jsonl", ".csv")


def check_out(out: Path, source: Path | None = None) -> None:
    """Raise unless rows can be written to `out`.

    Raises
    ------
    ConfigError
        Where the suffix is unknown, the folder is missing, or `out` is the source itself.
    """
    if out.suffix.lower() not in OUT_SUFFIXES:
        raise ConfigError(
            f"{out} cannot be written: its name must end in one of {', '.join(OUT_SUFFIXES)}."
        )
    if not out.parent.is_dir():
        raise ConfigError(f"{out.parent} is not a folder. Make it first, or write elsewhere.")
    if out.is_dir():
        raise ConfigError(f"{out} is a folder. Give the name of a file.")
    if source is not None and out.exists() and source.exists() and out.samefile(source):
        raise ConfigError(f"{out} is the file that is read. Write to another one.")


def write_rows(
    out: Path,
    table: pa.Table,
    gains: NDArray[np.float64],
    reasons: list[str],
    *,
    raw: bool = False,
) -> None:
    """Write rows in rank order with rank, gain and reason.

    A column that is already called so keeps its name; ours becomes ``sluice_rank`` and so on.

    Parameters
    ----------
    out : Path
        Parquet, JSONL or CSV by suffix; replaced in one step where it exists.
    table : Table
        The kept rows, in rank order.
    gains : ndarray of float64, shape (rows,)
    reasons : list of str, length rows
    raw : bool
        See `write_table`.

    Raises
    ------
    ConfigError
        See `check_out`.
    DataError
        Where the file cannot be written.
    """
    check_out(out)
    added = {
        "rank": pa.array(np.arange(1, table.num_rows + 1, dtype=np.int64)),
        "gain": pa.array(np.asarray(gains, dtype=np.float64)),
        "reason": pa.array(list(reasons), pa.string()),
    }
    for name, column in added.items():
        while name in table.column_names:
            name = f"sluice_{name}"
        table = table.append_column(name, column)
    write_table(out, table, raw=raw)


def write_table(out: Path, table: pa.Table, *, raw: bool = False) -> None:
    """Write a table beside `out` and rename it: nobody sees half a file.

    Parameters
    ----------
    out : Path
    table : Table
    raw : bool
        Whether texts that a spreadsheet would run are written to CSV as they are.

    Raises
    ------
    DataError
        Where the file cannot be written.
    """
    try:
        with draft(out) as hidden:
            _write(hidden, out.suffix.lower(), table, raw)
            hidden.replace(out)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror or error}.") from None


def _write(path: Path, suffix: str, table: pa.Table, raw: bool) -> None:
    if suffix == ".parquet":
        pq.write_table(table, path)
    elif suffix == ".csv":
        flat = _flat(table)
        pacsv.write_csv(flat if raw else escape_table(flat), path)
    else:
        with path.open("w", encoding="utf-8") as stream:
            for batch in table.to_batches(max_chunksize=10_000):
                for row in batch.to_pylist():
                    stream.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _flat(table: pa.Table) -> pa.Table:
    """Write lists and structs as JSON texts, since CSV has no place for them."""
    for place, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            values: list[Any] = table.column(place).to_pylist()
            texts = [
                None if v is None else json.dumps(v, ensure_ascii=False, default=str)
                for v in values
            ]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table
