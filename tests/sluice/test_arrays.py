import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sluice.core.arrays import (
    check_unique,
    checked_labels,
    checked_mask,
    checked_probabilities,
    checked_vectors,
    checked_weights,
    one_number_each,
)
from sluice.core.errors import DataError

WIDE = st.floats(width=64, allow_nan=True)
NAMES = st.lists(st.text("ab", max_size=3), min_size=1, max_size=8)


@given(arrays(np.float64, (4, 3), elements=WIDE), st.sampled_from([None, np.float32, np.float64]))
def test_the_first_row_that_is_not_finite_in_its_type_is_named(values, dtype):
    with np.errstate(over="ignore"):
        fine = np.isfinite(values.astype(dtype or np.float64)).all(axis=1)
    call = {} if dtype is None else {"dtype": dtype}
    if fine.all():
        found = checked_vectors("Rows", values, 4, **call)
        assert found.dtype == (dtype or np.float64)
        assert (found == values.astype(found.dtype)).all()
    else:
        row = int(np.flatnonzero(~fine)[0])
        with pytest.raises(DataError, match=f"Rows hold .* not finite in row {row};"):
            checked_vectors("Rows", values, 4, **call)
        with pytest.raises(DataError, match=f"in row '{'abcd'[row]}'"):
            checked_vectors("Rows", values, 4, ids=np.array(list("abcd")), **call)
        assert len(checked_vectors("Rows", values, finite=False, **call)) == 4


def test_vectors_are_not_copied_where_they_fit_already():
    rows = np.ones((3, 2), dtype=np.float32)
    assert checked_vectors("Rows", rows) is rows
    assert np.shares_memory(checked_vectors("Rows", rows, dtype=np.float32), rows)
    assert checked_vectors("Rows", rows.T, dtype=np.float32).flags.c_contiguous
    assert checked_vectors("Rows", [[1, 2]]).dtype == np.float64


@pytest.mark.parametrize("n", [None, 2])
@pytest.mark.parametrize("bad", [[1.0, 2.0], np.empty((0, 3)), np.empty((2, 0)), [[["1"]]]])
def test_what_is_no_vector_a_row(bad, n):
    with pytest.raises(DataError, match=r"have shape|are not numbers"):
        checked_vectors("Rows", bad, n)
    with pytest.raises(DataError, match="for each of 3 rows"):
        checked_vectors("Rows", np.ones((2, 2)), 3)


@given(NAMES)
def test_ids_are_unique_whatever_their_order(names):
    if len(set(names)) == len(names):
        check_unique(np.array(names))
    else:
        first = min(name for name in names if names.count(name) > 1)
        with pytest.raises(DataError, match=f"The id {first!r} occurs twice here; ids"):
            check_unique(np.array(names), " here")


def test_classes():
    assert checked_labels(np.array([0, 2], dtype=np.uint8), 2, 3).dtype == np.int64
    assert len(checked_labels([], 0)) == 0
    for bad, says in (
        ([], "for each row"), ([0.0, 1.0], "type float64"), ([[0, 1]], r"shape \(1, 2\)"),
        ([0, -1], "hold -1 in row 1; give classes from 0 to 2"), ([3, 0], "hold 3 in row 0"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=says):
            checked_labels(bad, None, 3)
    with pytest.raises(DataError, match="for each of 3 rows"):
        checked_labels([0, 1], 3)


@pytest.mark.parametrize(
    "bad", [[1], [1, -1], [1, np.nan], [1, np.inf], [0, 0], [[1, 1]], ["a", 1]]
)
def test_what_is_no_weight_a_row(bad):
    assert checked_weights([0, 2], 2).tolist() == [0, 2]
    with pytest.raises(DataError, match="Weights"):
        checked_weights(bad, 2)


def test_numbers_and_truths():
    assert np.isnan(one_number_each("Scores", [1, None], 2)[1])
    with pytest.raises(DataError, match="Scores of row 1 is -1; give numbers of 0 or more"):
        one_number_each("Scores", [np.nan, -1.0], negative=False)
    with pytest.raises(DataError, match=r"Scores have shape \(0,\)"):
        one_number_each("Scores", [])
    assert checked_mask("Mask", [True, False], 2).tolist() == [True, False]
    with pytest.raises(DataError, match="give True or False for each of 2 rows"):
        checked_mask("Mask", [1, 0], 2)


@given(arrays(np.float64, (3, 2), elements=st.floats(0.01, 1)), st.integers(0, 2))
def test_probabilities_are_shares_of_one(values, row):
    shares = values / values.sum(axis=1, keepdims=True)
    assert (checked_probabilities(shares) == shares).all()
    for wrong in ([0.5, 0.6], [1.5, -0.5], [np.nan, 1.0], [np.inf, -np.inf]):
        bad = shares.copy()
        bad[row] = wrong
        with pytest.raises(DataError, match=f"Row {row} of the probabilities"):
            checked_probabilities(bad)
