import numpy as np
import pytest

from sluice.core.errors import DataError
from sluice.evaluation.cells import Evaluated, Measured
from sluice.evaluation.comparison import (
    choose_by_values,
    choose_subset,
    summarise,
    summarise_values,
)

TRUTH = {"validation": np.arange(60) % 3, "test": np.arange(80) % 3}


def predicted(selector, budget, seed, right):
    rng = np.random.default_rng([seed, len(selector)])
    return Evaluated(
        selector,
        budget,
        seed,
        {s: np.where(rng.random(len(y)) < right, y, (y + 1) % 3) for s, y in TRUTH.items()},
    )


RESULTS = [
    predicted(name, budget, seed, right)
    for name, right in (("random_stratified", 0.6), ("mig", 0.8), ("longest", 0.5))
    for budget in (1, 2)
    for seed in range(3)
] + [predicted("all_rows", 3, 0, 0.9)]


def as_values(result):
    hits = {s: (p == TRUTH[s]).astype(float) for s, p in result.predictions.items()}
    return Measured(result.selector, result.budget, result.seed, hits)


def test_hits_as_numbers_are_compared_as_accuracies_are():
    numbers = [as_values(result) for result in RESULTS]
    expected = summarise(RESULTS, TRUTH, resamples=300)
    found = summarise_values(numbers, resamples=300)
    assert [(c.selector, c.budget, c.seeds) for c in found] == [
        (c.selector, c.budget, c.seeds) for c in expected
    ]
    for mine, theirs in zip(found, expected, strict=True):
        for split in TRUTH:
            one, other = mine.accuracy[split], theirs.accuracy[split]
            assert (one.mean, one.low, one.high) == pytest.approx(
                (other.mean, other.low, other.high)
            )
        assert mine.beats_random == theirs.beats_random
    choice = choose_by_values(numbers, 2)
    expected_choice = choose_subset(RESULTS, TRUTH["validation"], 2)
    assert (choice.selector, choice.seed) == (expected_choice.selector, expected_choice.seed)


def test_a_constant_shift_moves_a_difference_by_itself():
    rng = np.random.default_rng(0)
    base = {s: -rng.gamma(2, 1, len(y)) for s, y in TRUTH.items()}
    results = [Measured("random_stratified", 1, seed, base) for seed in range(2)]
    results += [Measured("mig", 1, s, {k: v + 0.25 for k, v in base.items()}) for s in range(2)]
    found = {c.selector: c for c in summarise_values(results, resamples=200)}
    gain = found["mig"].against_random["test"]
    assert (gain.low, gain.mean, gain.high) == pytest.approx((0.25, 0.25, 0.25))
    assert found["mig"].beats_random


def test_rows_that_differ_from_seed_to_seed_are_refused():
    with pytest.raises(DataError, match="other rows of 'test'"):
        summarise_values(
            [Measured("mig", 1, s, {"test": np.zeros(3 + s)}) for s in range(2)], resamples=10
        )
    with pytest.raises(DataError, match="No subset was evaluated"):
        choose_by_values([], 1)
