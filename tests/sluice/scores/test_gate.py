import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from sluice.scores.graph_attention import baseline_gate as module
from sluice.scores.graph_attention.baseline_gate import gate


def moons(n=200):
    rows, labels = make_moons(n, noise=0.25, random_state=0)
    ids = np.array([f"{i:04d}" for i in range(n)])
    return ids, rows.astype(np.float32), labels.astype(np.int64), np.arange(n) % 3


def test_accuracies_are_those_of_models_trained_by_hand():
    ids, rows, labels, folds = moons()
    found = gate(ids, rows, labels, folds, labels)
    for model, accuracy in (
        (KNeighborsClassifier(3), found.neighbours),
        (RandomForestClassifier(100, random_state=0), found.forest),
    ):
        right = []
        for fold in range(3):
            model.fit(rows[folds != fold], labels[folds != fold])
            right += (model.predict(rows[folds == fold]) == labels[folds == fold]).tolist()
        assert accuracy == np.mean(right)
    assert (found.network, found.majority, found.rows) == (1.0, 0.5, 200)
    assert found.learnt
    assert "it has learnt" in found.words


def test_the_bar_is_the_weaker_of_both_less_a_margin():
    ids, rows, labels, folds = moons()
    at = gate(ids, rows, labels, folds, labels)
    bar = min(at.neighbours, at.forest) - module.MARGIN
    wrong = int((1 - bar) * 200)
    for extra, learnt in ((0, True), (1, False)):
        predicted = labels.copy()
        predicted[: wrong + extra] ^= 1
        found = gate(ids, rows, labels, folds, predicted)
        assert found.learnt is learnt
        assert ("has not learnt, and edits nothing" in found.words) is not learnt


@pytest.mark.parametrize(("right", "learnt"), [(95, False), (99, True)])
def test_the_majority_must_surely_be_beaten(right, learnt):
    """Of 100 rows 94 in one class: two standard errors are 4.7 points."""
    ids, rows, _, folds = moons(100)
    labels = (np.arange(100) >= 94).astype(np.int64)
    predicted = labels.copy()
    predicted[: 100 - right] ^= 1
    rows = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    assert gate(ids, rows, labels, folds, predicted).learnt is learnt


def test_large_tables_are_judged_by_a_draw(monkeypatch):
    ids, rows, labels, folds = moons()
    monkeypatch.setattr(module, "SAMPLE", 60)
    found = gate(ids, rows, labels, folds, labels)
    assert found.rows == 60
    order = np.random.default_rng(0).permutation(200)
    again = gate(ids[order], rows[order], labels[order], folds[order], labels[order])
    assert again.rows == 60
    assert again.majority == found.majority


def test_one_class_or_one_row_teaches_nothing():
    ids, rows, labels, folds = moons(30)
    assert not gate(ids, rows, 0 * labels, folds, 0 * labels).learnt
    assert not gate(ids[:1], rows[:1], labels[:1], folds[:1], labels[:1]).learnt
