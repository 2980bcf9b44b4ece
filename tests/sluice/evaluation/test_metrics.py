import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import accuracy_interval, paired_difference, row_counts
from sluice.evaluation.metrics import (
    ACCURACY,
    MACRO_F1,
    Bootstrap,
    FOfCounts,
    Mean,
    f_of_sums,
    macro_f1,
)

LOSS = Mean("loss", "loss", "loss", lower=True)
F1 = FOfCounts("f1", "F1", "spans")


def plain_f(counts, beta=1.0):
    """The weighted harmonic mean of precision and recall (van Rijsbergen 1979)."""
    right, said, true = counts
    precision, recall = right / said, right / true
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def counts(seed, seeds=1, rows=40):
    rng = np.random.default_rng(seed)
    true, said = rng.integers(0, 4, (2, seeds, rows))
    right = rng.binomial(np.minimum(true, said), 0.6)
    return list(np.stack([right, said, true], axis=-1).astype(float))


@pytest.mark.parametrize("beta", [1.0, 2.385])
def test_the_score_is_that_of_the_added_counts(beta):
    sums = np.sum(counts(0), axis=(0, 1))
    assert f_of_sums(sums, beta) == pytest.approx(plain_f(sums, beta))
    assert f_of_sums(np.zeros(3)) == 0


def test_resamples_add_up_before_they_divide():
    (values,) = counts(1)
    drawn = np.concatenate(list(row_counts(40, 20, 0)))
    plain = [plain_f(values[np.repeat(np.arange(40), d.astype(int))].sum(axis=0)) for d in drawn]
    found = F1.interval([values], Bootstrap(resamples=20, confidence=0.9))
    assert found.mean == pytest.approx(plain_f(values.sum(axis=0))) == F1.value(values)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(plain, [0.05, 0.95])))


def test_a_difference_of_counts_is_paired():
    options = Bootstrap(resamples=100)
    same = F1.difference(counts(2), counts(2), options)
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    better = [values.copy() for values in counts(2)]
    better[0][:, 0] = np.minimum(better[0][:, 1], better[0][:, 2])
    assert F1.better(F1.difference(better, counts(2), options))
    with pytest.raises(DataError, match="same rows"):
        F1.difference(counts(2), counts(2, rows=3), options)


def test_accuracy_is_that_of_the_bootstrap_over_right_rows():
    rng = np.random.default_rng(0)
    seeds = [rng.integers(3, size=(90, 2)).astype(float) for _ in range(3)]
    right = np.stack([s[:, 0] == s[:, 1] for s in seeds])
    options = Bootstrap(resamples=70)
    expected = accuracy_interval(right, resamples=70)
    assert ACCURACY.interval(seeds, options) == expected
    assert ACCURACY.difference(seeds[:1], seeds[1:], options) == paired_difference(
        right[:1], right[1:], resamples=70
    )
    assert ACCURACY.worth(seeds) == ACCURACY.worth([np.concatenate(seeds)])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 9), min_size=2, max_size=30), st.floats(-3, 3))
def test_a_lower_loss_is_better_and_its_interval_stands_the_right_way_up(values, shift):
    losses = np.array(values)[:, None]
    options = Bootstrap(resamples=30)
    level, gain = (
        LOSS.interval([losses], options),
        LOSS.difference([losses + shift], [losses], options),
    )
    assert level.low <= level.high
    assert level.mean == pytest.approx(losses.mean())
    assert (gain.low, gain.mean, gain.high) == pytest.approx((shift,) * 3, abs=1e-9)
    if abs(shift) > 1e-6:
        assert LOSS.better(gain) == (shift < 0)
    assert (LOSS.worth([losses]) > LOSS.worth([losses + 1])) is True


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_macro_f1_equals_sklearn(pairs):
    truth, predicted = np.array(pairs).T
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert macro_f1(truth, predicted, 5) == pytest.approx(expected, abs=1e-12)
    assert MACRO_F1.value(np.array(pairs, float)[:, ::-1]) == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_not_among_the_present_ones_is_wrong():
    outcomes = np.array([[-1.0, 0.0], [1.0, 1.0]])
    assert ACCURACY.value(outcomes) == 0.5
    assert MACRO_F1.value(outcomes) == pytest.approx(1 / 3)
