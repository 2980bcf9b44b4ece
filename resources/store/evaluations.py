"""Evaluations: one row per trained model, append-only, keyed by everything it depends on.

In the table `evaluations`, or in `language_evaluations` where a language model was trained, or in
`token_evaluations` where a tagger was.
"""

from typing import Any

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.schema import TABLES
from resources.sql import identifier

TABLE = "evaluations"
LANGUAGE_TABLE = "language_evaluations"
TOKEN_TABLE = "token_evaluations"


def known(lake: Lake, evaluation_ids: list[str], table: str = TABLE) -> set[str]:
    """Return those of the ids that have been evaluated already."""
    wanted = pa.table({"evaluation_id": pa.array(evaluation_ids, pa.string())})
    found = lake.read(
        "SELECT DISTINCT evaluation_id FROM wanted "
        f"SEMI JOIN {identifier(table)} USING (evaluation_id)",
        given={"wanted": wanted},
    )
    return set(found["evaluation_id"].to_pylist())


def append(lake: Lake, rows: list[dict[str, Any]], table: str = TABLE) -> None:
    """Store evaluated subsets; ids that are there already keep their first row."""
    if not rows:
        return
    names = [column.split()[0] for column in TABLES[table].split(", ")]
    fresh = pa.table({name: [row[name] for row in rows] for name in names})

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("evaluated", fresh)
        cursor.execute(
            f"INSERT INTO {identifier(table)} BY NAME SELECT * FROM evaluated e "
            f"ANTI JOIN {identifier(table)} USING (evaluation_id)"
        )

    lake.write(work)


def read(lake: Lake, evaluation_ids: list[str], table: str = TABLE) -> list[dict[str, Any]]:
    """Return the evaluations with the given ids, by method, size and seed."""
    wanted = pa.table({"evaluation_id": pa.array(evaluation_ids, pa.string())})
    found = lake.read(
        f"SELECT e.* FROM {identifier(table)} e SEMI JOIN wanted USING (evaluation_id) "
        "ORDER BY method, size, seed",
        given={"wanted": wanted},
    )
    kept: dict[str, dict[str, Any]] = {}
    for row in found.to_pylist():
        first = kept.setdefault(row["evaluation_id"], row)
        if row["seconds"] is not None and row["seconds"] < first["seconds"]:
            kept[row["evaluation_id"]] = row
    return list(kept.values())
