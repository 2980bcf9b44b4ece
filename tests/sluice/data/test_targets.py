from __future__ import annotations

import pyarrow as pa
import pytest

from sluice.core.errors import DataError
from sluice.data.values.targets import label_texts, refuse_quantities


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "1.0", " 2 "], ["1", "1", "2"]),
        ([1.0, 2.0, None], ["1", "2", None]),
        ([1, 2], ["1", "2"]),
        ([True, False], ["true", "false"]),
        (["True", "x", "", None, "nan"], ["true", "x", None, None, None]),
        (["01", "a b", 'q"q'], ["01", "a b", 'q"q']),
    ],
)
def test_labels_of_any_kind(values, expected):
    assert label_texts(pa.array(values), "y").to_pylist() == expected
    chunked = pa.chunked_array([pa.array(values)[:1], pa.array(values)[1:]])
    assert label_texts(chunked, "y").to_pylist() == expected


@pytest.mark.parametrize(
    "labels",
    [
        [],
        ["a", "b"],
        list(map(str, range(50))),
        [str(i % 60) for i in range(2000)],
        ["1.5", "x", *["2"] * 6],  # one in eight rows has no number
        ["2024-01-31", "1.2.3"],
    ],
)
def test_classes_pass(labels):
    assert refuse_quantities(labels, "y") is None


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (["1", "2", "0.5"], "numbers that are not whole, such as 0.5: a quantity to predict"),
        (["-1e-7", "2"], "such as -1e-7"),
        (["1.5", *["2"] * 8, "x"], "such as 1.5"),
        ([str(i) for i in range(51)], "51 different numbers in 51 rows"),
        ([str(i % 60) for i in range(1000)], "60 different numbers in 1000 rows"),
    ],
)
def test_quantities_do_not(labels, why):
    with pytest.raises(DataError) as caught:
        refuse_quantities(labels, "The column 'y'")
    assert str(caught.value).startswith("The column 'y' holds ")
    assert why in str(caught.value)
    assert "Put the quantity into classes first" in str(caught.value)
