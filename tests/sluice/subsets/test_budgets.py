from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.budgets import budget_label, budget_of, check_floor, parse_budget
from sluice.core.errors import BudgetError


@pytest.mark.parametrize(
    ("value", "n", "rows"),
    [
        (1, 1, 1), (7, 100, 7), (100, 100, 100), ("100", 100, 100), (" 12 ", 50, 12),
        (np.int64(5), 9, 5), (0.04, 100, 4), ("0.04", 100, 4), ("4%", 100, 4), ("4 %", 100, 4),
        ("2.5%", 100, 3), ("100%", 7, 7), (np.float32(0.5), 10, 5), (0.001, 10, 1),
        (0.29, 50, 15), (0.285, 100, 29), (0.999, 10, 10), (".5", 4, 2), (1e-7, 10**8, 10),
        ("1", 3, 1),
    ],
)  # fmt: skip
def test_budgets(value, n, rows):
    assert parse_budget(value, n) == rows


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "not positive"), (-3, "not positive"), ("0", "not positive"), ("-5", "not positive"),
        (0.0, "not a positive"), (-0.1, "not a positive"), ("0.0", "not positive"),
        ("-4%", "not positive"), ("0%", "not positive"), (float("nan"), "not a positive"),
        (float("inf"), "not a positive"), ("nan", "not a number"), (101, "more than the 100 rows"),
        ("101", "more than the 100 rows"), ("101%", "not below 1"), ("1.0", "not below 1"),
        ("1.5", "not below 1"), (1.0, "count or a share"), (12.0, "count or a share"),
        (None, "not a number"), (True, "not a number"), ("many", "not a number"),
        ("", "not a number"), ([3], "not a number"), ("4%%", "not a number"),
    ],
)  # fmt: skip
def test_wrong_budgets(value, message):
    with pytest.raises(BudgetError, match=message):
        parse_budget(value, 100)


def test_nothing_to_pick_from():
    with pytest.raises(BudgetError, match="nothing to pick from"):
        parse_budget(1, 0)


def test_no_budget_is_for_methods_with_a_size_of_their_own():
    assert budget_of("enn", True, None, 5) is None
    assert budget_of("enn", True, "40%", 5) == budget_of("k_center", False, 2, 5) == 2
    with pytest.raises(BudgetError, match=r"k_center needs a budget: .* Give a count"):
        budget_of("k_center", False, None, 5)
    with pytest.raises(BudgetError, match="enn: there is nothing to pick from"):
        budget_of("enn", True, None, 0)
    with pytest.raises(BudgetError, match="more than the 5 rows"):
        budget_of("enn", True, 6, 5)


def test_least_budget_of_a_floor():
    check_floor("enn", 4, 4)
    check_floor("enn", None, 4)
    with pytest.raises(BudgetError, match=r"enn: a budget of 3 rows .* least possible budget is 4"):
        check_floor("enn", 3, 4)


@settings(deadline=None)
@given(st.integers(1, 9999), st.integers(1, 10**6))
def test_shares_are_rounded_half_up_exactly(numerator, n):
    share = Fraction(numerator, 10_000)
    expected = max(1, (2 * share * n + 1) // 2)
    assert parse_budget(numerator / 10_000, n) == expected
    assert parse_budget(f"{numerator / 100:.2f}%", n) == expected


@pytest.mark.parametrize(
    ("budget", "label"),
    [
        *(
            (0.1, "10%"),
            (0.07, "7%"),
            (0.29, "29%"),
            (0.005, "0.5%"),
            (500, "500"),
            ("5.0 %", "5%"),
        ),
        *((0.1234567, "12.34567%"), (0.1234568, "12.34568%"), (1e-7, "0.00001%")),
    ],
)
def test_a_label_is_exact_and_as_it_always_was_where_that_is_exact(budget, label):
    assert budget_label(budget) == label


@given(st.floats(min_value=1e-12, max_value=1, exclude_max=True), st.integers(1, 10**9))
def test_a_label_is_read_back_as_the_same_budget(share, n):
    label = budget_label(share)
    assert budget_label(label) == label
    assert parse_budget(label, n) == parse_budget(share, n)
    assert budget_label(float(np.nextafter(share, 0))) != label
