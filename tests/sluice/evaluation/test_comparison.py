import json
from pathlib import Path

import numpy as np
import pytest

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import accuracy_interval, paired_difference
from sluice.evaluation.comparison import ALL_ROWS, RANDOM, Measured, choose, compare
from sluice.evaluation.metrics import ACCURACY, Bootstrap
from sluice.tasks.instructions.learner import InstructionsLearner
from sluice.tasks.tokens.learner import TokensLearner

N = 400
TRUTH = {
    s: np.random.default_rng(i).integers(3, size=N) for i, s in enumerate(("validation", "test"))
}
FROZEN = json.loads((Path(__file__).parents[2] / "assets" / "frozen_comparisons.json").read_text())


def evaluated(selector, budget, seed, wrong):
    """Outcomes with the given number of errors on each split, at seeded places."""
    rng = np.random.default_rng([seed, len(selector)])
    outcomes = {}
    for split, truth in TRUTH.items():
        places = rng.permutation(N)[: wrong if isinstance(wrong, int) else wrong[split]]
        predicted = truth.copy()
        predicted[places] = (truth[places] + 1) % 3
        outcomes[split] = np.column_stack([predicted, truth]).astype(float)
    return Measured(selector, budget, seed, outcomes)


def correct(results, split):
    return np.stack([r.outcomes[split][:, 0] == TRUTH[split] for r in results])


@pytest.fixture
def results():
    return [
        *(evaluated(RANDOM, 0.1, s, 150 + s) for s in range(5)),
        *(evaluated("good", 0.1, s, 60 + s) for s in (1, 0)),
        evaluated("same", 0.1, 0, 152),
        evaluated("good", 0.2, 0, 50),
        evaluated(ALL_ROWS, 1.0, 0, 40),
    ]


def test_table_holds_the_bootstrap_of_each_cell(results):
    table = {(c.selector, c.budget): c for c in compare(results, ACCURACY)}
    good = [results[6], results[5]]
    cell = table["good", 0.1]
    assert cell.seeds == (0, 1)
    for split in TRUTH:
        a, b = correct(good, split), correct(results[:5], split)
        assert cell.level[split] == accuracy_interval(a)
        assert cell.against_random[split] == paired_difference(a, b)
        assert cell.against_all[split] == paired_difference(a, correct(results[-1:], split))
        assert cell.level[split].mean == pytest.approx(a.mean())


def test_only_a_whole_interval_above_zero_beats_random(results):
    table = {(c.selector, c.budget): c for c in compare(results, ACCURACY)}
    assert table["good", 0.1].beats_random
    assert not table["same", 0.1].beats_random
    assert not table[RANDOM, 0.1].beats_random
    # No random control at this budget: nothing can be claimed.
    assert not table["good", 0.2].beats_random
    assert table["good", 0.2].against_random == {}
    assert table["good", 0.2].against_all["test"].high < 0.05


def test_test_and_not_validation_carries_the_claim():
    results = [
        evaluated(RANDOM, 0.1, 0, 150),
        evaluated("odd", 0.1, 0, {"validation": 10, "test": 150}),
    ]
    row = compare(results, ACCURACY)[0]
    assert row.selector == "odd"
    assert row.beats_random_on("validation")
    assert not row.beats_random


def test_table_is_sorted_with_all_rows_last(results):
    order = [(c.budget, c.selector) for c in compare(results[::-1], ACCURACY)]
    assert order == [
        (0.1, "good"),
        (0.1, RANDOM),
        (0.1, "same"),
        (0.2, "good"),
        (1.0, ALL_ROWS),
    ]


def test_choice_is_the_best_mean_and_not_the_luckiest_seed():
    results = [
        evaluated("steady", 0.1, 0, 100),
        evaluated("steady", 0.1, 1, 98),
        evaluated("wild", 0.1, 0, 60),
        evaluated("wild", 0.1, 1, 180),
        evaluated("better_elsewhere", 0.2, 0, 10),
        evaluated(ALL_ROWS, 0.1, 0, 0),
    ]
    choice = choose(results, ACCURACY, 0.1)
    assert (choice.selector, choice.budget, choice.seed) == ("steady", 0.1, 1)
    assert choice.mean_metric == pytest.approx(1 - 99 / N)
    assert choice.seed_metric == pytest.approx(1 - 98 / N)


