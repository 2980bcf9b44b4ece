"""One data file with other labels in some rows, and nothing else changed."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.data.bounded import read_bytes, unzipped
from sluice.data.files import file_kind
from sluice.data.textual import value_text
from sluice.errors import DataError


def write_relabelled(source: Path, out: Path, column: str, labels: Mapping[int, str]) -> None:
    """Write a copy of a data file with labels in some rows.

    Rows keep their order and other columns their values; of CSV, TSV and JSONL files the lines of
    other rows keep every byte.

    Parameters
    ----------
    source : Path
        A file as `sluice.data.raw.read_file` reads it, but for Arrow files.
    out : Path
        Where the copy goes.
    column : str
        The column of the labels.
    labels : mapping of int to str
        Row, from 1 as `sluice.data.raw.read_raw` counts, to its label.

    Raises
    ------
    DataError
        Where the file is of a kind that is not written, or its column takes no such label.
    """
    kind = file_kind(source)
    if kind == ".parquet":
        _parquet(source, out, column, labels)
        return
    if kind == ".arrow":
        raise DataError(
            f"{source} is an Arrow file, into which no labels are written. Store the rows as "
            "Parquet, JSONL or CSV and name that file in dataset.yaml."
        )
    data = read_bytes(source)
    packed = kind.endswith(".gz")
    text = (unzipped(data, str(source)) if packed else data).decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(mark)
    if kind == ".jsonl":
        parts = _json_lines(body, column, labels)
    else:
        parts = _csv_lines(body, "\t" if ".tsv" in kind else ",", column, labels)
    written = (mark + "".join(parts)).encode("utf-8")
    # Without the time of day equal content gives equal bytes.
    out.write_bytes(gzip.compress(written, mtime=0) if packed else written)


def _csv_lines(body: str, delimiter: str, column: str, labels: Mapping[int, str]) -> Iterator[str]:
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(body, newline=""):
            taken.append(line)
            yield line

    place, row = -1, 0
    for record in csv.reader(lines(), delimiter=delimiter, strict=True):
        raw = "".join(taken)
        taken.clear()
        if not record:
            yield raw
        elif place < 0:
            place = record.index(column)
            yield raw
        else:
            row += 1
            yield _csv_line(raw, record, delimiter, place, labels[row]) if row in labels else raw


def _csv_line(raw: str, record: list[str], delimiter: str, place: int, label: str) -> str:
    end = raw[len(raw.rstrip("\r\n")) :]
    changed = [*record[:place], label, *record[place + 1 :]]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerow(changed)
    return out.getvalue()


def _json_lines(body: str, column: str, labels: Mapping[int, str]) -> Iterator[str]:
    lines = body.split("\n")
    rows = [json.loads(line) if line.strip() else None for line in lines]
    known = _known(row.get(column) for row in rows if row is not None)
    number = 0
    for place, (line, row) in enumerate(zip(lines, rows, strict=True)):
        end = "\n" if place + 1 < len(lines) else ""
        number += row is not None
        if row is None or number not in labels:
            yield line + end
            continue
        label = labels[number]
        changed = {**row, column: known.get(label, label)}
        returned = "\r" if line.endswith("\r") else ""
        yield json.dumps(changed, ensure_ascii=False) + returned + end


def _known(values: Iterator[Any]) -> dict[str, Any]:
    """Map classes to the values that stand for them: a 3 stays a number beside others."""
    texts = ((value_text(value), value) for value in values)
    return {text.strip(): value for text, value in texts if text is not None and text.strip()}


def _parquet(source: Path, out: Path, column: str, labels: Mapping[int, str]) -> None:
    with pq.ParquetFile(source) as file:
        table = file.read()
        codec = file.metadata.row_group(0).column(0).compression if file.num_row_groups else "NONE"
    place = table.column_names.index(column)
    field = table.schema.field(place)
    kind = field.type
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    values: list[Any] = table.column(place).to_pylist()
    known = _known(iter(values))
    for row, label in labels.items():
        values[row - 1] = known.get(label, label)
    try:
        made = _array(values, plain)
        # A column of nothing has no type of its own yet.
        made = made.cast(kind) if pa.types.is_dictionary(kind) else made
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise DataError(
            f"{source}: the column {column!r} holds {plain}, which takes no such label: {error}. "
            "Store the column as text first."
        ) from None
    nullable = pa.field(field.name, made.type, True, field.metadata)
    changed = table.set_column(place, nullable, made)
    pq.write_table(
        changed.replace_schema_metadata(table.schema.metadata),
        out,
        compression="NONE" if codec == "UNCOMPRESSED" else codec,
    )


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_null(kind):
        return pa.array(values, pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array(values, kind)
    # New classes arrive as texts, whatever the type of the column.
    texts = [v for v in values if isinstance(v, str)]
    written = {t: pa.scalar(t).cast(kind).as_py() for t in dict.fromkeys(texts)}
    return pa.array([written[v] if isinstance(v, str) else v for v in values], kind)
