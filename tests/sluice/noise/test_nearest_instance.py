import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sluice.noise.nearest_instance as module
from sluice.core.errors import ConfigError, DataError
from sluice.graphs.canonical import canonical_cosine
from sluice.noise.echo_select import echo_similarity
from sluice.noise.nearest_instance import (
    NearestInstance,
    Reference,
    nearest_instances,
    nearest_positions,
)


def rows(n, classes=3, d=5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    ids = np.array([f"id-{i:03d}" for i in range(n)])
    return x.astype(np.float32), np.arange(n) % classes, ids


def brute(x, y, ids, pool, k=1, groups=None, copy=module.COPY):
    """Every pair, one by one."""
    px, py, pids, pgroups = pool
    unit = module._unit
    a, b = unit(x), unit(px)
    result = np.empty((len(x), x.shape[1]))
    for i in range(len(x)):
        found = []
        for j in range(len(px)):
            apart = ids[i] != pids[j] if groups is None else groups[i] != pgroups[j]
            cosine = float(canonical_cosine(a[i], b[j]))
            if py[j] == y[i] and apart and cosine < copy:
                found.append((-cosine, pids[j], j))
        result[i] = np.mean([px[j].astype(float) for *_, j in sorted(found)[:k]], axis=0)
    return result


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(8, 40), st.integers(1, 4), st.booleans())
def test_equals_brute_force_in_any_order_and_tile(seed, n, k, grouped):
    x, y, ids = rows(n, classes=2, seed=seed % 10_000)
    rng = np.random.default_rng(seed)
    x[4:6] = x[2]  # copies, of both classes
    groups = [f"g{i}" for i in rng.integers(0, 6, n)] if grouped else None
    expected = brute(x, y, ids, (x, y, ids, groups), k, groups)
    if np.isnan(expected).any():
        return
    found = nearest_instances(x, y, ids=ids, k=k, groups=groups)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    order = rng.permutation(n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SCORES", 30)
        again = nearest_instances(
            x[order], y[order], ids=ids[order], k=k,
            groups=None if groups is None else [groups[i] for i in order],
        )  # fmt: skip
    assert np.array_equal(again, found[order])


def test_ties_go_to_the_lower_id():
    x = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]], dtype=np.float32)
    for ids in (["a", "b", "c", "d"], ["d", "c", "b", "a"]):
        found = nearest_instances(x[:3], [0, 0, 0], ids=ids[:3])
        lowest = int(np.argmin(ids[1:3])) + 1
        assert np.array_equal(found[0], x[lowest])


def test_a_row_never_meets_a_copy_of_itself():
    x, y, ids = rows(30)
    x[9] = x[3]
    y[9] = y[3]  # the same text, the same label, right or wrong
    s = echo_similarity(x, nearest_instances(x, y, ids=ids))
    assert s[3] < 0.999
    assert s[3] == s[9]
    # above 1 no cosine is a copy
    with_copies = echo_similarity(x, nearest_instances(x, y, ids=ids, copy=1.1))
    assert with_copies[3] == 1.0
    x[9] *= 7  # another length is the same direction
    assert echo_similarity(x, nearest_instances(x, y, ids=ids))[3] == pytest.approx(s[3])


def test_rows_of_a_group_are_no_candidates_for_each_other():
    x, y, ids = rows(30)
    x[9] = x[3] + np.float32(0.01)
    y[9] = y[3]
    near = nearest_instances(x, y, ids=ids)
    assert np.array_equal(near[3], x[9])
    groups = ["same" if i in (3, 9) else str(i) for i in range(30)]
    apart = NearestInstance(groups=groups).modify(x, y, ids=ids).embeddings
    assert not np.array_equal(apart[3], x[9])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_reference_from_outside(seed, k):
    x, y, ids = rows(40, seed=seed % 10_000)
    reference = Reference(x[12:].astype(np.float64), y[12:], ids[12:])
    found = nearest_instances(x[:20], y[:20], ids=ids[:20], k=k, reference=reference)
    # rows 12 to 19 are on both sides and do not meet themselves
    expected = brute(x[:20], y[:20], ids[:20], (reference.x, reference.y, reference.ids, None), k)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.dtype == np.float64


def test_fewer_candidates_than_k():
    x, y, ids = rows(6, classes=2)
    found = nearest_instances(x, y, ids=ids, k=50)
    for i in range(6):
        others = [j for j in range(6) if j != i and y[j] == y[i]]
        np.testing.assert_allclose(found[i], x[others].mean(axis=0), atol=1e-6)


def test_numbers_whose_squares_leave_the_range():
    x, y, ids = rows(20)
    wide = x.astype(np.float64)
    for size in (1e-300, 1e300):
        found = nearest_instances(wide * size, y, ids=ids)
        np.testing.assert_allclose(found / size, nearest_instances(wide, y, ids=ids))


def test_bad_input():
    x, y, ids = rows(9)
    with pytest.raises(DataError, match="'id-004' is the only one of class 7"):
        nearest_instances(x, np.where(np.arange(9) == 4, 7, y), ids=ids)
    same = np.tile(x[:1], (4, 1))
    with pytest.raises(DataError, match="but for copies"):
        nearest_instances(same, [0, 0, 0, 0], ids=ids[:4])
    with pytest.raises(DataError, match="Embedding 2 is zero"):
        nearest_instances(np.where(np.arange(9)[:, None] == 2, 0, x), y, ids=ids)
    with pytest.raises(ConfigError, match="k is 0"):
        nearest_instances(x, y, ids=ids, k=0)
    with pytest.raises(ConfigError, match="both or none"):
        nearest_instances(x, y, ids=ids, groups=["a"] * 9, reference=Reference(x, y, ids))
    with pytest.raises(DataError, match="Groups have shapes"):
        nearest_instances(x, y, ids=ids, groups=["a"] * 8)
    with pytest.raises(DataError, match="same encoder"):
        nearest_instances(x, y, ids=ids, reference=Reference(x[:, :2], y, ids))


def test_positions_say_where_there_are_no_more():
    x = np.eye(4, dtype=np.float32) + 0.1 * np.arange(4)[:, None].astype(np.float32)
    found = nearest_positions(x, np.array([0, 0, 0, 1]), ids=np.array(list("dcba")), k=3)
    assert found[3].tolist() == [-1, -1, -1]
    assert [sorted(row) for row in found[:3].tolist()] == [[-1, 1, 2], [-1, 0, 2], [-1, 0, 1]]
    assert (found[:3, 2] == -1).all()
    at = found[:3, :2]
    two = nearest_instances(x[:3], np.zeros(3, int), ids=np.array(list("dcb")), k=2)
    np.testing.assert_allclose(two, x[at].mean(axis=1), atol=1e-6)
