"""Rows that two machines once stored twice are read as one, and removed by maintenance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chosen import put_rows, put_selection

from resources.lake import Lake
from resources.store import (
    candidates,
    choices,
    echoes,
    evaluations,
    graphs,
    history,
    label_rounds,
    part_edges,
    queries,
    repeats,
    rewrites,
    rows,
    scores,
    selections,
    tags,
    token_losses,
    trials,
    vectors,
)
from resources.store.maintenance import maintain
from sluice.core.digests import content_hash
from sluice.graphs.instance_graphs.parts import Edges, Part
from sluice.graphs.knn import KnnGraph
from sluice.searches import Problem, Range
from sluice.searches.runner import search

IDS = [f"i{n:02}" for n in range(12)]
HASHES = [f"h{n}" for n in range(12)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake in which every table that has keys holds rows."""
    lake = Lake(root=str(tmp_path))
    put_rows(lake, "d", {name: f"text of {name}" for name in IDS})
    vectors.append(lake, HASHES, "e", np.random.default_rng(0).random((12, 3), dtype=np.float32))
    lists = pa.array([[float(n), 1.0] for n in range(12)], pa.list_(pa.float32()))
    token_losses.append(
        lake,
        pa.table(
            {
                "input_hash": HASHES,
                "text_hash": HASHES,
                "model": ["m"] * 12,
                "copy": pa.array([0] * 12, pa.int32()),
                "windowed": [n % 2 == 0 for n in range(12)],
                "conditional": lists,
                "unconditional": lists,
            }
        ),
    )
    tags.append(lake, HASHES, HASHES, "t", [[name] for name in IDS])
    rewrites.append(lake, HASHES, HASHES, IDS, "w", [f"said of {name}" for name in IDS])
    made = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    graphs.replace(lake, "d", "knn", KnnGraph.build(np.array(IDS), made, 3, 1), HASHES, "p")
    edges = Edges(np.array([0, 1]), np.array([1, 0]), np.array([0.5, 0.5]))
    parts = [part_edges.StoredPart(Part(f"{n}", np.arange(2)), edges, f"{n}") for n in range(2)]
    part_edges.replace(lake, "d", "g", parts)
    scores.replace(lake, "d", IDS, {"s": np.arange(12) / 8})
    queue = {
        "rank": list(range(1, 13)),
        "instance_id": IDS,
        "content_hash": [content_hash(f"text of {name}", "x") for name in IDS],
        "gain": [0.5] * 12,
        "reason": [""] * 12,
        "strategy": ["margin"] * 12,
    }
    queries.replace(lake, "d", pa.table(queue))
    found = {
        "instance_id": IDS,
        "content_hash": HASHES,
        "echo_hash": HASHES,
        "similarity": [0.5] * 12,
        "trusted": [True] * 12,
        "reason": [""] * 12,
    }
    echoes.replace(lake, "d", pa.table(found))
    label_rounds.append(lake, "d", label_rounds.Round("r", 12, dict.fromkeys(IDS, "x")))
    for name, kept in (("aaaa", IDS[:5]), ("bbbb", IDS[2:7])):
        put_selection(lake, name, {row: f"text of {row}" for row in kept})
    outcomes = {"test": {"spans": np.arange(36.0).reshape(12, 3)}}
    model = evaluations.Evaluated("e", "d", "m", "10%", 0, "aaaa", 5, "l", 2.0, outcomes)
    evaluations.append(lake, [model], {"test": IDS})
    for table, arrays in (("language_evaluations", "losses"), ("token_evaluations", "spans")):
        lake.write(
            lambda cursor, table=table, arrays=arrays: cursor.execute(
                f"INSERT INTO {table} BY NAME SELECT '{table}' AS evaluation_id, 'm' AS method, "
                f"3 AS size, 1 AS seed, 2.0 AS seconds, [1, 2, 3] AS test_{arrays}, [1.0, 2, 3] AS "
                f"test_{'matches' if arrays == 'losses' else 'words'}"
            )
        )
    put_choices(lake)
    return lake


def put_choices(lake: Lake) -> None:
    keys = candidates.candidate_hashes(IDS, ["s"] * 12, [0] * 12)
    answers = {
        "item": IDS,
        "source": ["s"] * 12,
        "draw": [0] * 12,
        "input_hash": keys,
        "content": [f"answer to {name}" for name in IDS],
        "cost": [1.0] * 12,
    }
    candidates.append(lake, "d", pa.table(answers))
    for name in ("cccc", "dddd"):
        ranked = {
            "item": IDS,
            "content_hash": [content_hash(f"text of {row}", "x") for row in IDS],
            "rank": [1] * 12,
            "candidate": [key[:16] for key in keys],
            "weight": [1.0] * 12,
            "score": [1.0] * 12,
            "reason": [""] * 12,
        }
        judged = {"split": ["test"] * 12, "instance_id": IDS, "right": [1.0] * 12}
        head = choices.ChoiceHeader(name, "d", "majority", 0)
        choices.append(lake, head, pa.table(ranked), pa.table(judged))
    problem = Problem({"x": Range(0, 1)}, lambda state: state["x"])
    trials.append(lake, "d", "s1", search(problem, evaluations=5).trials)


