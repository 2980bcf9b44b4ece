import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.scores.s_ifd import (
    TokenValues,
    ifd,
    ifd_loss,
    row_statistics,
    selective_ifd,
    token_deltas,
)
from sluice.scores.token_quantile import token_quantile

WORKED = [[2, 0.01, 0.01], [0.5, 0.5, 0.5], [-0.3, 1, 0.2, 0.1]]
NUMBERS = st.floats(-8, 8, width=32)
ROWS = st.lists(st.lists(NUMBERS, max_size=8), min_size=1, max_size=8)


def token_values(rows):
    return TokenValues.of([np.array(row, dtype=np.float32) for row in rows])


def threshold_of(deltas, k):
    return token_quantile(lambda: [deltas.values], k)


def naive_s_ifd(row, threshold):
    kept = [float(np.float32(delta)) for delta in row if abs(float(np.float32(delta))) > threshold]
    return math.exp(-math.fsum(kept) / max(len(kept), 1)), len(kept)


@pytest.mark.parametrize(
    ("k", "threshold", "expected", "counts"),
    [(0.5, 0.4, [0.1353, 0.6065, 0.3679], [1, 3, 1]),
     (0.75, 0.125, [0.1353, 0.6065, 0.7408], [1, 3, 3])],
)  # fmt: skip
def test_worked_example(k, threshold, expected, counts):
    deltas = token_values(WORKED)
    assert threshold_of(deltas, k) == pytest.approx(threshold)
    s_ifd, count = selective_ifd(deltas, threshold_of(deltas, k))
    assert s_ifd == pytest.approx(expected, abs=5e-5)
    assert count.tolist() == counts
    # the losses of the same rows: any response, less what the prompt helps
    alone = token_values([[3.0] * len(row) for row in WORKED])
    given_prompt = token_values([[3.0 - delta for delta in row] for row in WORKED])
    assert ifd(given_prompt, alone) == pytest.approx([0.5100, 0.6065, 0.7788], abs=5e-5)
    assert token_deltas(given_prompt, alone).values == pytest.approx(deltas.values, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.floats(0, 8))
def test_s_ifd_equals_row_by_row(rows, threshold):
    s_ifd, count = selective_ifd(token_values(rows), threshold)
    for row, value, informative in zip(rows, s_ifd, count, strict=True):
        expected, n = naive_s_ifd(row, threshold)
        assert informative == n
        assert math.isnan(value) if not row else value == pytest.approx(expected)
        if row and not n:
            assert value == 1.0
        # below 1 just where the informative tokens profit on average
        selected = math.fsum(delta for delta in row if abs(delta) > threshold)
        if n and abs(selected) > 1e-6:
            assert (value < 1) == (selected > 0)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.lists(st.integers(0, 7), max_size=8))
def test_a_row_is_the_same_among_any_others(rows, others):
    deltas = token_values(rows)
    whole = selective_ifd(deltas, 0.5)[0]
    picked = [place % len(rows) for place in others]
    part = selective_ifd(token_values([rows[place] for place in picked]), 0.5)[0]
    assert np.array_equal(part, whole[picked], equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=8), min_size=1, max_size=8))
def test_more_tokens_are_informative_with_a_larger_share(rows):
    deltas = token_values(rows)
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    counts = np.array([selective_ifd(deltas, threshold_of(deltas, k))[1] for k in shares])
    assert (np.diff(counts, axis=0) >= 0).all()
    assert not counts[0].any()  # strictly above the greatest value: nothing


def test_all_tokens_but_the_least_give_the_ifd():
    rng = np.random.default_rng(0)
    alone, given_prompt = (token_values([rng.gamma(2, size=50)]) for _ in range(2))
    deltas = token_deltas(given_prompt, alone)
    s_ifd, count = selective_ifd(deltas, threshold_of(deltas, 1.0))
    assert count.tolist() == [49]  # strict: the least value itself stays out
    least = float(deltas.values[np.argmin(np.abs(deltas.values))])
    everything = math.log(ifd(given_prompt, alone)[0]) * 50
    assert math.log(s_ifd[0]) * 49 == pytest.approx(everything + least, abs=1e-4)


