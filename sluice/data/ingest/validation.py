"""Sets aside the rows that cannot be used, each with the reason and what to do."""

from __future__ import annotations

from collections import Counter, defaultdict

import pyarrow as pa

from sluice.core.digests import content_hash
from sluice.data.config import DatasetConfig
from sluice.data.ingest.label_spellings import merged
from sluice.data.ingest.row_format import RowFormat, format_of
from sluice.data.ingest.row_rules import row_fault
from sluice.data.ingest.splits import UNLABELLED, hashed_split, named_split
from sluice.data.ingest.validation_result import Rejection, Row, Screened
from sluice.data.readers.saved_folder import folder_split

__all__ = ["Rejection", "Row", "Screened", "screen"]


def screen(table: pa.Table, config: DatasetConfig) -> Screened:
    """Separate usable rows from the others, the same under any order of the rows.

    Each row is first checked by itself (see `sluice.data.ingest.row_rules.row_fault`), then
    against the others: duplicate_id, and what the row format says of rows with the same key.
    Where such rows are kept, a row without a label is in the split `UNLABELLED`, and gives way to
    an equal one that has a label.
    Cost: one hash and one normalisation a row and O(n log n) comparisons; all rows in memory.

    Parameters
    ----------
    table : Table
        As `sluice.data.ingest.raw.read_raw` returns it.
    config : DatasetConfig
        Its columns, shares and limits.

    Returns
    -------
    Screened

    Raises
    ------
    DataError
        Rows contradict each other, see `RowFormat.check_between`.
    """
    rows_format = format_of(config)
    rows, missing = _rows(table, config, rows_format)
    kept: list[Row] = []
    rejected: list[Rejection] = []
    for row, without_id in zip(rows, missing, strict=True):
        fault = row_fault(row, without_id, config, rows_format)
        if fault is None:
            kept.append(row if row.label else row._replace(split=UNLABELLED))
        else:
            rejected.append(Rejection(row, *fault))
    rows_format.check_between(kept, config)
    kept = _unique_ids(kept, rejected)
    if rows_format.distinct:
        kept = _unique_texts(kept, rejected, rows_format)
    kept.sort(key=lambda row: row.instance_id)
    rejected.sort(key=lambda r: (r.row.instance_id, r.row.file, r.row.row))
    return Screened(kept, rejected)


def _rows(table: pa.Table, config: DatasetConfig, rows: RowFormat) -> tuple[list[Row], list[bool]]:
    """Return every row with its id, and whether a row lacks the id that it should have."""

    def values(name: str) -> list[str | None]:
        present = name in table.column_names
        return table.column(name).to_pylist() if present else [None] * table.num_rows

    texts = [text or "" for text in values("text")]
    labels = [(label or "").strip() for label in values("label")]
    if config.reading.merge_case:
        labels = merged(labels)
    hashes = [content_hash(t, y) for t, y in zip(texts, labels, strict=True)]
    keys = [rows.keys(text) for text in texts]
    beside = values("unread")
    normalised = [
        f"{key}\n{more}" if more else key for (key, _), more in zip(keys, beside, strict=True)
    ]
    placed = [place for _, place in keys]
    groups, named = values("group"), values("split")
    files: list[str] = table.column("file").to_pylist()
    numbers: list[int] = table.column("row").to_pylist()
    if config.columns.split is not None:
        splits = [named_split(value) for value in named]
    elif config.split.by == "folder":
        splits = [folder_split(name) for name in files]
    else:
        splits = [hashed_split(t, g, config) for t, g in zip(placed, groups, strict=True)]
    given = values("id")
    missing = [config.columns.id is not None and not (i or "").strip() for i in given]
    ids = [name or "" for name in given]
    # Equal contents are told apart by an ordinal; everything that differs between them orders
    # them, so that the order of the rows does not.
    unnamed = [place for place, name in enumerate(ids) if not name.strip()]
    equal = Counter(hashes[place][:16] for place in unnamed)
    repeated: list[int] = []
    for place in unnamed:
        short = hashes[place][:16]
        ids[place] = f"{short}-0"
        if equal[short] > 1:
            repeated.append(place)
    repeated.sort(key=lambda i: (hashes[i], named[i] or "", groups[i] or "", files[i], numbers[i]))
    seen: Counter[str] = Counter()
    for place in repeated:
        short = hashes[place][:16]
        ids[place] = f"{short}-{seen[short]}"
        seen[short] += 1
    columns = (ids, hashes, texts, labels, normalised, splits, groups, files, numbers, placed)
    return [Row(*fields) for fields in zip(*columns, strict=True)], missing


def _where(row: Row) -> str:
    return f"{row.file}, row {row.row}"


def _unique_ids(rows: list[Row], rejected: list[Rejection]) -> list[Row]:
    """Keep one row an id: one with a label, the smallest content hash, then text, then place."""
    kept, repeated = _singles(rows, [row.instance_id for row in rows])
    for same in repeated:
        same.sort(
            key=lambda r: (
                not r.label,
                r.content,
                r.text,
                r.split or "",
                r.group or "",
                r.file,
                r.row,
            )
        )
        first = same[0]
        detail = (
            f"The id {first.instance_id!r} is also that of {_where(first)}, which is kept. "
            "Give each row an id of its own."
        )
        rejected.extend(Rejection(row, "duplicate_id", detail) for row in same[1:])
        kept.append(first)
    return kept


def _unique_texts(rows: list[Row], rejected: list[Rejection], of: RowFormat) -> list[Row]:
    """Keep one row a normalised text: one with a label, the smallest id."""
    kept, repeated = _singles(rows, [row.normalised for row in rows])
    for same in repeated:
        same.sort(key=lambda r: (not r.label, r.instance_id))
        first = same[0]
        rejected.extend(Rejection(row, *of.repeated(row, first)) for row in same[1:])
        kept.append(first)
    return kept


def _singles(rows: list[Row], keys: list[str]) -> tuple[list[Row], list[list[Row]]]:
    """Separate the rows whose key is unique from the groups of rows that share one."""
    counts = Counter(keys)
    kept: list[Row] = []
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row, key in zip(rows, keys, strict=True):
        if counts[key] == 1:
            kept.append(row)
        else:
            groups[key].append(row)
    return kept, list(groups.values())
