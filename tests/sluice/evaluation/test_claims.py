"""Claims that hold although many are made."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.claims import enough, holm, worst
from sluice.evaluation.comparison import Measured, compare, sizes_that_are_enough
from sluice.evaluation.metrics import ACCURACY, Bootstrap, Mean

LOSS = Mean("loss", "loss", "loss", lower=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_the_step_down_rule(levels: list[float]) -> None:
    found = holm(dict(enumerate(levels)))
    order = sorted(range(len(levels)), key=lambda i: levels[i])
    for alpha in (0.01, 0.05, 0.3):
        rejected = set()
        for step, i in enumerate(order):
            if levels[i] * (len(levels) - step) > alpha:
                break
            rejected.add(i)
        assert {i for i in found if found[i] <= alpha} == rejected


def right(rng: np.random.Generator, rate: float, seeds: int, rows: int) -> list[np.ndarray]:
    """Outcomes of classifiers that are right so often, row by row."""
    hits = rng.random((seeds, rows)) < rate
    return [np.column_stack([hit, np.ones(rows)]).astype(np.float64) for hit in hits]


def test_the_smallest_budget_of_an_unbroken_row_is_enough() -> None:
    rng = np.random.default_rng(0)
    every = right(rng, 0.8, 3, 3000)
    cells = {10: right(rng, 0.5, 1, 3000), 50: every[:1], 100: every[1:2], 400: every[2:]}
    found = enough(cells, every, ACCURACY, 0.05, Bootstrap())
    assert found is not None
    assert (found.budget, found.loss < 0.05) == (50, True)
    # One larger budget that is not shown ends it, whatever smaller ones do.
    broken = {**cells, 200: right(rng, 0.6, 1, 3000)}
    assert enough(broken, every, ACCURACY, 0.05, Bootstrap()).budget == 400
    assert enough({10: cells[10]}, every, ACCURACY, 0.05, Bootstrap()) is None


def test_of_a_loss_the_tolerance_is_a_share() -> None:
    rng = np.random.default_rng(1)
    every = [rng.gamma(4.0, 0.5, (4000, 1))]
    cells = {10: [every[0] * 1.02], 20: [every[0] * 1.002]}
    assert enough(cells, every, LOSS, 0.01, Bootstrap()).budget == 20
    assert enough(cells, every, LOSS, 0.03, Bootstrap()).budget == 10
    assert worst(Interval(0.1, -0.2, 0.3), LOSS) == 0.3
    assert worst(Interval(0.1, -0.2, 0.3), ACCURACY) == 0.2


@pytest.mark.slow
def test_a_size_that_is_not_enough_is_seldom_called_so() -> None:
    """The true loss is the tolerance: one call in twenty is allowed."""
    rng, called = np.random.default_rng(2), 0
    for _ in range(300):
        row = rng.normal(1, 2, 800)
        chance = 1 / (1 + np.exp(-row))
        ours = rng.random(800) < chance - 0.02
        cells = {50: [np.column_stack([ours, np.ones(800)]).astype(float)]}
        hits = rng.random((3, 800)) < chance
        every = [np.column_stack([hit, np.ones(800)]).astype(float) for hit in hits]
        # The chance of some rows is below 0.02: what they lose is less.
        tolerance = float((chance - np.clip(chance - 0.02, 0, 1)).mean())
        found = enough(cells, every, ACCURACY, tolerance, Bootstrap(resamples=400))
        called += found is not None
    assert called / 300 < 0.09


def test_wins_are_corrected_for_their_number() -> None:
    rng = np.random.default_rng(3)
    measured: list[Measured] = []
    for budget in range(12):
        for name, rate in (("random_stratified", 0.6), ("luck", 0.6), ("skill", 0.75)):
            for seed, outcome in enumerate(right(rng, rate, 3, 900)):
                kinds = {"test": outcome, "validation": outcome}
                measured.append(Measured(name, budget, seed, kinds))
    for seed, outcome in enumerate(right(rng, 0.8, 3, 900)):
        measured.append(Measured("all_rows", -1, seed, {"test": outcome, "validation": outcome}))
    lines = [each for each in compare(measured, ACCURACY) if each.against_random]
    assert all(each.claim >= each.against_random["test"].p for each in lines)
    assert sum(each.beats_random for each in lines if each.selector == "luck") == 0
    assert all(
        each.beats_random <= (each.claim <= 0.05 and each.against_random["test"].low > 0)
        for each in lines
    )
    assert sizes_that_are_enough(measured, ACCURACY, 0.01) == {}
    assert set(sizes_that_are_enough(measured, ACCURACY, 0.3)) >= {"luck", "skill"}


def test_few_rows_show_nothing() -> None:
    perfect = [np.ones((40, 2))]
    assert enough({5: perfect}, perfect, ACCURACY, 0.01, Bootstrap()) is None
    # No row of a hundred differs: three in a hundred still may.
    perfect = [np.ones((100, 2))]
    assert enough({5: perfect}, perfect, ACCURACY, 0.01, Bootstrap()) is None
    found = enough({5: perfect}, perfect, ACCURACY, 0.03, Bootstrap())
    assert found is not None
    assert found.loss == pytest.approx(0.02996, abs=1e-5)
