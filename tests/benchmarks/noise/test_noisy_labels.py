import numpy as np
import pytest

from benchmarks.noise.data import Labelled, Rows, audited_rows
from benchmarks.noise.methods import measured, selections, task_of
from benchmarks.noise.table import interval, table


def pool(n=600, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    x = 1.5 * np.eye(3, 8)[truth] + rng.normal(size=(n, 8)) / 2
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    ids = np.array([f"r{i:03d}" for i in range(n)])
    wrong = rng.uniform(size=n) < 0.2
    labelled = Labelled(np.where(wrong, (truth + 1) % 3, truth), truth, rng.uniform(size=n) < 0.1)
    return Rows(ids, x, [[0, 0]] * n, np.arange(n) % 5 == 0, [""] * n), labelled


def test_no_selection_reads_the_truth_of_rows_that_are_not_audited():
    rows, labelled = pool()
    task = task_of(rows, labelled, 0)
    hidden = labelled.truth.copy()
    unseen = np.flatnonzero(~rows.test)[~audited_rows(task.ids, 0)]
    hidden[unseen] = (hidden[unseen] + 1) % 3
    other = task_of(rows, Labelled(labelled.labels, hidden, labelled.near), 0)
    for one, two in zip(selections(task, True), selections(other, True), strict=True):
        assert one.name == two.name
        if "oracle" not in one.name:
            assert np.array_equal(one.kept, two.kept), one.name
            assert one.note == two.note


def test_audited_rows_are_in_no_figure():
    rows, labelled = pool()
    task = task_of(rows, labelled, 0)
    train = np.flatnonzero(~rows.test)
    for chosen in selections(task, True):
        figures = measured(task, chosen)
        if chosen.kept is None:
            assert figures == {}
            continue
        judged = chosen.kept & ~task.audit.rows
        right = (labelled.labels == labelled.truth)[train]
        assert figures["precision"] == pytest.approx(right[judged].mean()), chosen.name
        if chosen.training is not None:
            assert len(chosen.training.y) == judged.sum() + (~task.audit.rows).sum()
            assert "accuracy of D'" in figures


def test_interval_and_table():
    assert interval(np.array([0.5, np.nan])) == "0.500"
    assert interval(np.array([np.nan])) == ""
    # mean 2, deviation 1, t of 2 degrees of freedom 4.303
    assert interval(np.array([1.0, 2.0, 3.0])) == f"2.000 ± {4.30265 / np.sqrt(3):.3f}"
    cells = {"all rows": [{"accuracy": 0.5}, {"accuracy": 0.7}], "x": [{"accuracy": 0.6}, {}]}
    lines = table(cells, ["accuracy"])
    assert lines[0] == "| selection | accuracy | accuracy less all rows | draws |"
    assert lines[-1] == "| x | 0.600 | 0.100 | 1 of 2 |"
