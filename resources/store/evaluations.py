"""Evaluations: one row per trained head, append-only, keyed by everything it depends on."""

from typing import Any

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.schema import TABLES


def known(lake: Lake, evaluation_ids: list[str]) -> set[str]:
    """Return those of the ids that have been evaluated already."""
    wanted = pa.table({"evaluation_id": pa.array(evaluation_ids, pa.string())})
    found = lake.read(
        "SELECT DISTINCT evaluation_id FROM wanted SEMI JOIN evaluations USING (evaluation_id)",
        given={"wanted": wanted},
    )
    return set(found["evaluation_id"].to_pylist())


def append(lake: Lake, rows: list[dict[str, Any]]) -> None:
    """Store evaluated subsets; ids that are there already keep their first row."""
    if not rows:
        return
    names = [column.split()[0] for column in TABLES["evaluations"].split(", ")]
    table = pa.table({name: [row[name] for row in rows] for name in names})

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("evaluated", table)
        cursor.execute(
            f"INSERT INTO evaluations SELECT {', '.join(names)} FROM evaluated e "
            "ANTI JOIN evaluations USING (evaluation_id)"
        )

    lake.write(work)


def read(lake: Lake, evaluation_ids: list[str]) -> list[dict[str, Any]]:
    """Return the evaluations with the given ids, by method, size and seed."""
    wanted = pa.table({"evaluation_id": pa.array(evaluation_ids, pa.string())})
    return lake.read(
        "SELECT e.* FROM evaluations e SEMI JOIN wanted USING (evaluation_id) "
        "ORDER BY method, size, seed",
        given={"wanted": wanted},
    ).to_pylist()
