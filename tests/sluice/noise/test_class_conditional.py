import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from sluice.core.errors import ConfigError, DataError
from sluice.heads.out_of_fold import assign_folds
from sluice.noise.class_conditional import ClassConditional
from sluice.noise.echo_select import echo_similarity


def table(n=300, distance=4.0, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = distance * np.eye(3, 5)[y] + rng.normal(size=(n, 5))
    return x, y, np.array([f"r{i}" for i in range(n)])


def test_equals_the_formula_fold_by_fold():
    x, y, ids = table(60)
    found = ClassConditional(folds=3, seed=2).modify(x, y, ids=ids).embeddings
    fold = assign_folds(ids, folds=3, seed=2)
    for i in range(60):
        train = np.flatnonzero(fold != fold[i])
        train = train[np.argsort(ids[train])]
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x[train], y[train])
        p = model.predict_proba(x[i : i + 1])[0]
        np.testing.assert_allclose(
            found[i], x[i] + model.means_[y[i]] - p @ model.means_, atol=1e-9
        )


def test_right_labels_move_little_and_wrong_ones_far():
    x, y, ids = table()
    wrong = np.arange(len(y)) % 10 == 0
    given = np.where(wrong, (y + 1) % 3, y)
    moved = ClassConditional().modify(x, given, ids=ids).embeddings
    step = np.linalg.norm(moved - x, axis=1)
    assert np.median(step[~wrong]) < 0.1
    assert np.median(step[wrong]) > 4.0
    s = echo_similarity(x, moved)
    assert s[wrong].mean() < s[~wrong].mean() - 0.3


def test_the_order_of_rows_changes_nothing():
    x, y, ids = table(90)
    whole = ClassConditional().modify(x, y, ids=ids).embeddings
    order = np.random.default_rng(0).permutation(90)
    again = ClassConditional().modify(x[order], y[order], ids=ids[order]).embeddings
    np.testing.assert_allclose(again, whole[order], atol=1e-12)


def test_the_own_label_does_not_move_the_own_means():
    x, y, ids = table(90)
    before = ClassConditional().modify(x, y, ids=ids).embeddings
    changed = y.copy()
    changed[7] = (y[7] + 1) % 3
    after = ClassConditional().modify(x, changed, ids=ids).embeddings
    fold = assign_folds(ids)
    same = (fold == fold[7]) & (np.arange(90) != 7)
    np.testing.assert_array_equal(after[same], before[same])


def test_a_constant_column_is_no_trouble():
    x, y, ids = table(90)
    x[:, 4] = 1.0
    found = ClassConditional().modify(x, y, ids=ids).embeddings
    assert found[:, 4] == pytest.approx(np.ones(90))


def test_bad_input():
    x, y, ids = table(30)
    with pytest.raises(ConfigError, match="folds is 1"):
        ClassConditional(folds=1).modify(x, y, ids=ids)
    with pytest.raises(DataError, match="one class"):
        ClassConditional().modify(x, np.zeros(30, int), ids=ids)
    with pytest.raises(DataError, match="All rows of class 9 are in one fold"):
        ClassConditional().modify(x, np.where(np.arange(30) == 3, 9, y), ids=ids)