def plain(value: Any) -> Any:
    """Return a value that can be compared with ==."""
    if isinstance(value, pa.Table):
        return value.to_pylist()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "__dict__"):
        return plain(vars(value))
    return value


READS: dict[str, Callable[[Lake], Any]] = {
    "instances": lambda lake: rows.read_instances(lake, "d"),
    "vectors": lambda lake: vectors.read(lake, HASHES[::-1]),
    "losses": lambda lake: token_losses.read(lake, HASHES[::-1]),
    "tags": lambda lake: tags.read(lake, HASHES),
    "rewrites": lambda lake: rewrites.read(lake, HASHES),
    "graph": lambda lake: graphs.read(lake, "d", "knn", 3, 1),
    "parts": lambda lake: part_edges.read(lake, "d", "g"),
    "scores": lambda lake: scores.read(lake, "d", "s", IDS[::-1]),
    "queue": lambda lake: queries.read(lake, "d"),
    "echoes": lambda lake: echoes.read(lake, "d"),
    "rounds": lambda lake: label_rounds.read(lake, "d"),
    "selection": lambda lake: selections.rows(lake, "aaaa"),
    "header": lambda lake: selections.find(lake, "d", "aaaa"),
    "positions": lambda lake: selections.positions(lake, ["aaaa", "bbbb"], IDS),
    "changes": lambda lake: history.compare(lake, "aaaa", "bbbb", texts=True),
    "counts": lambda lake: history.count(lake, [("aaaa", "bbbb")]),
    "evaluations": lambda lake: evaluations.read(lake, ["e"], {}),
    "of before": lambda lake: evaluations.read(
        lake, ["language_evaluations", "token_evaluations"], {"test": np.zeros(3, np.int64)}
    ),
    "candidates": lambda lake: candidates.read(
        lake,
        "d",
        pa.table(
            {"item": IDS, "input_hash": candidates.candidate_hashes(IDS, ["s"] * 12, [0] * 12)}
        ),
    ),
    "chosen": lambda lake: choices.rows(lake, "cccc"),
    "choice": lambda lake: choices.find(lake, "d", "cccc"),
    "otherwise": lambda lake: choices.compare(lake, "cccc", "dddd"),
    "whole": lambda lake: choices.is_whole(lake, "cccc", 12, 12),
    "trials": lambda lake: trials.read(lake, "s1"),
}


def test_rows_that_are_there_twice_are_read_once(lake: Lake) -> None:
    before = {name: plain(read(lake)) for name, read in READS.items()}
    counts = {table: count(lake, table) for table in repeats.KEYS}
    assert all(counts.values()), counts
    for table in repeats.KEYS:
        lake.write(lambda cursor, table=table: cursor.execute(f"INSERT INTO {table} FROM {table}"))
    assert {name: plain(read(lake)) for name, read in READS.items()} == before
    maintain(lake)
    assert {table: count(lake, table) for table in repeats.KEYS} == counts
    assert {name: plain(read(lake)) for name, read in READS.items()} == before


def count(lake: Lake, table: str) -> int:
    return lake.read(f"SELECT count(*) AS n FROM {table}")["n"][0].as_py()


def test_of_two_that_differ_always_the_same_is_read(lake: Lake) -> None:
    lake.write(
        lambda cursor: cursor.execute(
            "INSERT INTO embeddings SELECT input_hash, encoder, [0.0, 0.0, 0.0] FROM embeddings "
            "WHERE input_hash <> 'h1'"
        )
    )
    read = vectors.read(lake, HASHES)
    assert not read[[0, *range(2, 12)]].any()
    assert read[1].all()
    # One that is missing and one that is there twice do not make up for each other.
    with pytest.raises(KeyError, match="1 rows have no stored vector"):
        vectors.read(lake, ["h0", "absent"])
    maintain(lake)
    assert np.array_equal(vectors.read(lake, HASHES), read)


def test_two_graphs_over_each_other_are_none(lake: Lake) -> None:
    lake.write(
        lambda cursor: cursor.execute(
            "INSERT INTO graphs SELECT * REPLACE (list_reverse(neighbours) AS neighbours) "
            "FROM graphs WHERE position < 6"
        )
    )
    assert graphs.read(lake, "d", "knn", 3, 1) is None


def test_a_manifest_with_repeats_is_mended_by_the_next_refresh(lake: Lake) -> None:
    lake.write(lambda cursor: cursor.execute("INSERT INTO instances FROM instances"))
    put_rows(lake, "d", {name: f"text of {name}" for name in IDS})
    assert count(lake, "instances") == len(IDS)
