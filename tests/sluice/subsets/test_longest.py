import numpy as np
import pytest

from sluice.core.errors import BudgetError, DataError
from sluice.subsets.by_score.longest import SELECTOR, longest
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run


def test_takes_the_longest_and_ties_by_position():
    kept = longest([7, 90, 12, 90, 3], "60%")
    assert kept.ids.tolist() == [1, 3, 2]
    assert kept.gains.tolist() == [90, 90, 12]
    assert kept.reasons[2] == "A response of 12 tokens: number 3 of 5 in length."
    assert kept.note == ""


def test_rows_without_a_length_are_set_aside():
    kept = longest([7, np.nan, 12, np.inf], 4)
    assert kept.ids.tolist() == [2, 0]
    assert kept.note == (
        "longest kept 2 rows of the 4 asked for: no more are usable. 2 of 4 rows are set aside: "
        "the number of response tokens is NaN or infinite."
    )


def test_the_order_of_rows_does_not_matter():
    ids, tokens = np.array(list("dbca")), np.array([5.0, 9, 9, 1])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        pool = Pool(ids[order], scores={"response_tokens": tokens[order]})
        assert run(SELECTOR, pool, 3, 0).ids.tolist() == ["b", "c", "d"]


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="Response tokens of row 1 is -1"):
        longest([1, -1], 1)
    with pytest.raises(DataError, match="shape"):
        longest([], 1)
    with pytest.raises(BudgetError, match="more than the 2 rows"):
        longest([1, 2], 3)
