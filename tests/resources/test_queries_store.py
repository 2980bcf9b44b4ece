"""The queue of a dataset in the lake, and that a purge takes it along."""

from pathlib import Path

import pyarrow as pa
from chosen import put_rows

from resources.lake import Lake
from resources.store import purging_rows, queries
from sluice.core.digests import content_hash

TEXTS = {"a": "one", "b": "two", "c": "three"}


def queue(*ids: str) -> pa.Table:
    return pa.table(
        {
            "rank": pa.array(range(1, len(ids) + 1), pa.int64()),
            "instance_id": pa.array(ids, pa.string()),
            "content_hash": pa.array([content_hash(TEXTS[i], "x") for i in ids], pa.string()),
            "gain": pa.array([1.5] * len(ids), pa.float64()),
            "reason": pa.array([f"near {i}" for i in ids], pa.string()),
            "strategy": pa.array(["margin"] * len(ids), pa.string()),
        }
    )


def ids(lake: Lake, dataset: str) -> list[str]:
    return queries.read(lake, dataset)["instance_id"].to_pylist()


def test_it_is_replaced_whole_and_purged(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    for name in ("d", "e"):
        put_rows(lake, name, TEXTS)
        queries.replace(lake, name, queue("c", "a", "b"))
    assert queries.read(lake, "d").select(["rank", "text", "reason", "strategy"]).to_pylist()[
        0
    ] == {
        "rank": 1,
        "text": "three",
        "reason": "near c",
        "strategy": "margin",
    }
    queries.replace(lake, "d", queue("b", "c"))
    assert (ids(lake, "d"), ids(lake, "e")) == (["b", "c"], ["c", "a", "b"])
    assert purging_rows.purge_rows(lake, "e", ["a"])["queries"] == 1
    assert ids(lake, "e") == ["c", "b"]
    assert ids(lake, "d") == ["b", "c"]
    queries.replace(lake, "d", queue())
    assert ids(lake, "d") == []
    lake.close()
