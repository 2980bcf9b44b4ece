"""All methods side by side by the loss of the models that they train, and which to train on."""

from typing import Any

import numpy as np

from assets.instructions.language_evaluations import LANGUAGE
from assets.instructions.tuning import SPLITS
from assets.lineage.stage import Outcome, Stage
from assets.stages.subsets import budget_label
from assets.stages.trained_comparison import (
    chosen_of,
    outcome_of,
    sentences_of,
    trained_comparison,
)
from sluice.data.config import DatasetConfig
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.cells import Measured
from sluice.evaluation.comparison import Comparison, choose_by_values, summarise_values
from sluice.subsets.contract import Selector

VERSION = "1"
COLUMNS = (
    *("budget", "selector", "rows", "models", "test loss", "minus random", "minus all rows"),
    *("loss by family", "exact answers", "beats random"),
)
DESCRIPTION = (
    "Held-out loss a response token, in nats, of the models that each method's subsets train, "
    "lower being better: with intervals by a bootstrap over rows and seeds, and its paired "
    "differences to stratified random rows at the same budget and to all rows. A method beats "
    "random only where the whole interval of the difference lies below 0 on test. The chosen "
    "subset is the best on validation at the chosen budget."
)


def language_comparison(selectors: list[Selector]) -> Stage:
    """Return the stage `evaluations/comparison`."""
    return trained_comparison(LANGUAGE, selectors, compare, VERSION, DESCRIPTION)


def compare(found: list[dict[str, Any]], config: DatasetConfig) -> Outcome:
    """Return what the stored models of a dataset say about its methods."""
    labels = [*map(budget_label, config.budgets), "all"]
    order = {label: place for place, label in enumerate(labels)}
    results = [
        Measured(
            row["method"],
            order[row["budget"]],
            row["seed"],
            {split: -np.array(row[f"{split}_losses"]) for split in SPLITS},
        )
        for row in found
    ]
    table = summarise_values(
        results,
        confidence=config.evaluation.confidence,
        resamples=config.evaluation.resamples,
    )
    at = order[budget_label(config.chosen_budget)]
    choice = choose_by_values(results, at)
    chosen = chosen_of(found, choice, labels[at], validation_loss=-choice.seed_accuracy)
    lines = [_line(entry, labels, found) for entry in table]
    sentences = sentences_of(table, labels, chosen, len(found[0]["test_losses"]))
    return outcome_of(COLUMNS, lines, chosen, sentences, config)


def _line(entry: Comparison, labels: list[str], found: list[dict[str, Any]]) -> list[str]:
    label = labels[int(entry.budget)]
    rows = [r for r in found if (r["method"], r["budget"]) == (entry.selector, label)]
    exact = [row["test_exact"] for row in rows if np.isfinite(row["test_exact"])]
    random, everything = entry.against_random.get("test"), entry.against_all.get("test")
    return [
        label,
        entry.selector,
        f"{rows[0]['size']:,}",
        str(len(rows)),
        _loss(entry.accuracy["test"]),
        _loss(random, "+") if random else "",
        _loss(everything, "+") if everything else "",
        f"{np.mean([row['test_family_loss'] for row in rows]):.3f}",
        f"{np.mean(exact):.3f}" if exact else "",
        str(entry.beats_random).lower() if random else "",
    ]


def _loss(value: Interval, sign: str = "") -> str:
    """Write a mean of log-likelihoods as the loss that it is, with its interval."""
    mean, low, high = (f"{-end:{sign}z.3f}" for end in (value.mean, value.high, value.low))
    return f"{mean} [{low}, {high}]"
