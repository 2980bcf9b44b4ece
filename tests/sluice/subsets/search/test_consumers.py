"""Consumers under swaps answer as if they had been trained from scratch."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from sluice.subsets.search.consumers import Refitted, Tree, general, named
from sluice.subsets.search.kernel import KernelRidge
from sluice.subsets.search.linear import Logistic
from sluice.subsets.search.nearest import OneNearestNeighbour
from sluice.subsets.search.view import View


def table(seed=0, n=160, d=5, classes=3):
    draw = np.random.default_rng(seed)
    labels = draw.integers(classes, size=n)
    labels[:classes] = np.arange(classes)
    rows = (draw.normal(size=(n, d)) + labels[:, None]).astype(np.float32)
    worth = 0.5 * np.eye(classes)[labels] + 0.5 * draw.dirichlet(np.ones(classes), n)
    return View(rows, labels.astype(np.int64), classes, rows, worth)


def swaps(view, kept, count, seed=1):
    """Yield swaps and the subset after each; every second one is kept."""
    draw = np.random.default_rng(seed)
    for turn in range(count):
        slots = draw.choice(len(kept), size=int(draw.integers(1, 4)), replace=False)
        free = np.setdiff1d(np.arange(len(view.labels)), kept)
        rows = draw.choice(free, size=len(slots), replace=False)
        changed = kept.copy()
        changed[slots] = rows
        keep = turn % 2 == 0 and len(np.unique(view.labels[changed])) == view.n_classes
        yield slots, rows, changed, keep
        if keep:
            kept = changed


def oracle_kernel(view, kept):
    def similar(a, b):
        apart = ((a[:, None, :].astype(float) - b[None].astype(float)) ** 2).sum(axis=2)
        return np.exp(-apart / view.rows.shape[1])

    inside = view.rows[kept]
    system = similar(inside, inside) + np.eye(len(kept))
    targets = np.where(view.labels[kept][:, None] == np.arange(view.n_classes), 1.0, -1.0)
    return similar(view.judged, inside) @ np.linalg.solve(system, targets)


@pytest.mark.parametrize("classes", [2, 3])
def test_one_nearest_neighbour_equals_scikit_learn(classes):
    view = table(classes=classes)
    kept = np.arange(20)
    consumer = OneNearestNeighbour()
    consumer.start(view, kept, 0)
    for slots, rows, changed, keep in swaps(view, kept, 40):
        answers, commit = consumer.trial(slots, rows, changed)
        peer = KNeighborsClassifier(1).fit(view.rows[changed], view.labels[changed])
        assert np.array_equal(answers, peer.predict(view.judged))
        if keep:
            commit()
            nearest = peer.kneighbors(view.judged, return_distance=False)[:, 0]
            assert np.array_equal(consumer.followers(20), np.bincount(nearest, minlength=20))


def test_ties_of_one_nearest_neighbour_go_to_the_lower_slot():
    rows = np.array([[0.0], [0.0], [4.0], [2.0]], np.float32)
    labels = np.array([0, 1, 0, 1])
    view = View(rows, labels, 2, rows, np.eye(2)[labels])
    consumer = OneNearestNeighbour()
    assert consumer.start(view, np.array([1, 2]), 0).tolist() == [1, 1, 0, 1]
    answers, _ = consumer.trial(np.array([0]), np.array([0]), np.array([0, 2]))
    assert answers.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("classes", [2, 4])
def test_kernel_ridge_equals_a_direct_solution(classes):
    view = table(2, classes=classes)
    kept = np.arange(24)
    consumer = KernelRidge()
    consumer.start(view, kept, 0)
    for slots, rows, changed, keep in swaps(view, kept, 30):
        answers, commit = consumer.trial(slots, rows, changed)
        values = oracle_kernel(view, changed)
        assert np.allclose(values[np.arange(len(answers)), answers], values.max(axis=1), atol=1e-4)
        if keep:
            commit()


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_agrees_with_scikit_learn(classes):
    view = table(3, n=400, classes=classes)
    kept = np.arange(60)
    consumer = Logistic()
    consumer.start(view, kept, 0)
    for slots, rows, changed, keep in swaps(view, kept, 20):
        answers, commit = consumer.trial(slots, rows, changed)
        peer = LogisticRegression(max_iter=5000, tol=1e-8)
        peer.fit(view.rows[changed], view.labels[changed])
        differ = answers != peer.predict(view.judged)
        assert differ.mean() < 0.02
        chances = np.sort(peer.predict_proba(view.judged), axis=1)
        assert np.all((chances[:, -1] - chances[:, -2])[differ] < 0.02)  # only near the boundary
        if keep:
            commit()


def test_a_class_that_is_not_kept_is_never_an_answer():
    view = table(4, classes=3)
    kept = np.flatnonzero(view.labels != 1)[:20]
    assert not (Logistic().start(view, kept, 0) == 1).any()
    assert not (OneNearestNeighbour().start(view, kept, 0) == 1).any()
    assert not (Tree().start(view, kept, 0) == 1).any()


def test_trees_and_other_classifiers_are_scikit_learn_s():
    view = table(5)
    kept = np.arange(30)
    peer = DecisionTreeClassifier(random_state=7 * 16 + 1)
    expected = peer.fit(view.rows[kept], view.labels[kept]).predict(view.judged)
    assert np.array_equal(Tree("tree", 1).start(view, kept, 7), expected)
    forest = named("naive_bayes").consumers[0]
    assert isinstance(forest, Refitted)
    answers = forest.start(view, kept, 0)
    assert answers.shape == (160,)
    assert (answers == view.labels).mean() > 0.5


def test_no_family_that_is_kept_for_evidence_is_in_the_general_target():
    panel = general(50)
    names = {consumer.name for consumer in [*panel.consumers, *panel.confirming]}
    assert names == {"one_nearest_neighbour", "kernel_ridge", "tree", "logistic"}
    assert "kernel_ridge" not in {consumer.name for consumer in general(5000).consumers}
