import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm
from scipy.stats import t as student

from benchmarks.coverage import world
from sluice.core.errors import ConfigError, DataError
from sluice.evaluation.bootstrap import accuracy_interval, paired_difference

Z = norm.ppf(0.975)


def draws(shape, p, seed=0):
    return np.random.default_rng(seed).random(shape) < p


def half_width(interval):
    return (interval.high - interval.low) / 2


def test_accuracy_of_many_rows_is_normal():
    correct = draws(8000, 0.8)
    p = correct.mean()
    found = accuracy_interval(correct, resamples=4000)
    assert found.mean == p
    expected = Z * np.sqrt(p * (1 - p) / 8000)
    # The relative error of a quantile of 4,000 draws is about 3 %.
    assert half_width(found) == pytest.approx(expected, rel=0.1)
    assert (found.low + found.high) / 2 == pytest.approx(p, abs=0.1 * expected)


def test_paired_difference_of_many_rows_is_normal_and_narrower_than_unpaired():
    a = draws(8000, 0.8)
    b = a ^ draws(8000, 0.05, seed=1)
    difference = a.astype(float) - b
    found = paired_difference(a, b, resamples=4000)
    assert found.mean == pytest.approx(difference.mean(), abs=1e-12)
    assert half_width(found) == pytest.approx(Z * difference.std() / np.sqrt(8000), rel=0.1)
    assert half_width(found) < 0.5 * np.hypot(
        half_width(accuracy_interval(a)), half_width(accuracy_interval(b))
    )


def test_agrees_with_scipy():
    correct = draws(300, 0.7)
    theirs = bootstrap(
        (correct.astype(float),), np.mean, n_resamples=5000, method="percentile", rng=0
    ).confidence_interval
    ours = accuracy_interval(correct, resamples=5000)
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 99))
def test_the_same_predictions_differ_by_exactly_zero(n, seed):
    correct = draws(n, 0.6, seed)
    found = paired_difference(correct, correct.copy(), resamples=200)
    assert (found.mean, found.low, found.high) == (0, 0, 0)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 40), st.integers(0, 99))
def test_swapping_sides_mirrors_the_mean(s, t, n, seed):
    a, b = draws((s, n), 0.6, seed), draws((t, n), 0.5, seed + 100)
    one, other = (paired_difference(*pair, resamples=200) for pair in ((a, b), (b, a)))
    assert one.mean == -other.mean
    assert one.mean == pytest.approx(a.mean() - b.mean(), abs=1e-12)
    assert one.low <= one.high


def test_one_seed_as_a_row_or_as_a_matrix_is_the_same():
    correct = draws(50, 0.5)
    assert accuracy_interval(correct) == accuracy_interval(correct[None])


def test_seeds_that_disagree_only_in_level_widen_by_their_own_variance():
    # Every row right or wrong alike within a seed: only the seeds vary, with a known variance.
    levels = np.array([True, True, False, True, False])
    correct = np.repeat(levels[:, None], 4000, axis=1)
    found = accuracy_interval(1.0 * correct, resamples=20_000)
    standard_error = levels.std(ddof=1) / np.sqrt(5)
    reach = student.ppf(0.975, 4) * standard_error
    assert found.low == pytest.approx(levels.mean() - reach, abs=0.03 * reach)
    assert found.high == pytest.approx(levels.mean() + reach, abs=0.03 * reach)


@pytest.mark.parametrize(("a", "b"), [(5, 5), (1, 5), (3, 3)])
@pytest.mark.parametrize("spread", [0.05, 0.4])
def test_intervals_of_few_seeds_cover(a, b, spread):
    """The table of more worlds: benchmarks/results/calibration/coverage.md."""
    found = world(400, a, b, spread, worlds=250, seed=3)
    # 94 % covered: below 90 of a hundred by chance in one of 200 cases
    assert found["cover"] > 0.90


def test_a_p_value_is_that_of_the_interval():
    rng = np.random.default_rng(2)
    for shift in (0.0, 0.02, 0.05, 0.2):
        a, b = rng.random((3, 500)) < 0.5 + shift, rng.random((5, 500)) < 0.5
        found = paired_difference(a, b, resamples=4000)
        outside = found.low > 0 or found.high < 0
        assert (found.p <= 0.05) == outside or abs(found.p - 0.05) < 0.003
    assert paired_difference(a, a).p < 1
    assert paired_difference(a[:1], a[:1]).p == 1
    assert accuracy_interval(a).p == 1


def test_averaging_seeds_that_are_alike_changes_nothing():
    correct = draws(400, 0.7)
    one, five = accuracy_interval(correct), accuracy_interval(np.tile(correct, (5, 1)))
    assert five.low == pytest.approx(one.low, abs=1e-12)
    assert five.high == pytest.approx(one.high, abs=1e-12)


def test_coverage_with_one_seed_and_with_five():
    rng = np.random.default_rng(1)
    hits = {1: 0, 5: 0}
    trials = 300
    for trial in range(trials):
        for seeds in hits:
            levels = 0.7 + (0.03 * rng.normal(size=(seeds, 1)) if seeds > 1 else 0)
            a = rng.random((seeds, 400)) < levels
            b = rng.random((1, 400)) < 0.65
            found = paired_difference(a, b, resamples=500, seed=trial)
            hits[seeds] += found.low <= 0.05 <= found.high
    # Nominal 95 %; three standard errors of 300 trials are 4 %. Five seeds are few, hence less.
    assert 0.91 <= hits[1] / trials <= 0.99
    assert 0.89 <= hits[5] / trials <= 1.0


def test_seed_and_chunks_decide_and_nothing_else():
    correct = draws((2, 6000), 0.6)
    first = accuracy_interval(correct, resamples=1500)
    assert accuracy_interval(correct.astype(float), resamples=1500) == first
    assert accuracy_interval(correct, resamples=1500, seed=1) != first


def test_higher_confidence_is_wider():
    correct = draws(200, 0.6)
    assert half_width(accuracy_interval(correct, confidence=0.99)) > half_width(
        accuracy_interval(correct, confidence=0.8)
    )


def test_errors():
    with pytest.raises(DataError, match="not empty"):
        accuracy_interval(np.zeros(0, bool))
    with pytest.raises(DataError, match="same rows"):
        paired_difference(np.zeros(3, bool), np.zeros(4, bool))
    for options in ({"confidence": 1.0}, {"confidence": 0.0}, {"resamples": 0}):
        with pytest.raises(ConfigError):
            accuracy_interval(np.ones(3, bool), **options)


def test_accuracies_stay_within_their_range():
    one_row = np.array([[True], [True], [False], [True], [True]])
    found = accuracy_interval(one_row)
    assert 0 <= found.low < found.mean < found.high <= 1
    apart = paired_difference(one_row, ~one_row)
    assert -1 <= apart.low < apart.mean < apart.high <= 1
    # other numbers have no such range
    wide = accuracy_interval(1.0 * one_row)
    assert wide.high > 1
