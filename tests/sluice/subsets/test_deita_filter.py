import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import BudgetError, ConfigError, DataError
from sluice.subsets.by_score.deita_filter import SELECTOR, deita_filter
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run

# The package offers the function under the module's own name.
module = importlib.import_module("sluice.subsets.by_score.deita_filter")


def naive_filter(rows, quality, budget, threshold):
    """One row at a time against every kept row, in exact enough float64."""
    unit = rows.astype(float) / np.linalg.norm(rows.astype(float), axis=1, keepdims=True)
    kept = []
    for row in sorted(range(len(rows)), key=lambda i: (-quality[i], i)):
        if len(kept) < budget and all(unit[row] @ unit[other] <= threshold for other in kept):
            kept.append(row)
    return kept


def angles(degrees):
    radians = np.radians(degrees)
    return np.column_stack([np.cos(radians), np.sin(radians)])


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 60),
    threshold=st.floats(-0.5, 0.99),
    sizes=st.sampled_from([(1, 1), (3, 2), (7, 16), (512, 8192)]),
    share=st.floats(0.1, 1),
    seed=st.integers(0, 999),
)
def test_blocks_equal_one_row_at_a_time(n, threshold, sizes, share, seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, 5))[rng.integers(0, 6, n)] + 0.4 * rng.normal(size=(n, 5))
    rows = (rows * rng.uniform(0.1, 9, (n, 1))).astype(np.float32)
    quality, budget = rng.integers(0, 4, n).astype(float), max(1, int(n * share))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", sizes[0])
        patch.setattr(module, "KEPT", sizes[1])
        kept = deita_filter(rows, quality, budget, threshold=threshold)
    assert kept.ids.tolist() == naive_filter(rows, quality, budget, threshold)


def test_a_worked_example():
    """Rows at 0, 10, 30, 31 and 90 degrees; 0.9 is the cosine of 25.8 degrees."""
    rows, quality = angles([0, 10, 30, 31, 90]), [5, 4, 2, 3, 1]
    kept = deita_filter(rows, quality, 5)
    assert kept.ids.tolist() == [0, 3, 4]
    assert kept.gains.tolist() == [5, 3, 1]
    assert kept.reasons[1] == (
        "Quality 3, number 3 of 5; its similarity to every row kept before it is at most 0.9."
    )
    assert kept.note == (
        "deita_filter kept 3 rows of the 5 asked for: no more are usable. 2 of 5 rows are more "
        "similar than 0.9 to a kept one."
    )
    filled = deita_filter(rows, quality, 4, fill=True)
    assert filled.ids.tolist() == [0, 3, 4, 1]
    assert filled.reasons[3] == (
        "Fills the budget: quality 4, number 2 of 5, though it is more similar than 0.9 to a "
        "kept row."
    )
    assert filled.note == ""


@pytest.mark.parametrize("fill", [False, True])
def test_nested(fill):
    rng = np.random.default_rng(0)
    rows, quality = rng.normal(size=(80, 3)), rng.random(80)
    whole = deita_filter(rows, quality, 80, fill=fill).ids.tolist()
    assert len(whole) == 80 if fill else len(whole) < 80
    for budget in (1, 5, 20, 60):
        part = deita_filter(rows, quality, budget, fill=fill).ids.tolist()
        assert part == whole[:budget]


def test_copies_are_similar_unless_the_threshold_is_one():
    rows = np.random.default_rng(1).normal(size=(1, 7)) * np.array([[1], [1], [3], [1]])
    assert deita_filter(rows, [1, 2, 3, 4], 4, threshold=0.999999).ids.tolist() == [3]
    assert deita_filter(rows, [1, 2, 3, 4], 4, threshold=1.0).ids.tolist() == [3, 2, 1, 0]


def test_a_similarity_equal_to_the_threshold_is_allowed():
    rows = np.array([[1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]])
    assert deita_filter(rows, [3, 2, 1], 3, threshold=0.5).ids.tolist() == [0, 1, 2]
    below = float(np.nextafter(0.5, 0))
    assert deita_filter(rows, [3, 2, 1], 3, threshold=below).ids.tolist() == [0, 2]


def test_rows_without_a_finite_quality_are_set_aside():
    kept = deita_filter(angles([0, 40, 80, 120]), [1, np.nan, 2, -np.inf], 2)
    assert kept.ids.tolist() == [2, 0]
    assert kept.note == "2 of 4 rows are set aside: quality is NaN or infinite."
    assert len(deita_filter(angles([0, 40]), [np.nan, np.nan], 1).ids) == 0


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(2)
    ids = np.array([f"id-{i:02d}" for i in range(50)])
    rows, quality = rng.normal(size=(50, 4)).astype(np.float32), rng.integers(0, 3, 50) * 1.0
    kept = [
        run(SELECTOR, Pool(ids[o], rows[o], scores={"quality": quality[o]}), 10, 0).ids.tolist()
        for o in (np.arange(50), rng.permutation(50))
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"embeddings": [[1, 0], [0, 0]]}, DataError, "row 1 is not finite or all zeros"),
        ({"embeddings": [[np.nan, 0], [0, 1]]}, DataError, "row 0 is not finite"),
        ({"embeddings": [1, 2]}, DataError, "one vector for each of"),
        ({"quality": [1]}, DataError, "each of 2 rows"),
        ({"budget": 3}, BudgetError, "more than the 2 rows"),
        ({"threshold": 1.1}, ConfigError, "from -1 to 1"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    given_ = {"embeddings": angles([0, 90]), "quality": [1, 2], "budget": 1} | change
    with pytest.raises(error, match=message):
        deita_filter(**given_)
