"""What searches tried, step by step: append-only, and what a search is resumed from."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from resources.lake import Lake

_PLAIN = ("method", "seed", "step", "arm", "reward", "objective", "reason")
_COLUMNS = ", ".join((*_PLAIN, "state"))
_SCHEMA = pa.schema(
    [
        *(("method", pa.string()), ("seed", pa.int32()), ("step", pa.int64())),
        *(("arm", pa.string()), ("reward", pa.float64()), ("objective", pa.float64())),
        *(("reason", pa.string()), ("state", pa.string())),
    ]
)


def append(
    lake: Lake,
    dataset: str,
    search_id: str,
    trials: Sequence[Mapping[str, Any]],
    instance_id: str | None = None,
) -> None:
    """Store the trials whose steps are not there yet.

    Parameters
    ----------
    lake : Lake
    dataset : str
    search_id : str
        A digest of the method, its settings, the seed and the problem.
    trials : sequence of mapping
        As `sluice.search` returns them.
    instance_id : str, optional
        The problem, where the dataset holds several.
    """
    rows = [
        {**{name: trial[name] for name in _PLAIN}, "state": json.dumps(dict(trial["state"]))}
        for trial in trials
    ]
    table = pa.Table.from_pylist(rows, _SCHEMA)

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("tried", table)
        cursor.execute(
            "INSERT INTO trials (search_id, dataset, instance_id, method, seed, step, arm, reward, "
            "objective, state, reason) SELECT ?, ?, ?, method, seed, step, arm, reward, objective, "
            "state, reason FROM tried WHERE step NOT IN (SELECT step FROM trials "
            "WHERE search_id = ?) ORDER BY step",
            [search_id, dataset, instance_id, search_id],
        )

    lake.write(work)


def read(lake: Lake, search_id: str) -> list[dict[str, Any]]:
    """Return the trials of a search in their order, as `sluice.search` resumes them."""
    found = lake.read(
        f"SELECT DISTINCT ON (step) {_COLUMNS} FROM trials WHERE search_id = ? "
        "ORDER BY step, rowid",
        [search_id],
    )
    return [{**row, "state": json.loads(row["state"])} for row in found.to_pylist()]