def test_a_threshold_between_two_float32_is_not_rounded():
    value = np.float32(0.1)
    just_below = float(value) - 1e-12
    assert np.float32(just_below) == value
    deltas = TokenValues.of([np.array([value])])
    assert selective_ifd(deltas, just_below)[1].tolist() == [1]
    assert selective_ifd(deltas, float(value))[1].tolist() == [0]


def test_models_that_cannot_foresee_the_first_token():
    given_prompt = token_values([[9.0, 1.0, 2.0], [0.5], [4.0, 4.0]])
    alone = token_values([[3.0, 5.0], [], [1.0, 2.0]])
    deltas = token_deltas(given_prompt, alone)
    assert deltas.values.tolist() == [2.0, 3.0, -3.0, -2.0]
    assert deltas.sizes().tolist() == [2, 0, 2]
    # each mean over its own number of tokens: 12 / 3 and 8 / 2
    assert ifd(given_prompt, alone) == pytest.approx([1.0, np.nan, math.exp(2.5)], nan_ok=True)
    assert ifd_loss(given_prompt, alone) == pytest.approx([1.0, np.nan, 4 / 1.5], nan_ok=True)
    s_ifd, count = selective_ifd(deltas, 0.0)
    assert s_ifd == pytest.approx([math.exp(-2.5), np.nan, math.exp(2.5)], nan_ok=True)
    assert count.tolist() == [2, 0, 2]


def test_both_ratios_differ():
    given_prompt, alone = token_values([[1.0, 3.0]]), token_values([[2.0, 6.0]])
    assert ifd(given_prompt, alone) == pytest.approx([math.exp(-2)])
    assert ifd_loss(given_prompt, alone) == pytest.approx([0.5])


def test_a_faulty_token_makes_its_row_nan_and_no_other():
    deltas = token_values([[1.0, np.nan], [1.0, 1.0], [np.inf]])
    s_ifd, _ = selective_ifd(deltas, 0.5)
    assert s_ifd == pytest.approx([np.nan, math.exp(-1), np.nan], nan_ok=True)
    losses = token_values([[0.0], [0.0]])
    with np.errstate(all="raise"):
        assert ifd_loss(token_values([[1.0], [0.0]]), losses).tolist()[0] == math.inf
        assert ifd(token_values([[2000.0], [0.0]]), losses).tolist() == [math.inf, 1.0]


@given(st.floats(1e-3, 50), st.integers(1, 30))
def test_equal_copies_have_their_score_and_no_deviation(score, copies):
    mean, std = row_statistics(np.full((1, copies), score))
    assert mean.tolist() == [score]
    assert std.tolist() == [0.0]


def test_row_statistics():
    rng = np.random.default_rng(0)
    copies = rng.gamma(2, size=(20, 7))
    mean, std = row_statistics(copies)
    assert mean == pytest.approx(copies.mean(axis=1))
    assert std == pytest.approx(
        np.sqrt(((copies - copies.mean(axis=1)[:, None]) ** 2).mean(axis=1))
    )
    copies[3, 2], copies[4, 0] = np.nan, np.inf
    mean, std = row_statistics(copies)
    assert np.flatnonzero(np.isnan(mean)).tolist() == [3, 4]
    assert np.flatnonzero(np.isnan(std)).tolist() == [3, 4]


def test_what_is_wrong_is_said():
    two = token_values([[1.0, 2.0], [1.0]])
    for score in (token_deltas, ifd, ifd_loss):
        with pytest.raises(DataError, match="2 rows of conditional losses and 1"):
            score(two, token_values([[1.0, 2.0]]))
        with pytest.raises(DataError, match="Row 1 has 1 conditional losses and 2"):
            score(two, token_values([[1.0], [1.0, 2.0]]))
    for threshold in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="threshold"):
            selective_ifd(two, threshold)
    for copies in ([1.0, 2.0], np.empty((3, 0))):
        with pytest.raises(DataError, match="rows x M"):
            row_statistics(copies)
