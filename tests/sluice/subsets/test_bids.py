from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import sluice.subsets.information.balanced_greedy as module
from sluice.core.errors import BudgetError, DataError
from sluice.scores.influence import Influence
from sluice.subsets.contract import Pool
from sluice.subsets.information.bids import SELECTOR, bids
from sluice.subsets.runner import run

WORKED = np.array(
    [[0.10, 0.02, -0.30], [0.08, 0.06, 0.10], [0.01, 0.05, 0.40], [0.05, -0.01, 0.20]]
)


def standardised(matrix):
    """As the method says it, constant columns dropped."""
    z = np.asarray(matrix, dtype=np.float64)
    z = z[:, z.min(axis=0) < z.max(axis=0)]
    return (z - z.mean(axis=0)) / z.std(axis=0)


def naive(z, budget):
    """Every utility at every step; the mean of the picks anew each time."""
    picks, utilities = [], []
    for _ in range(budget):
        mean = z[picks].mean(axis=0) if picks else np.zeros(z.shape[1])
        utility = (z - mean).max(axis=1)
        utility[picks] = -np.inf
        picks.append(int(np.argmax(utility)))
        utilities.append(utility[picks[-1]])
    return picks, utilities


def naive_exact(matrix, budget):
    """The same in fractions, without standardisation: no rounding, hence all ties are true."""
    rows = [[Fraction(float(value)) for value in row] for row in matrix]
    picks = []
    sums = [Fraction(0)] * len(rows[0])
    for rank in range(budget):
        mean = [total / max(rank, 1) for total in sums]
        best = max(
            (max(v - m for v, m in zip(row, mean, strict=True)), -i)
            for i, row in enumerate(rows)
            if i not in picks
        )
        picks.append(-best[1])
        sums = [total + value for total, value in zip(sums, rows[picks[-1]], strict=True)]
    return picks


def test_worked_example():
    raw_two = np.argsort(-WORKED.max(axis=1), kind="stable")[:2]
    assert set(raw_two) == {2, 3}  # what standardisation is for: one column's scale wins
    kept = bids(WORKED, 3)
    assert kept.ids.dtype == np.int64
    assert kept.ids.tolist() == [0, 2, 1]
    assert kept.gains == pytest.approx([1.1795, 2.7456, 0.9129], abs=5e-5)
    assert bids(WORKED, 3, standardised=False).ids.tolist() == [2, 0, 3]
    assert kept.reasons == [
        "Serves validation row 0: influence 1.18 standard deviations above the mean of all rows.",
        "Serves validation row 2: influence 2.75 standard deviations above that of the row kept "
        "before it.",
        "Serves validation row 1: influence 0.913 standard deviations above the mean of the 2 "
        "rows kept before it.",
    ]


def test_worked_z_scores():
    columns = module.ranked_columns(WORKED, np.arange(4), 4, True)
    z = np.array([columns.z(row, slice(None)) for row in WORKED])
    expected = [
        [1.1795, -0.3651, -1.5689],
        [0.5898, 1.0954, 0.0],
        [-1.4744, 0.7303, 1.1767],
        [-0.2949, -1.4606, 0.3922],
    ]
    assert z == pytest.approx(np.array(expected), abs=1e-4)
    assert z.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert z.std(axis=0) == pytest.approx(np.ones(3))


@pytest.mark.parametrize("kind", ["float32", "float64", "fortran"])
@pytest.mark.parametrize(("tile", "window"), [(1, 1), (3, 2), (16, 8)])
def test_fast_equals_naive(kind, tile, window, monkeypatch):
    monkeypatch.setattr(module, "TILE", tile)
    monkeypatch.setattr(module, "WINDOW", window)
    rng = np.random.default_rng(3)
    # some columns resemble each other, so that a pick ends up at the top of many
    matrix = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 20)) + 0.3 * rng.normal(size=(400, 20))
    matrix *= rng.uniform(0.01, 100, 20)
    matrix = {
        "float32": matrix.astype(np.float32),
        "float64": matrix,
        "fortran": np.asfortranarray(matrix),
    }[kind]
    picks, utilities = naive(standardised(matrix), 400)
    for budget in (1, 37, 400):
        kept = bids(matrix, budget)
        assert kept.ids.tolist() == picks[:budget]  # and nested
        assert kept.gains == pytest.approx(utilities[:budget], abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.int64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-3, 3)),
    st.data(),
)
def test_ties_go_to_the_lower_position(matrix, data):
    # sums over powers of two are exact: only true ties tie
    budget = data.draw(st.integers(1, min(2, len(matrix))))
    kept = bids(matrix, budget, standardised=False)
    assert kept.ids.tolist() == naive_exact(matrix, budget)
    every = bids(matrix, len(matrix))
    assert sorted(every.ids.tolist()) == list(range(len(matrix)))
    assert bids(matrix, budget).ids.tolist() == every.ids[:budget].tolist()


@settings(max_examples=60, deadline=None)
# of two rows every z is 1 or -1: nothing but ties, which rounding may part
@given(st.integers(0, 2**32 - 1), st.integers(3, 60), st.integers(1, 8), st.data())
def test_invariants(seed, n, width, data):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, width))
    budget = data.draw(st.integers(1, n))
    kept = bids(matrix, budget).ids.tolist()
    assert kept == naive(standardised(matrix), budget)[0]
    assert len(set(kept)) == budget
    # an increasing affine change of each column, powers of two: no rounding
    scale = 2.0 ** rng.integers(-8, 8, width)
    assert bids(matrix * scale, budget).ids.tolist() == kept
    assert (
        bids(matrix * rng.uniform(0.1, 9, width) + rng.normal(size=width), budget).ids.tolist()
        == kept
    )
    assert bids(matrix[:, rng.permutation(width)], budget).ids.tolist() == kept
    twice = rng.integers(0, width)
    assert bids(np.column_stack([matrix, matrix[:, twice]]), budget).ids.tolist() == kept
    constant = np.full(n, 0.1)
    assert bids(np.column_stack([constant, matrix]), budget).ids.tolist() == kept
    top = np.argsort(-matrix[:, 0], kind="stable")[:budget]
    assert bids(matrix[:, :1], budget).ids.tolist() == top.tolist()


