import numpy as np
import pytest

from sluice.core.errors import BudgetError, DataError
from sluice.subsets.by_score.ifd_top import SELECTOR, ifd_top
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run


def test_takes_the_highest_below_one_and_ties_by_position():
    kept = ifd_top([0.4, 1.0, 0.9, 1.7, 0.9, 0.2], 3)
    assert kept.ids.tolist() == [2, 4, 0]
    assert kept.gains.tolist() == [0.9, 0.9, 0.4]
    assert kept.reasons[2] == "IFD 0.400: number 3 of 4 rows below 1."
    assert kept.note == ""


def test_says_why_a_budget_is_not_used_up():
    kept = ifd_top([0.4, 1.0, np.nan, np.nextafter(1, 0)], "100%")
    assert kept.ids.tolist() == [3, 0]
    assert kept.note == (
        "ifd_top kept 2 rows of the 4 asked for: no more are usable. 1 of 4 rows are set aside: "
        "IFD is NaN or infinite. 1 of 4 rows are left out: IFD is 1 or more."
    )


def test_no_row_may_be_usable():
    assert len(ifd_top([1.0, 2.0], 1).ids) == 0


def test_the_order_of_rows_does_not_matter_and_the_shell_speaks_once():
    ids, ifd = np.array(list("dbca")), np.array([0.5, 0.9, 0.9, 1.0])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        kept = run(SELECTOR, Pool(ids[order], scores={"ifd": ifd[order]}), 4, 0)
        assert kept.ids.tolist() == ["b", "c", "d"]
        assert kept.note.count("ifd_top kept 3 rows of the 4") == 1


def test_bad_input_is_refused():
    with pytest.raises(DataError, match=r"IFD scores of row 0 is -0\.1"):
        ifd_top([-0.1, 0.3], 1)
    with pytest.raises(DataError, match="shape"):
        ifd_top([[0.1, 0.3]], 1)
    with pytest.raises(BudgetError, match="not positive"):
        ifd_top([0.1, 0.3], 0)
