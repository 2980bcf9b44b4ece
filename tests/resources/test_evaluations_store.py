"""Outcomes of models: stored once, read in order of id, and read from the tables of before."""

import json
from pathlib import Path

import numpy as np
import pytest

from resources.lake import Lake
from resources.store import evaluations
from resources.store.evaluations import Evaluated

FROZEN = json.loads((Path(__file__).parents[1] / "assets" / "frozen_comparisons.json").read_text())
LABELS = {split: np.array(codes) for split, codes in FROZEN["labels"].items()}
IDS = {"validation": ["a", "b", "c"], "test": ["d", "e"]}


def model(key: str, shift: float = 0.0, seconds: float = 1.0) -> Evaluated:
    outcomes = {
        split: {
            "loss": np.arange(2.0 * len(ids)).reshape(-1, 2) + shift,
            "exact": np.where(np.arange(len(ids))[:, None] == 0, np.nan, 1.0),
        }
        for split, ids in IDS.items()
    }
    return Evaluated(key, "d", "mig", "10%", 0, "s", 7, "l", seconds, outcomes)


def test_outcomes_come_back_as_they_were(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    evaluations.append(lake, [], IDS)
    evaluations.append(lake, [model("x"), model("y", 9)], IDS)
    assert evaluations.known(lake, ["x", "y", "z"], 10) == {"x", "y"}
    found = {m.evaluation_id: m for m in evaluations.read(lake, ["y", "x"], {})}
    for key, shift in (("x", 0), ("y", 9)):
        expected = model(key, shift)
        assert vars(found[key]) | {"outcomes": 0} == vars(expected) | {"outcomes": 0}
        for split, kinds in expected.outcomes.items():
            for kind, values in kinds.items():
                np.testing.assert_array_equal(found[key].outcomes[split][kind], values)


def test_a_model_of_which_outcomes_are_gone_is_stored_again(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    evaluations.append(lake, [model("x")], IDS)
    lake.write(lambda cursor: cursor.execute("DELETE FROM outcomes WHERE instance_id = 'b'"))
    assert evaluations.known(lake, ["x"], 10) == set()
    evaluations.append(lake, [model("x")], IDS)
    assert evaluations.known(lake, ["x"], 10) == {"x"}
    assert lake.read("SELECT * FROM outcomes").num_rows == 10
    assert lake.read("SELECT * FROM evaluations").num_rows == 1


@pytest.mark.parametrize(
    ("task", "table"),
    [
        ("text", "evaluations"),
        ("instructions", "language_evaluations"),
        ("tokens", "token_evaluations"),
    ],
)
def test_rows_of_before_are_read_as_outcomes(tmp_path: Path, task: str, table: str) -> None:
    lake, rows = Lake(root=str(tmp_path)), FROZEN["stored"][task]
    path = tmp_path / "rows.json"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    lake.write(
        lambda cursor: cursor.execute(
            f"INSERT INTO {table} BY NAME SELECT * FROM read_json(?, format = 'nd')", [str(path)]
        )
    )
    keys = [row["evaluation_id"] for row in rows]
    assert evaluations.known(lake, [*keys, "another"], 999) == set(keys)
    found = {m.evaluation_id: m for m in evaluations.read(lake, keys, LABELS)}
    assert found.keys() == set(keys)
    for row in rows:
        mine = found[row["evaluation_id"]]
        assert (mine.method, mine.budget, mine.seed) == (row["method"], row["budget"], row["seed"])
        for split, labels in LABELS.items():
            of = mine.outcomes[split]
            if task == "text":
                assert of["classes"].T.tolist() == [row[f"{split}_predicted"], labels.tolist()]
            elif task == "instructions":
                assert of["loss"].T.tolist() == [row[f"{split}_losses"], labels.tolist()]
                exact = [None if np.isnan(v) else v for v in of["exact"][:, 0]]
                assert exact == row[f"{split}_matches"]
            else:
                assert of["spans"].ravel().tolist() == row[f"{split}_spans"]
                assert of["words"].ravel().tolist() == row[f"{split}_words"]
