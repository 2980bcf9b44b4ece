import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import sluice.scores.token_quantile as module
from sluice.core.errors import ConfigError, DataError
from sluice.scores.token_quantile import token_quantile

ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)
FEW = st.sampled_from([0.0, -0.0, 0.5, -0.5, 0.50000006, 1e-38, 3e38])


def oracle(values, k):
    return float(np.quantile(np.abs(values.astype(np.float64)), 1.0 - k))


def shares():
    return st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))


@settings(max_examples=200, deadline=None)
@given(
    arrays(np.float32, st.integers(1, 60), elements=st.one_of(ANY, FEW)),
    shares(),
    st.integers(1, 9),
)
@example(np.zeros(5, np.float32), 0.3, 2)
@example(np.full(7, -0.1, np.float32), 0.5, 3)
@example(np.array([4.25], np.float32), 0.9, 1)
@example(np.array([1e-45, 3.4e38], np.float32), 0.5, 1)
def test_equals_numpy(values, k, cuts):
    pieces = np.array_split(values, cuts)
    assert token_quantile(lambda: pieces, k) == oracle(values, k)


@pytest.mark.parametrize("k", [0.0, 0.1, 0.25, 0.5, 0.75, 0.999, 1.0])
def test_equals_numpy_on_many_values(k):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=200_001) * np.exp(rng.normal(size=200_001))).astype(np.float32)
    assert token_quantile(lambda: [values], k) == oracle(values, k)


def test_order_and_cuts_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    values = rng.normal(size=5000).astype(np.float32)
    expected = token_quantile(lambda: [values], 0.37)
    monkeypatch.setattr(module, "CHUNK", 7)
    shuffled = rng.permutation(values)
    assert token_quantile(lambda: np.array_split(shuffled, 13), 0.37) == expected
    assert token_quantile(lambda: [shuffled.reshape(50, 100)[:, ::-1]], 0.37) == expected


def test_worked_thresholds():
    deltas = np.array([2, 0.01, 0.01, 0.5, 0.5, 0.5, -0.3, 1, 0.2, 0.1], dtype=np.float32)
    assert token_quantile(lambda: [deltas], 0.5) == pytest.approx(0.4)
    assert token_quantile(lambda: [deltas], 0.75) == pytest.approx(0.125)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, st.integers(1, 40), elements=ANY), st.lists(st.floats(0, 1), min_size=2))
def test_never_rises_with_the_share(values, ks):
    thresholds = [token_quantile(lambda: [values], k) for k in sorted(ks)]
    assert thresholds == sorted(thresholds, reverse=True)


def test_memory_is_bounded_even_where_all_values_are_in_one_bin():
    def passes():
        for part in range(40):
            yield np.full(50_000, 1.0, dtype=np.float32) + np.float32(1e-7 * part)

    everything = np.concatenate(list(passes()))
    tracemalloc.start()
    found = token_quantile(passes, 0.3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == oracle(everything, 0.3)
    assert peak < 6e6 < everything.nbytes


def test_what_is_wrong_is_said():
    good = np.ones(3, dtype=np.float32)
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(DataError, match="NaN or infinite"):
            token_quantile(lambda bad=bad: [good, np.array([bad], dtype=np.float32)], 0.5)
    for none in ([], [good[:0]]):
        with pytest.raises(DataError, match="no token value"):
            token_quantile(lambda none=none: none, 0.5)
    with pytest.raises(DataError, match="float64"):
        token_quantile(lambda: [np.ones(3)], 0.5)
    for k in (-0.1, 1.1, float("nan")):
        with pytest.raises(ConfigError, match="from 0 to 1"):
            token_quantile(lambda: [good], k)
    once = iter([good])  # nothing is left for the second pass
    with pytest.raises(DataError, match="changed between two passes"):
        token_quantile(lambda: once, 0.5)