def test_validation_alone_decides():
    results = [
        evaluated("a", 0.1, 0, {"validation": 90, "test": 200}),
        evaluated("b", 0.1, 0, {"validation": 100, "test": 0}),
    ]
    assert choose(results, ACCURACY, 0.1).selector == "a"


def test_ties_go_to_the_lower_name_then_seed():
    # Three seeds whose mean equals one seed's exactly, though not as floats summed and divided.
    results = [evaluated("b", 0.1, s, 120) for s in (2, 0, 1)] + [evaluated("c", 0.1, 0, 120)]
    choice = choose(results, ACCURACY, 0.1)
    assert (choice.selector, choice.seed) == ("b", 0)
    results.append(evaluated("a", 0.1, 7, 120))
    assert choose(results, ACCURACY, 0.1).selector == "a"


def test_errors(results):
    with pytest.raises(DataError, match=r"budget 0\.5"):
        choose(results, ACCURACY, 0.5)
    with pytest.raises(DataError, match="twice"):
        compare([*results, results[0]], ACCURACY)
    short = Measured("x", 0.1, 0, {"validation": np.zeros((3, 2))})
    with pytest.raises(DataError, match="has 3 outcomes on 'validation'"):
        compare([*results, short], ACCURACY)


def stored(task, split, row):
    """Outcomes of the metric that decides, from a row as it was stored before."""
    if task == "text":
        return np.column_stack([row[f"{split}_predicted"], FROZEN["labels"][split]]).astype(float)
    if task == "instructions":
        return np.array(row[f"{split}_losses"])[:, None]
    return np.array(row[f"{split}_spans"], float).reshape(-1, 3)


def ends(found):
    return {split: [i.mean, i.low, i.high] for split, i in found.items()}


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("text", ACCURACY),
        ("instructions", InstructionsLearner.metric()),
        ("tokens", TokensLearner.metric()),
    ],
)
def test_means_and_choices_are_those_that_each_task_was_compared_by_before(task, metric):
    """Intervals are wider since: they know how few the seeds are."""
    labels = ["10%", "25%", "all"]
    results = [
        Measured(
            row["method"],
            labels.index(row["budget"]),
            row["seed"],
            {split: stored(task, split, row) for split in ("validation", "test")},
        )
        for row in FROZEN["stored"][task]
    ]
    names = {"text": "levels", "instructions": "levels_of_minus_loss", "tokens": "levels_of_spans"}
    lines = compare(results, metric, Bootstrap(confidence=0.9, resamples=200))
    expected = FROZEN["found"][task][names[task]]
    sign = -1 if metric.lower else 1
    for mine, theirs in zip(lines, expected, strict=True):
        assert (mine.selector, labels[mine.budget], list(mine.seeds)) == (
            theirs["selector"],
            theirs["budget"],
            theirs["seeds"],
        )
        assert mine.beats_random <= theirs["beats"]
        for one, other in (
            ("level", "level"),
            ("against_random", "random"),
            ("against_all", "all"),
        ):
            before = {
                split: value if sign > 0 else [-value[0], -value[2], -value[1]]
                for split, value in theirs[other].items()
            }
            found = ends(getattr(mine, one))
            assert {k: v[0] for k, v in found.items()} == {k: v[0] for k, v in before.items()}
            if one == "level" and len(mine.seeds) == 1:
                assert found == before
    chosen = FROZEN["found"][task]["chosen"]
    choice = choose(results, metric, 0)
    assert (choice.selector, choice.seed) == (chosen["selector"], chosen["seed"])
    name = {"text": "accuracy", "instructions": "loss", "tokens": "f1"}[task]
    assert choice.seed_metric == chosen[f"validation_{name}"]
