import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from sluice.core.errors import ConfigError, DataError
from sluice.heads.logistic import HeadConfig, fit_head


def blobs(n, d, classes, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.normal(size=(classes, d))[y] + rng.normal(size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), y


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def objective(flat, x, onehot, c):
    """The docstring's formula, written out."""
    d, k = x.shape[1], onehot.shape[1]
    w, b = flat[: d * k].reshape(k, d), flat[d * k :]
    p = softmax(x @ w.T + b)
    loss = -np.log(p[onehot.astype(bool)]).sum() + (w**2).sum() / (2 * c)
    g = p - onehot
    return loss, np.concatenate([(g.T @ x + w / c).ravel(), g.sum(axis=0)])


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_reaches_the_optimum_of_the_stated_objective(classes):
    x, y = blobs(120, 6, classes)
    config = HeadConfig(C=3.0, max_iter=5000, tolerance=1e-9)
    found = fit_head(x, y, classes, config).predict_proba(x)
    x64, onehot = x.astype(np.float64), np.eye(classes)[y]
    best = minimize(objective, np.zeros((6 + 1) * classes), (x64, onehot, 3.0), jac=True, tol=1e-12)
    w, b = best.x[: 6 * classes].reshape(classes, 6), best.x[6 * classes :]
    if classes == 2:
        # scikit-learn fits two classes with one weight vector: half the penalty of a softmax.
        best = minimize(sigmoid_objective, np.zeros(7), (x64, y, 3.0), jac=True, tol=1e-12)
        z = x64 @ best.x[:6] + best.x[6]
        expected = np.column_stack([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))])
    else:
        expected = softmax(x64 @ w.T + b)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def sigmoid_objective(flat, x, y, c):
    w, b = flat[:-1], flat[-1]
    z = x @ w + b
    p = 1 / (1 + np.exp(-z))
    loss = np.logaddexp(0, z).sum() - (y * z).sum() + (w**2).sum() / (2 * c)
    return loss, np.append(x.T @ (p - y) + w / c, (p - y).sum())


def test_equals_sklearn_predictions_and_is_repeatable():
    from sklearn.linear_model import LogisticRegression

    x, y = blobs(300, 16, 4)
    head, again = fit_head(x, y, 4), fit_head(x.copy(), y.copy(), 4)
    config = HeadConfig()
    other = LogisticRegression(C=config.C, max_iter=config.max_iter).fit(x.astype(np.float64), y)
    np.testing.assert_allclose(head.predict_proba(x), other.predict_proba(x), atol=1e-12)
    np.testing.assert_array_equal(head.predict_proba(x), again.predict_proba(x))
    np.testing.assert_array_equal(head.predict(x), other.predict(x))
    assert head.converged


@settings(max_examples=20, deadline=None)
@given(st.sets(st.integers(0, 5), min_size=1), st.integers(0, 100))
def test_absent_classes_have_probability_zero(present, seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(sorted(present), 4))
    x = rng.normal(size=(len(y), 3)).astype(np.float32)
    probabilities = fit_head(x, y, 6).predict_proba(x)
    assert probabilities.shape == (len(y), 6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    absent = sorted(set(range(6)) - present)
    assert not probabilities[:, absent].any()
    assert (probabilities[:, sorted(present)] > 0).all()


def test_one_class_is_a_constant():
    head = fit_head(np.ones((1, 3), np.float32), np.array([2]), 4)
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert head.predict(x).tolist() == [2] * 5
    assert head.predict_proba(x).tolist() == [[0, 0, 1, 0]] * 5


def test_too_few_iterations_are_told():
    x, y = blobs(100, 8, 3)
    assert not fit_head(x, y, 3, HeadConfig(max_iter=1)).converged


def test_version_follows_every_setting():
    versions = {c.version for c in (HeadConfig(), HeadConfig(C=9), HeadConfig(max_iter=9))}
    assert len(versions | {HeadConfig(tolerance=1e-2).version}) == 4


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (np.zeros((0, 2)), np.zeros(0, int), "no rows"),
        (np.zeros((2, 2)), np.zeros(3, int), "shape"),
        (np.array([[0.0, np.nan], [1, 1]]), np.array([0, 1]), "row 0"),
        (np.zeros((2, 2)), np.array([0, 3]), "0 to 2"),
        (np.zeros((2, 2)), np.array([-1, 1]), "0 to 2"),
    ],
)
def test_bad_rows_are_refused(x, y, match):
    with pytest.raises(DataError, match=match):
        fit_head(x, y, 3)


def test_bad_settings_are_refused():
    x, y = blobs(10, 2, 2)
    for config in (HeadConfig(C=0), HeadConfig(max_iter=0), HeadConfig(C=float("nan"))):
        with pytest.raises(ConfigError):
            fit_head(x, y, 2, config)
    with pytest.raises(ConfigError):
        fit_head(x, y, 0)


def test_weights_count_like_repeated_rows_at_their_mean():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, 4)).astype(np.float32)
    y = rng.integers(0, 3, size=30)
    counts = rng.integers(1, 4, size=30)
    plain = fit_head(x, y, 3)
    equal = fit_head(x, y, 3, weight=np.full(30, 7.0))
    np.testing.assert_allclose(equal.weights, plain.weights, atol=1e-12)
    # n repeated rows under a penalty of 1 / C are the weighted ones, brought to mean 1, at C / n
    mean = counts.mean()
    tight = {"max_iter": 2000, "tolerance": 1e-8}
    repeated = fit_head(
        np.repeat(x, counts, axis=0), np.repeat(y, counts), 3, HeadConfig(C=1.0, **tight)
    )
    weighted = fit_head(x, y, 3, HeadConfig(C=mean, **tight), weight=counts)
    np.testing.assert_allclose(weighted.weights, repeated.weights, atol=1e-5)


@pytest.mark.parametrize("weight", [[1.0], [0.0, 0.0], [1.0, -1.0], [1.0, np.nan]])
def test_weights_that_are_none(weight):
    with pytest.raises(DataError, match="Weights have shape"):
        fit_head(np.eye(2, dtype=np.float32), np.array([0, 1]), 2, weight=np.array(weight))
