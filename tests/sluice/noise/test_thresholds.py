import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.noise.thresholds import Audit, by_mixture, by_precision


def two_groups(seed=0, n=2000, share=0.7):
    rng = np.random.default_rng(seed)
    upper = rng.uniform(size=n) < share
    s = np.where(upper, rng.normal(0.8, 0.05, n), rng.normal(0.4, 0.1, n))
    return np.clip(s, -1, 1), upper


def test_mixture_parts_two_groups_where_they_are_equally_likely():
    s, upper = two_groups()
    found = by_mixture(s)
    # densities 0.7 N(0.8, 0.05) and 0.3 N(0.4, 0.1) cross at 0.647
    t = np.linspace(0.4, 0.8, 40001)
    log_odds = (
        np.log(0.7 / 0.05) - (t - 0.8) ** 2 / 0.005 - np.log(0.3 / 0.1) + (t - 0.4) ** 2 / 0.02
    )
    assert found.threshold == pytest.approx(t[np.argmax(log_odds >= 0)], abs=0.02)
    assert ((s > found.threshold) == upper).mean() > 0.98
    assert "around 0.4" in found.note
    assert "do not separate" not in found.note


def test_mixture_at_the_threshold_has_even_odds():
    from sklearn.mixture import GaussianMixture

    s, _ = two_groups(1)
    z = (np.sort(s) - s.mean()) / s.std()
    model = GaussianMixture(2, random_state=0, max_iter=500, tol=1e-6).fit(z[:, None])
    upper = int(np.argmax(model.means_[:, 0]))
    at = (by_mixture(s).threshold - s.mean()) / s.std()
    assert model.predict_proba([[at]])[0, upper] == pytest.approx(0.5, abs=1e-6)
    assert model.predict_proba([[at + 0.01]])[0, upper] > 0.5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_mixture_knows_neither_order_nor_scale(seed):
    s, _ = two_groups(seed, n=120)
    found = by_mixture(s)
    rng = np.random.default_rng(seed)
    assert by_mixture(rng.permutation(s)) == found
    assert by_mixture(0.25 * s).threshold == pytest.approx(0.25 * found.threshold, abs=1e-9)


def test_mixture_says_where_there_are_no_two_groups():
    for seed in range(3):
        one = np.random.default_rng(seed).normal(0.5, 0.1, 3000)
        assert "do not separate" in by_mixture(one).note
    for s in (np.full(9, 0.1), np.array([0.3])):
        found = by_mixture(s)
        assert found.threshold == -np.inf
        assert "all rows are kept" in found.note


def brute(s, rows, right, target, least):
    """Try minus infinity and every audited score."""
    for tau in [-np.inf, *np.sort(s[rows])]:
        above = rows & (s > tau)
        if above.sum() >= least and right[above].sum() >= target * above.sum() - 1e-9:
            return tau
    return None


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.sampled_from([0.25, 0.5, 0.8, 0.9, 1.0]),
    st.integers(1, 6),
)
def test_precision_is_the_smallest_threshold_that_reaches_it(seed, n, target, least):
    rng = np.random.default_rng(seed)
    s = rng.integers(-4, 5, n) / 4  # ties
    rows, right = rng.uniform(size=n) < 0.8, rng.uniform(size=n) < (s + 1.5) / 3
    audit = Audit(rows, right)
    expected = brute(s, rows, right, target, least)
    if expected is None:
        with pytest.raises(DataError, match="audit"):
            by_precision(s, audit, target, least)
    else:
        found = by_precision(s, audit, target, least)
        assert found.threshold == expected
        # nobody else's truth is read
        flipped = np.where(rows, right, ~right)
        assert by_precision(s, Audit(rows, flipped), target, least) == found


def test_precision_that_cannot_be_had():
    s = np.linspace(0, 0.9, 30)
    everything = np.ones(30, bool)
    with pytest.raises(DataError, match=r"12 rows are audited, and 20 must"):
        by_precision(s, Audit(np.arange(30) < 12, everything), 0.9, 20)
    half = np.arange(30) % 2 == 0
    with pytest.raises(DataError, match=r"the best is 0\.5"):
        by_precision(s, Audit(everything, half), 0.9, 20)
    assert by_precision(s, Audit(everything, everything), 1.0, 20).threshold == -np.inf
    with pytest.raises(DataError, match="mask of audited rows"):
        by_precision(s, Audit(everything[:5], everything), 0.9, 2)
    for target, least in ((0.0, 20), (1.1, 20), (0.9, 0)):
        with pytest.raises(ConfigError, match="target_precision"):
            by_precision(s, Audit(everything, everything), target, least)
