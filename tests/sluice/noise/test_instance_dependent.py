import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import truncnorm

import sluice.noise.instance_dependent as module
from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_bits, uniform_of
from sluice.noise.instance_dependent import instance_dependent_noise


def rows(n, classes=4, d=6, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.array([f"row {i}" for i in range(n)])
    return rng.normal(size=(n, d)), rng.integers(0, classes, n), ids


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.2, 0.4, 0.7])
def test_rate_of_noise_at_fifty_thousand_rows(rate):
    x, y, ids = rows(50_000)
    found = instance_dependent_noise(x, y, rate=rate, ids=ids)
    assert (found.labels != y).mean() == pytest.approx(rate, abs=0.01)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(len(y)))
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()


def test_as_published_low_rates_are_exceeded():
    x, y, ids = rows(50_000)
    found = instance_dependent_noise(x, y, rate=0.1, ids=ids, calibrated=False)
    assert (found.labels != y).mean() == pytest.approx(0.1288, abs=0.01)


def test_equals_the_formula_row_by_row():
    x, y, ids = rows(60, classes=3)
    found = instance_dependent_noise(x, y, rate=0.2, ids=ids, seed=5, calibrated=False)
    bits = keyed_bits(5, ids)
    w = np.random.default_rng([5, 3, 6]).normal(size=(3, 6, 3))
    for i in range(60):
        q = truncnorm.ppf(uniform_of(bits, 0)[i], -2, 8, loc=0.2, scale=0.1)
        a = x[i] @ w[y[i]]
        a[y[i]] = -np.inf
        p = q * np.exp(a) / np.exp(a).sum()
        p[y[i]] = 1 - q
        np.testing.assert_allclose(found.probabilities[i], p, atol=1e-12)
        drawn = int(np.searchsorted(np.cumsum(p), uniform_of(bits, 1)[i], side="right"))
        assert found.labels[i] == drawn


def test_a_flip_goes_to_another_class():
    x, y, ids = rows(20_000)
    found = instance_dependent_noise(x, y, rate=0.2, ids=ids)
    q = 1 - found.probabilities[np.arange(len(y)), y]
    assert q.mean() == pytest.approx(0.2, abs=0.002)
    # all of q is with other classes: a flip is never the class itself
    others = found.probabilities.copy()
    others[np.arange(len(y)), y] = 0
    assert others.sum(axis=1) == pytest.approx(q)
    assert found.labels.min() >= 0
    assert found.labels.max() < 4


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_a_row_depends_on_itself_alone(seed, n):
    x, y, ids = rows(n, seed=seed % 1000)
    whole = instance_dependent_noise(x, y, rate=0.4, ids=ids, n_classes=4, seed=seed)
    some = np.random.default_rng(seed).permutation(n)[: max(1, n // 2)]
    part = instance_dependent_noise(
        x[some], y[some], rate=0.4, ids=ids[some], n_classes=4, seed=seed
    )
    assert np.array_equal(part.labels, whole.labels[some])
    assert np.array_equal(part.probabilities, whole.probabilities[some])


def test_tiles_change_no_bit(monkeypatch):
    x, y, ids = rows(200)
    whole = instance_dependent_noise(x, y, rate=0.3, ids=ids)
    monkeypatch.setattr(module, "TILE", 50)
    tiled = instance_dependent_noise(x, y, rate=0.3, ids=ids)
    assert np.array_equal(tiled.probabilities, whole.probabilities)
    other = instance_dependent_noise(x, y, rate=0.3, ids=ids, seed=1)
    assert not np.array_equal(other.labels, whole.labels)


def test_no_noise():
    x, y, ids = rows(100)
    assert np.array_equal(instance_dependent_noise(x, y, rate=0.0, ids=ids).labels, y)


def test_bad_input():
    x, y, ids = rows(10)
    for options in ({"rate": 1.0}, {"rate": -0.1}, {"rate": 0.1, "spread": 0.0}):
        with pytest.raises(ConfigError):
            instance_dependent_noise(x, y, ids=ids, **options)
    with pytest.raises(ConfigError, match="at least 2 classes"):
        instance_dependent_noise(x, np.zeros(10, int), rate=0.1, ids=ids)
    with pytest.raises(DataError, match="not finite in row 3"):
        instance_dependent_noise(np.where(np.arange(10)[:, None] == 3, np.nan, x), y, rate=0.1,
                                 ids=ids)  # fmt: skip
    with pytest.raises(DataError, match="from 0 to 1"):
        instance_dependent_noise(x, np.full(10, 2), rate=0.1, ids=ids, n_classes=2)
