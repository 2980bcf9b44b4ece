import json

import numpy as np
import pytest

import benchmarks.tables.cells as cells
from benchmarks.tables.cells import Key, append, read
from benchmarks.tables.data import ROWS
from benchmarks.tables.grid import arguments, planned, run_cells
from benchmarks.tables.halves import HALVES, SMALL
from benchmarks.tables.methods import METHODS
from benchmarks.tables.protocol import CONSUMERS, budget_of, fold_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "FOLDER", tmp_path)
    return tmp_path


def options(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["grid", *words])
    return arguments()


def test_the_halves_divide_the_tables():
    assert sorted(HALVES["tuning"] + HALVES["held_out"]) == sorted(ROWS)
    assert len(ROWS) == 41
    assert not set(HALVES["tuning"]) & set(HALVES["held_out"])


def test_half_a_line_of_a_killed_writer_loses_that_cell_only(folder):
    key = Key("digits", 0, "all_rows", 0.0, 0, "1")
    append(key, {"rows": 5})
    path = folder / "digits.jsonl"
    path.write_text(path.read_text() + '{"dataset":"digits","fo')
    other = Key("digits", 1, "all_rows", 0.0, 0, "1")
    append(other, {"rows": 6})
    assert dict(read()) == {key: {"rows": 5}, other: {"rows": 6}}


def test_a_plan_leaves_out_what_is_done_and_what_does_not_scale(monkeypatch):
    words = ["--methods", "random_stratified", "facility_location", "--budgets", "0.04", "0.1"]
    chosen = options(monkeypatch, "--datasets", "wine", "letter", *words)
    keys = planned(chosen)
    # wine: ten folds, two budgets, five seeds and one; letter: one fold, no facility location
    assert len(keys) == 10 * 2 * (5 + 1) + 2 * 5
    assert [key.budget for key in keys] == sorted(key.budget for key in keys)
    assert {key.method for key in keys if ROWS[key.dataset] > SMALL} == {"random_stratified"}
    append(keys[0], {"rows": 7})
    append(keys[1], {"error": "ValueError"})
    assert planned(chosen) == keys[2:]
    chosen.retry = True
    assert planned(chosen) == keys[1:]


def test_a_cell_is_run_and_written(monkeypatch):
    chosen = options(monkeypatch, "--datasets", "digits", "--folds", "0", "--methods", "k_medoids")
    key = planned(chosen)[0]
    assert run_cells([key]) == (1, 0)
    ((written, outcome),) = read()
    assert written == key
    fold = fold_of("digits", 0)
    assert outcome["rows"] == budget_of(fold, key.budget) == round(0.04 * len(fold.ids))
    assert len(outcome["acc"]) == len(outcome["bal"]) == len(CONSUMERS)
    assert min(outcome["acc"][:3]) > 0.4  # ten classes: chance is 0.1
    assert json.dumps(outcome).count("null") == 0
    assert planned(chosen)[0] != key


def test_a_failing_cell_is_written_with_its_error(monkeypatch):
    def broken(*_):
        raise RuntimeError("no")

    monkeypatch.setattr("benchmarks.tables.grid.kept", broken)
    key = Key("digits", 0, "k_medoids", 0.04, 0, "1")
    assert run_cells([key]) == (1, 1)
    assert dict(read())[key]["error"] == "RuntimeError: no"


def test_the_encoding_is_fitted_on_the_training_fold():
    fold = fold_of("digits", 0)
    varied = fold.train.std(axis=0) > 0
    np.testing.assert_allclose(fold.train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(fold.train[:, varied].std(axis=0), 1, atol=1e-4)
    assert np.abs(fold.test.mean(axis=0)).max() > 1e-3
    assert len(fold.ids) + len(fold.test) == ROWS["digits"]


def test_no_budget_is_below_one_row_a_class():
    assert budget_of(fold_of("digits", 0), 0.001) == 10


def test_every_stated_consumer_of_the_search_is_a_family():
    targets = {m.options["target"] for m in METHODS.values() if "target" in m.options}
    assert targets <= set(CONSUMERS)
