import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.heads.logistic import fit_head
from sluice.heads.out_of_fold import assign_folds, out_of_fold_probabilities


def rows(n, classes=3, d=5, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    x = rng.normal(size=(classes, d))[y] + rng.normal(size=(n, d))
    return x.astype(np.float32), y, np.array([f"id-{i}" for i in range(n)])


def test_equals_heads_trained_by_hand_without_the_fold():
    x, y, ids = rows(60)
    found = out_of_fold_probabilities(x, y, ids=ids, folds=4, seed=3)
    fold = assign_folds(ids, folds=4, seed=3)
    for i in range(60):
        others = fold != fold[i]
        head = fit_head(x[others], y[others], 3)
        np.testing.assert_allclose(found[i], head.predict_proba(x[i : i + 1])[0], atol=1e-3)


def test_a_row_does_not_see_its_own_label():
    x, y, ids = rows(80)
    before = out_of_fold_probabilities(x, y, ids=ids)
    changed = y.copy()
    changed[7] = (y[7] + 1) % 3
    after = out_of_fold_probabilities(x, changed, ids=ids)
    fold = assign_folds(ids)
    same = fold == fold[7]
    np.testing.assert_array_equal(after[same], before[same])
    assert np.abs(after[~same] - before[~same]).max() > 1e-6


@given(st.sets(st.text(max_size=6), min_size=2, max_size=40), st.integers(0, 9), st.data())
def test_arrivals_move_nobody(names, seed, data):
    ids = np.array(sorted(names))
    kept = data.draw(st.lists(st.sampled_from(range(len(ids))), min_size=1, unique=True))
    all_folds = assign_folds(ids, folds=5, seed=seed)
    np.testing.assert_array_equal(assign_folds(ids[kept], folds=5, seed=seed), all_folds[kept])


def test_folds_are_even_and_follow_the_seed():
    ids = np.array([str(i) for i in range(10_000)])
    counts = np.bincount(assign_folds(ids, folds=5), minlength=5)
    # Five standard deviations of a binomial with n = 10,000 and p = 0.2.
    assert np.abs(counts - 2000).max() < 5 * 40
    assert (assign_folds(ids, seed=1) != assign_folds(ids, seed=0)).mean() > 0.7


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 40), st.integers(0, 50))
def test_any_order_of_rows_gives_the_same(n, seed):
    x, y, ids = rows(n, seed=seed)
    found = out_of_fold_probabilities(x, y, ids=ids, n_classes=3)
    order = np.random.default_rng(seed).permutation(n)
    again = out_of_fold_probabilities(x[order], y[order], ids=ids[order], n_classes=3)
    np.testing.assert_array_equal(again, found[order])
    assert found.shape == (n, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)


def test_class_with_one_row_is_never_predicted_for_itself():
    x, y, ids = rows(50, classes=2)
    y[0] = 2
    found = out_of_fold_probabilities(x, y, ids=ids)
    fold = assign_folds(ids)
    assert not found[fold == fold[0], 2].any()
    assert (found[fold != fold[0], 2] > 0).all()


def test_rows_that_share_one_fold_are_left_out_one_by_one():
    ids = np.array([str(i) for i in range(1000)])
    ids = ids[assign_folds(ids) == 0][:4]
    x = np.array([[0.0, 1], [0, 1], [1, 0], [1, 0]], np.float32)
    y = np.array([0, 0, 1, 1])
    found = out_of_fold_probabilities(x, y, ids=ids)
    for i in range(4):
        others = np.arange(4) != i
        expected = fit_head(x[others], y[others], 2).predict_proba(x[i : i + 1])
        np.testing.assert_allclose(found[i], expected[0], atol=1e-3)


def test_edges_and_errors():
    x, y, ids = rows(5)
    assert out_of_fold_probabilities(x[:0], y[:0], ids=ids[:0], n_classes=3).shape == (0, 3)
    with pytest.raises(DataError, match="One row"):
        out_of_fold_probabilities(x[:1], y[:1], ids=ids[:1])
    with pytest.raises(DataError, match="length"):
        out_of_fold_probabilities(x, y[:4], ids=ids)
    with pytest.raises(ConfigError):
        out_of_fold_probabilities(x, y, ids=ids, folds=1)
