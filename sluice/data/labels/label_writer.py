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

from sluice.core.bounded import read_bytes, unzipped
from sluice.core.errors import DataError
from sluice.data.ingest.files import file_kind
from sluice.data.readers.csv_dialect import (
    cell_end,
    delimiter_of,
    header_of,
    lines,
    records,
    refuse_broken,
)
from sluice.data.readers.jsonl_file import LINE_END
from sluice.data.values.stringify import value_text


def write_relabelled(
    source: Path,
    out: Path,
    column: str,
    labels: Mapping[int, str],
    delimiter: str | None = None,
) -> None:
    """Write a copy of a data file with labels in some rows.

    Rows keep their order and other columns their values; of CSV, TSV and JSONL files everything
    but the labels keeps every byte.

    Parameters
    ----------
    source : Path
        A file as `sluice.data.ingest.raw.read_file` reads it, but for Arrow files.
    out : Path
        Where the copy goes.
    column : str
        The column of the labels.
    labels : mapping of int to str
        Row, from 1 as `sluice.data.ingest.raw.read_raw` counts, to its label.
    delimiter : str, optional
        Of a CSV file, as it was read.

    Raises
    ------
    DataError
        Where the file is of a kind that is not written, or broken, or its column takes no such
        label.
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
        parts = _csv_lines(body, str(source), delimiter, column, labels)
    written = (mark + "".join(parts)).encode("utf-8")
    # Without the time of day equal content gives equal bytes.
    out.write_bytes(gzip.compress(written, mtime=0) if packed else written)


def _csv_lines(
    body: str, shown: str, delimiter: str | None, column: str, labels: Mapping[int, str]
) -> Iterator[str]:
    data = body.encode()
    delimiter = delimiter_of(data, shown, delimiter, [column])
    header = header_of(data, delimiter, shown)
    refuse_broken(data, delimiter, len(header), shown)
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines(data):
            taken.append(line)
            yield line

    row = -1
    for record in records(noted(), delimiter):
        raw = "".join(taken)
        taken.clear()
        row += bool(record)
        changed = bool(record) and row in labels
        yield _csv_line(raw, delimiter, header.index(column), labels[row]) if changed else raw


def _csv_line(raw: str, delimiter: str, place: int, label: str) -> str:
    """Put a label into one cell of a record; the other cells keep their quotes."""
    begin, end = 0, cell_end(raw, 0, delimiter)
    for _ in range(place):
        assert end is not None
        begin, end = end + 1, cell_end(raw, end + 1, delimiter)
    quoted = raw.startswith('"', begin)
    out = io.StringIO(newline="")
    csv.writer(
        out, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    ).writerow([label])
    return raw[:begin] + out.getvalue().removesuffix("\r\n") + raw[end:]


def _json_lines(body: str, column: str, labels: Mapping[int, str]) -> Iterator[str]:
    parts = LINE_END.split(body)
    texts, ends = parts[::2], [*parts[1::2], ""]
    rows = [json.loads(line) if line.strip() else None for line in texts]
    known = _known(row.get(column) for row in rows if row is not None)
    number = 0
    for line, end, row in zip(texts, ends, rows, strict=True):
        number += row is not None
        if row is None or number not in labels:
            yield line + end
            continue
        label = labels[number]
        yield _json_line(line, column, known.get(label, label)) + end


def _json_line(line: str, column: str, label: Any) -> str:
    """Put a label into one object; its other values keep their spelling."""
    decoder, written = json.JSONDecoder(), json.dumps(label, ensure_ascii=False)
    place, empty = _after_space(line, line.index("{") + 1), True
    while line[place] != "}":
        empty = False
        key, place = decoder.raw_decode(line, place)
        begin = _after_space(line, _after_space(line, place) + 1)
        _, end = decoder.raw_decode(line, begin)
        if key == column:
            return line[:begin] + written + line[end:]
        place = _after_space(line, end)
        if line[place] == ",":
            place = _after_space(line, place + 1)
    named = f"{json.dumps(column, ensure_ascii=False)}: {written}"
    return f"{line[:place]}{'' if empty else ', '}{named}{line[place:]}"


def _after_space(line: str, place: int) -> int:
    while line[place] in " \t":
        place += 1
    return place


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
