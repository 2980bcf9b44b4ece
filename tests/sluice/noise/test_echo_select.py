import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import sluice.noise.echo_select as module
from sluice.core.errors import ConfigError, DataError
from sluice.noise.echo_select import echo_select, echo_similarity
from sluice.noise.thresholds import Audit

WORKED = [0.9, 0.6, 0.5, 0.3]

scores = arrays(
    np.float64, st.integers(1, 40), elements=st.floats(-1, 1, allow_nan=False, width=32)
)


def test_worked_example():
    found = echo_select(WORKED, threshold=0.52)
    assert found.kept.tolist() == [True, True, False, False]
    assert (found.threshold, found.found) == (0.52, "fixed")
    assert not found.audited.any()
    assert echo_select(WORKED).kept.tolist() == [True, True, False, False]  # 0.5 is not above 0.5


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 9), st.floats(-1, 0.999))
def test_rows_that_are_not_changed_are_kept(seed, n, d, threshold):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-200, 200, (n, 1))
    s = echo_similarity(x, x.copy())
    assert (s == 1.0).all()
    assert echo_select(s, threshold=threshold).kept.all()
    assert echo_select(s, threshold="mixture").kept.all()


@settings(max_examples=100, deadline=None)
@given(scores, st.floats(-1, 0.99), st.floats(-1, 0.99))
def test_the_kept_set_shrinks_as_the_threshold_rises(s, one, other):
    low, high = sorted((one, other))
    assert not (echo_select(s, threshold=high).kept & ~echo_select(s, threshold=low).kept).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 40))
def test_similarity_is_a_cosine_and_knows_no_scale(seed, n, d):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    s = echo_similarity(x, y)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    np.testing.assert_allclose(s, (x * y).sum(axis=1) / norms, atol=1e-12)
    assert s.dtype == np.float64
    assert (np.abs(s) <= 1).all()
    # a power of two changes no bit
    scale = 2.0 ** rng.integers(-300, 300, (n, 1))
    assert np.array_equal(echo_similarity(x * scale, y), s)
    assert np.array_equal(echo_similarity(x, y * scale), s)
    np.testing.assert_allclose(echo_similarity(x * rng.uniform(0.1, 9, (n, 1)), y), s, atol=1e-12)


def test_a_row_has_the_same_bits_in_any_batch(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 7)).astype(np.float32), rng.normal(size=(50, 7))
    whole = echo_similarity(x, y)
    order = rng.permutation(50)
    assert np.array_equal(echo_similarity(x[order], y[order]), whole[order])
    monkeypatch.setattr(module, "TILE", 20)
    assert np.array_equal(echo_similarity(x, y), whole)
    assert echo_similarity(x[3:4], y[3:4])[0] == whole[3]


def test_zero_vectors_and_wrong_shapes_name_the_row():
    x = np.ones((4, 2))
    zero = x.copy()
    zero[2] = 0
    with pytest.raises(DataError, match="original embedding of row 2 is zero"):
        echo_similarity(zero, x)
    with pytest.raises(DataError, match="modified embedding of row 2 is zero"):
        echo_similarity(x, zero)
    zero[2, 1] = np.nan
    with pytest.raises(DataError, match="not finite in row 2"):
        echo_similarity(x, zero)
    with pytest.raises(DataError, match="4 rows"):
        echo_similarity(x, x[:3])
    with pytest.raises(DataError, match="same encoder"):
        echo_similarity(x, np.ones((4, 3)))
    with pytest.raises(DataError, match="numbers"):
        echo_similarity([["a"]], [["b"]])


@pytest.mark.parametrize("s", [[], [[0.1]], [0.2, np.nan], [1.5], ["a"]])
def test_what_is_no_similarity_is_refused(s):
    with pytest.raises(DataError, match="imilarit"):
        echo_select(s)


def test_what_is_no_threshold_is_refused():
    for threshold in (1.0, -1.1, float("nan"), "median"):
        with pytest.raises(ConfigError, match="threshold is"):
            echo_select(WORKED, threshold=threshold)
    audit = Audit(np.ones(4, bool), np.ones(4, bool))
    with pytest.raises(ConfigError, match="only with it"):
        echo_select(WORKED, threshold=0.5, audit=audit)
    with pytest.raises(ConfigError, match="needs audited rows"):
        echo_select(WORKED, threshold="precision")


def test_the_audited_rows_are_named():
    audit = Audit(np.array([True, False, True, True]), np.array([True, False, True, False]))
    found = echo_select(WORKED, threshold="precision", audit=audit, target_precision=1.0, least=1)
    assert found.found == "precision"
    assert found.threshold == 0.3
    assert found.kept.tolist() == [True, True, True, False]
    assert found.audited.tolist() == [True, False, True, True]
    assert "2 audited rows above it, 100.0 % are right" in found.note
