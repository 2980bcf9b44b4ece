"""Echoes and rewritten texts in the lake, and that a purge takes them along."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from chosen import put_rows

from resources.lake import Lake
from resources.store import echoes, purging, purging_rows, records, rewrites, vectors
from sluice.core.digests import content_hash, text_hash

TEXTS = {"a": "one", "b": "two", "c": "three"}
WRITTEN = {"one": "uno secreto", "two": "dos", "three": "dos"}


def found(*ids: str) -> pa.Table:
    return pa.table(
        {
            "instance_id": pa.array(ids, pa.string()),
            "content_hash": pa.array([content_hash(TEXTS[i], "x") for i in ids], pa.string()),
            "echo_hash": pa.array([None if i == "c" else f"key {i}" for i in ids], pa.string()),
            "similarity": pa.array([None if i == "c" else 0.5 for i in ids], pa.float64()),
            "trusted": pa.array([None if i == "c" else True for i in ids], pa.bool_()),
            "reason": pa.array(["The nearest is 'a'."] * len(ids), pa.string()),
        }
    )


def put_written(lake: Lake) -> None:
    hashes = [text_hash(text) for text in WRITTEN]
    keys = rewrites.rewrite_hashes(hashes, ["x"] * 3, "w")
    rewrites.append(lake, keys, hashes, ["x"] * 3, "w", list(WRITTEN.values()))
    texts = sorted({*WRITTEN, *WRITTEN.values()})
    keys = vectors.input_hashes([text_hash(text) for text in texts], "e")
    vectors.append(lake, keys, "e", np.eye(len(texts), dtype=np.float32))


def embedded(lake: Lake, text: str) -> bool:
    return not vectors.missing(lake, vectors.input_hashes([text_hash(text)], "e"))


def written(lake: Lake) -> set[str]:
    return set(lake.read("SELECT rewritten FROM rewrites")["rewritten"].to_pylist())


def test_they_are_replaced_and_purged_by_row(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    put_rows(lake, "d", TEXTS)
    put_written(lake)
    echoes.replace(lake, "d", found("c", "a", "b"))
    echoes.replace(lake, "e", found("a"))
    assert echoes.read(lake, "d").to_pylist() == found("a", "b", "c").to_pylist()
    for asset in ("text/labels/echoes", "text/labels/queries"):
        record = records.Record("d", asset, "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r")
        records.append(lake, record, "{}")
    put_rows(lake, "d", {"b": "two", "c": "three"})
    assert purging_rows.purge_rows(lake, "d", ["a"])["echoes"] == 1
    assert echoes.read(lake, "d")["instance_id"].to_pylist() == ["b", "c"]
    assert "'a'" not in str(echoes.read(lake, "d")["reason"].to_pylist())
    known = records.latest(lake, "d")
    assert known["text/labels/echoes"].input_digest == ""
    assert known["text/labels/queries"].input_digest == "i"
    assert written(lake) == {"dos"}
    assert [embedded(lake, t) for t in ("one", "uno secreto", "two", "dos")] == [0, 0, 1, 1]
    lake.close()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"secreto" in p.read_bytes()]


def test_a_version_stays_as_long_as_one_row_has_it(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    put_rows(lake, "d", {"a": "one", "b": "two"})
    put_rows(lake, "e", {"c": "three"})
    put_written(lake)
    echoes.replace(lake, "d", found("a", "b"))
    assert purging.purge(lake, "d")["echoes"] == 2
    assert written(lake) == {"dos"}
    assert [embedded(lake, t) for t in ("two", "uno secreto", "three", "dos")] == [0, 0, 1, 1]
    purging.purge(lake, "e")
    assert not written(lake)
    assert not embedded(lake, "dos")
    lake.close()
