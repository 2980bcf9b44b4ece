"""All methods side by side by the spans that their taggers find, and which to train on."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from assets.instructions.tuning import SPLITS
from assets.lineage.stage import Outcome, Stage
from assets.stages.subsets import budget_label
from assets.stages.trained_comparison import (
    chosen_of,
    outcome_of,
    sentences_of,
    trained_comparison,
)
from assets.stages.trainers import Kind
from sluice.data.config import DatasetConfig
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.cells import Measured
from sluice.evaluation.comparison import Comparison
from sluice.evaluation.count_bootstrap import CountBootstrap, choose_by_counts, summarise_counts
from sluice.reports.tables import format_difference, format_interval
from sluice.subsets.contract import Selector
from sluice.tokens.span_f1 import T_FREX_BETA

VERSION = "1"
COLUMNS = (
    *("budget", "selector", "rows", "models", "test span F1", "minus random", "minus all rows"),
    *("token F-beta", "minus random (token)", "beats random"),
)
DESCRIPTION = (
    "Strict span F1 and token F-beta on held-out sentences of the taggers that each method's "
    "subsets train: with intervals by a bootstrap over sentences and seeds, and paired differences "
    "to stratified random rows at the same budget and to all rows. A method beats random only "
    "where the whole interval of the difference in span F1 lies above 0 on test. The chosen subset "
    "is the best on validation at the chosen budget."
)


def tagger_comparison(kind: Kind, selectors: list[Selector]) -> Stage:
    """Return the stage `evaluations/comparison`."""
    return trained_comparison(kind, selectors, compare, VERSION, DESCRIPTION)


def compare(found: list[dict[str, Any]], config: DatasetConfig) -> Outcome:
    """Return what the stored taggers of a dataset say about its methods."""
    labels = [*map(budget_label, config.budgets), "all"]
    spans, words = (_measured(found, labels, kind) for kind in ("spans", "words"))
    said = config.evaluation
    shared: dict[str, Any] = {"confidence": said.confidence, "resamples": said.resamples}
    table = summarise_counts(spans, CountBootstrap(**shared))
    by_word = summarise_counts(words, CountBootstrap(beta=T_FREX_BETA, **shared))
    at = labels.index(budget_label(config.chosen_budget))
    choice = choose_by_counts(spans, at)
    chosen = chosen_of(found, choice, labels[at], validation_f1=choice.seed_accuracy)
    # Both are in the order of budget and name.
    lines = [_line(*pair, labels, found) for pair in zip(table, by_word, strict=True)]
    sentences = sentences_of(table, labels, chosen, len(found[0]["test_spans"]) // 3)
    return outcome_of(COLUMNS, lines, chosen, sentences, config)


def _measured(found: list[dict[str, Any]], labels: list[str], kind: str) -> list[Measured]:
    return [
        Measured(
            row["method"],
            labels.index(row["budget"]),
            row["seed"],
            {split: np.array(row[f"{split}_{kind}"]).reshape(-1, 3) for split in SPLITS},
        )
        for row in found
    ]


def _line(
    entry: Comparison, by_word: Comparison, labels: list[str], found: list[dict[str, Any]]
) -> list[str]:
    label = labels[int(entry.budget)]
    rows = [r for r in found if (r["method"], r["budget"]) == (entry.selector, label)]
    return [
        label,
        entry.selector,
        f"{rows[0]['size']:,}",
        str(len(rows)),
        _level(entry.accuracy["test"]),
        _difference(entry.against_random),
        _difference(entry.against_all),
        _level(by_word.accuracy["test"]),
        _difference(by_word.against_random),
        str(entry.beats_random).lower() if entry.against_random else "",
    ]


def _level(value: Interval) -> str:
    return format_interval(value.mean, value.low, value.high)


def _difference(found: Mapping[str, Interval]) -> str:
    """Write the difference on test; nothing where there is no other side."""
    value = found.get("test")
    return "" if value is None else format_difference(value.mean, value.low, value.high)
