"""Instances and rejected rows: the present manifest of a dataset over append-only contents."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from resources import run_cache
from resources.lake import Lake
from resources.store.repeats import without_repeats

ROWS = "rows"


@dataclass(frozen=True)
class Change:
    """How a stored set of rows changed."""

    total: int
    new: int
    reused: int
    removed: int


_REJECTED = "instance_id, file, row_number, reason, detail, text, label"


def replace_instances(lake: Lake, dataset: str, instances: pa.Table, rejected: pa.Table) -> Change:
    """Make the stored manifest equal to `instances`, touching only the rows that differ.

    Parameters
    ----------
    lake : Lake
    dataset : str
    instances : pyarrow.Table
        instance_id, content_hash, text_hash, text, label, split, file.
    rejected : pyarrow.Table
        instance_id, file, row, reason, detail, text, label.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> Change:
        cursor.register("incoming", instances)
        cursor.register("set_aside", rejected)
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE stale AS "
            "SELECT m.instance_id FROM instances m LEFT JOIN incoming i USING (instance_id) "
            "WHERE m.dataset = ? AND (i.instance_id IS NULL OR m.content_hash <> i.content_hash "
            "OR m.split <> i.split OR m.file <> i.file OR m.instance_id IN (SELECT instance_id "
            "FROM instances WHERE dataset = ? GROUP BY instance_id HAVING count(*) > 1))",
            [dataset, dataset],
        )
        before = _count(cursor, "SELECT count(*) FROM instances WHERE dataset = ?", [dataset])
        stale = _count(cursor, "SELECT count(*) FROM stale")
        removed = _count(
            cursor, "SELECT count(*) FROM stale ANTI JOIN incoming USING (instance_id)"
        )
        if stale:
            cursor.execute(
                "DELETE FROM instances WHERE dataset = ? "
                "AND instance_id IN (SELECT instance_id FROM stale)",
                [dataset],
            )
        cursor.execute(
            "INSERT INTO instances "
            "SELECT ?, instance_id, content_hash, text_hash, split, file FROM incoming "
            "WHERE instance_id NOT IN (SELECT instance_id FROM instances WHERE dataset = ?) "
            "ORDER BY instance_id",
            [dataset, dataset],
        )
        cursor.execute(
            "INSERT INTO contents SELECT DISTINCT ?, content_hash, text, label FROM incoming "
            "WHERE content_hash NOT IN (SELECT content_hash FROM contents WHERE dataset = ?)",
            [dataset, dataset],
        )
        cursor.execute("DELETE FROM rejected WHERE dataset = ?", [dataset])
        cursor.execute(
            'INSERT INTO rejected SELECT ?, instance_id, file, "row", reason, detail, text, '
            "label FROM set_aside",
            [dataset],
        )
        reused = before - stale
        return Change(instances.num_rows, instances.num_rows - reused, reused, removed)

    run_cache.invalidate(lake, dataset, ROWS)
    return lake.write(work)


def read_instances(lake: Lake, dataset: str, split: str | None = None) -> pa.Table:
    """Return the present instances of a dataset with their contents, sorted by id."""
    found = lake.read(
        "SELECT i.instance_id, i.content_hash, i.text_hash, i.split, i.file, c.text, c.label "
        "FROM instances i JOIN contents c "
        "ON c.dataset = i.dataset AND c.content_hash = i.content_hash "
        "WHERE i.dataset = ? AND i.split = coalesce(?, i.split) "
        "ORDER BY i.instance_id, i.content_hash, i.split, i.file",
        [dataset, split or None],
    )
    return without_repeats(found, "instance_id")


def read_rejected(lake: Lake, dataset: str) -> pa.Table:
    """Return the rows that were set aside, with the reason of each."""
    return lake.read(
        f"SELECT {_REJECTED} FROM rejected WHERE dataset = ? ORDER BY reason, instance_id",
        [dataset],
    )


def _count(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[str] | None = None) -> int:
    row = cursor.execute(sql, parameters or []).fetchone()
    return int(row[0]) if row else 0