def test_the_least_served_column_gains_on_skewed_influence():
    rng = np.random.default_rng(5)
    # rows help one of ten validation rows; the influence of the first one's rows is large:
    # picking rows by their greatest influence leaves the others out
    family = rng.integers(0, 10, 600)
    matrix = 0.05 * rng.normal(size=(600, 10))
    matrix[np.arange(600), family] += np.where(family == 0, 3.0, 0.3) * rng.uniform(0.5, 1, 600)
    z = standardised(matrix)
    instance_max = np.argsort(-matrix.max(axis=1), kind="stable")[:40]
    kept = bids(matrix, 40).ids
    assert z[kept].mean(axis=0).min() > z[instance_max].mean(axis=0).min()
    assert set(family[kept]) == set(range(10))
    assert set(family[instance_max]) == {0}


def test_constant_columns_are_dropped_and_not_zeroed():
    # 0.1 seven times has a rounded mean that is not 0.1
    matrix = np.column_stack([np.full(7, 0.1), np.arange(7.0)])
    kept = bids(matrix, 3)
    assert kept.ids.tolist() == [6, 5, 4]
    assert (
        kept.note == "1 of 2 validation rows are left out: all rows have the same influence there."
    )
    # as a column of zeros it would have had the utility 0, more than these
    assert (kept.gains[1:] < 0).all()
    assert "standard deviations below" in kept.reasons[1]


@pytest.mark.parametrize("matrix", [np.ones((4, 2)), np.array([[3.0, -1.0]])])
def test_nothing_tells_the_rows_apart(matrix):
    kept = bids(matrix, "100%")
    assert kept.ids.tolist() == list(range(len(matrix)))
    assert not kept.gains.any()
    assert kept.reasons[0] == "Fills the budget: no validation row tells the rows apart."


def test_rows_with_nan_or_infinite_numbers_are_set_aside():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(40, 5)).astype(np.float32)
    matrix[3, 1], matrix[17, 4], matrix[30, 0] = np.nan, np.inf, -np.inf
    good = np.delete(np.arange(40), [3, 17, 30])
    kept = bids(matrix, 12)
    assert kept.ids.tolist() == good[bids(matrix[good], 12).ids].tolist()
    assert kept.note == "3 of 40 rows are set aside: an influence is NaN or infinite."
    everything = bids(matrix, 40)
    assert sorted(everything.ids.tolist()) == good.tolist()
    assert everything.note.startswith("bids kept 37 rows of the 40 asked for")
    nothing = bids(np.full((3, 2), np.nan), 2)
    assert len(nothing.ids) == 0
    assert "3 of 3 rows are set aside" in nothing.note


@pytest.mark.parametrize("size", [1e-300, 1e300, 5e-324])
def test_numbers_whose_squares_leave_the_range(size):
    matrix = np.array([[0.0, 3.0], [1.0, 2.0], [2.0, 1.0], [3.0, 0.0]])
    assert bids(matrix * [size, 1.0], 4).ids.tolist() == bids(matrix, 4).ids.tolist()


def test_the_matrix_is_left_as_it_was():
    matrix = np.random.default_rng(0).normal(size=(30, 1)).T.copy().T
    before = matrix.copy()
    bids(matrix, 5)
    assert np.array_equal(matrix, before)


def test_pool_in_any_order():
    rng = np.random.default_rng(2)
    matrix = rng.integers(-2, 3, size=(50, 4)).astype(np.float32)
    ids = np.array([f"row {i:02d}" for i in range(50)])
    served = ("arithmetic 1", "arithmetic 2", "letters 1", "letters 2")
    kept = run(SELECTOR, Pool(ids, influence=Influence(matrix, served)), "20%", 0)
    assert kept.ids.tolist() == [f"row {i:02d}" for i in bids(matrix, 10).ids]
    z = standardised(matrix)
    best = served[int(np.argmax(z[bids(matrix, 10).ids[0]]))]
    assert kept.reasons[0].startswith(f"Serves validation {best!r}: influence ")
    for order in (np.arange(50)[::-1], rng.permutation(50)):
        other = Pool(ids[order], influence=Influence(matrix[order], served))
        again = run(SELECTOR, other, 10, 7)
        assert again.ids.tolist() == kept.ids.tolist()
        assert again.reasons == kept.reasons
        assert np.array_equal(again.gains, kept.gains)


@pytest.mark.parametrize(
    "influence", [np.ones(3), np.ones((0, 2)), np.ones((3, 0)), [["a"]], [[1.0], [1.0, 2.0]]]
)
def test_what_is_no_matrix_is_refused(influence):
    with pytest.raises(DataError, match="influence"):
        bids(influence, 1)


def test_wrong_budget_and_names():
    with pytest.raises(BudgetError, match="more than the 4 rows"):
        bids(WORKED, 5)
    pool = Pool(np.array(["a", "b", "c", "d"]), influence=Influence(WORKED, ("x", "y")))
    with pytest.raises(DataError, match="3 columns and 2 names"):
        run(SELECTOR, pool, 2, 0)
