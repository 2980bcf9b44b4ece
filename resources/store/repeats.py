"""Rows that are there twice: two machines once stored the same at the same time.

Writers on a Postgres catalogue wait for each other now; what was stored before is read as if it
were there once, and maintenance removes the rest.
"""

from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as compute

pc: Any = compute

# What makes a row of each table the same row.
KEYS: dict[str, str] = {
    "contents": "dataset, content_hash",
    "instances": "dataset, instance_id",
    "embeddings": "input_hash",
    "token_losses": "input_hash",
    "tags": "input_hash",
    "rewrites": "input_hash",
    "graphs": "dataset, graph, position",
    "part_edges": "dataset, graph, place",
    "scores": "dataset, method, instance_id",
    "queries": "dataset, rank",
    "echoes": "dataset, instance_id",
    "label_rounds": "dataset, round, instance_id",
    "selections": "selection_id",
    "subsets": "selection_id, rank",
    "evaluations": "evaluation_id",
    "language_evaluations": "evaluation_id",
    "token_evaluations": "evaluation_id",
    "outcomes": "evaluation_id, split, metric, instance_id",
    "candidates": "dataset, item, input_hash",
    "choices": "choice_id, item, rank",
    "trials": "search_id, step",
}
# Of rows that differ, the one that is read stays.
_LEAST = {
    "embeddings": "vector",
    "token_losses": "conditional, windowed, unconditional",
    "tags": "tags",
    "rewrites": "rewritten",
    "scores": "value",
    "instances": "content_hash, split, file",
    "evaluations": "seconds",
    "language_evaluations": "seconds",
    "token_evaluations": "seconds",
    "candidates": "content",
}


def without_repeats(rows: pa.Table, *keys: str) -> pa.Table:
    """Return sorted rows without those whose keys are those of the row before.

    Costs a comparison a row, and a copy only where there are such rows.
    """
    if rows.num_rows < 2:
        return rows
    same: pa.ChunkedArray | None = None
    for key in keys:
        column = rows[key]
        equal = pc.fill_null(pc.equal(column.slice(1), column.slice(0, rows.num_rows - 1)), False)
        same = equal if same is None else pc.and_(same, equal)
    if same is None or not pc.any(same).as_py():
        return rows
    return rows.filter(pa.concat_arrays([pa.array([True]), *pc.invert(same).chunks]))


def remove(cursor: duckdb.DuckDBPyConnection) -> int:
    """Delete all but one of rows that are there twice, table by table; return how many went."""
    removed = 0
    for table, keys in KEYS.items():
        order = _LEAST.get(table, keys)
        found = cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY {keys} HAVING count(*) > 1)"
        ).fetchone()
        if found and found[0]:
            row = cursor.execute(
                f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} QUALIFY "
                f"row_number() OVER (PARTITION BY {keys} ORDER BY {order}, rowid) > 1)"
            ).fetchone()
            removed += int(row[0]) if row else 0
    return removed
