import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sluice.graphs.instance_graphs.projections as module
from sluice.graphs.instance_graphs.projections import codes_of, directions, packed, sign_bits


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def test_worked_example():
    planes = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    rows = np.array([[2, 1], [1, 2], [-1, -1]], dtype=np.float32)
    assert packed(sign_bits(rows, planes)).tolist() == [0b111, 0b110, 0b000]


def test_measured_agreement_is_one_minus_angle_over_pi():
    a = np.array([2.0, 1.0], dtype=np.float32)
    for b, angle in (([1, 2], np.arccos(0.8)), ([2, 1], 0.0), ([-1, 2], np.pi / 2)):
        rows = np.stack([a, np.array(b, dtype=np.float32)])
        first, second = sign_bits(rows, directions(3, 2, 10_000))
        assert (first == second).mean() == pytest.approx(1 - angle / np.pi, abs=0.02)


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-6, 1e6), st.integers(1, 40), st.integers(0, 99))
def test_codes_do_not_change_with_scale_and_equal_rows_share_them(scale, d, seed):
    rows = normal(30, d, seed)
    codes = codes_of(rows, seed, 12)
    assert np.array_equal(codes_of(rows * np.float32(2.0**-60), seed, 12), codes)
    # a factor that is no power of two rounds each entry, which can move a row over a plane only
    # if it lies on it to 7 digits
    planes = directions(seed, d, 12)
    sure = (
        np.abs(rows.astype(float) @ planes.T)
        > 1e-5 * np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(planes, axis=1)
    ).all(axis=1)
    assert np.array_equal(codes_of(rows * np.float32(scale), seed, 12)[sure], codes[sure])
    assert np.array_equal(codes_of(np.repeat(rows, 2, axis=0), seed, 12), np.repeat(codes, 2))


@pytest.mark.parametrize("doubles", [1, 70, 1 << 21])
def test_a_row_on_a_plane_has_one_code_in_any_batch(doubles, monkeypatch):
    """Rows built to lie on a plane, where the last bits of a product would decide."""
    rng = np.random.default_rng(1)
    plane = rng.normal(size=64)
    flat = rng.normal(size=(80, 64))
    flat -= np.outer(flat @ plane, plane) / (plane @ plane)
    rows = flat.astype(np.float32)
    # the plane is tilted for each row until the float32 row lies on it to rounding
    planes = plane - (rows.astype(float) @ plane / np.square(rows, dtype=float).sum(1))[:, None] * (
        rows.astype(float)
    )
    monkeypatch.setattr(module, "DOUBLES", doubles)
    for i in range(80):
        alone = sign_bits(rows[i : i + 1], planes[i : i + 1])[0, 0]
        assert sign_bits(rows, planes[i : i + 1])[i, 0] == alone
        assert sign_bits(rows[i:], planes)[0, i] == alone


def test_the_canonical_sum_decides_near_zero():
    """1 + 2^-60 - 1: a left-to-right sum says 0, the exact sign is positive; ours is by halves."""
    rows = np.array([[1.0, 2.0**-60, -1.0, 0.0]], dtype=np.float32)
    assert sign_bits(rows, np.ones((1, 4))).tolist() == [[True]]
    assert sign_bits(-rows, np.ones((1, 4))).tolist() == [[False]]


def test_rows_of_zeros_have_the_code_zero():
    assert codes_of(np.zeros((3, 5), dtype=np.float32), 0, 8).tolist() == [0, 0, 0]


def test_fewer_bits_are_a_prefix_and_views_differ():
    rows = normal(200, 7)
    assert np.array_equal(codes_of(rows, 5, 12) >> 4, codes_of(rows, 5, 8))
    assert not np.array_equal(codes_of(rows, 5, 8, view=1), codes_of(rows, 5, 8))
    assert not np.array_equal(codes_of(rows, 6, 8), codes_of(rows, 5, 8))


@pytest.mark.parametrize(("d", "seen"), [(1, 1), (4, 2), (7, 4)])
def test_a_view_sees_half_of_the_features_rounded_up(d, seen):
    whole, half = directions(2, d, 9, 1), directions(2, d, 9, 1, 0.5)
    used = half.any(axis=0)
    assert used.sum() == seen
    assert np.array_equal(half[:, used], whole[:, used])


def test_extreme_rows_have_the_signs_of_exact_arithmetic():
    from fractions import Fraction

    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(40, 6)) * 10.0 ** rng.integers(-38, 38, size=(40, 6))).astype(
        np.float32
    )
    planes = directions(0, 6, 8)
    exact = [
        [sum(Fraction(float(x)) * Fraction(float(r)) for x, r in zip(row, plane)) > 0  # noqa: B905
         for plane in planes]
        for row in rows
    ]  # fmt: skip
    assert sign_bits(rows, planes).tolist() == exact
