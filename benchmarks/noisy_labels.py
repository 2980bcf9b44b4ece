"""Which rows have a right label? The shipped reviews, one person's word against the others'.

Given labels are those of one rater drawn for each row, the truth is the class of the mean of the
others; and again with generated, instance-dependent noise over the mean of all raters. Selections
are judged by precision, recall and AUC, and by the accuracy on test rows of the evaluation head
that is trained on them. Nothing is tuned on test rows.

``python -m benchmarks.noisy_labels CACHE`` from the root of the repository; embeddings and
finished draws stay in the folder CACHE, so that a run that was stopped goes on.
"""

from __future__ import annotations

from benchmarks.side_by_side import RESULTS

# isort: split
import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.noise.data import (
    AUDITED,
    TEST_SHARE,
    Labelled,
    Rows,
    load,
    of_generator,
    of_raters,
)
from benchmarks.noise.methods import LEAST, Chosen, Task, measured, selections, task_of
from benchmarks.noise.table import Cells, interval, table
from benchmarks.side_by_side import _processor

DRAWS = 5
RATES = (0.1, 0.2, 0.3, 0.4)
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "cleanlab")
COLUMNS = ["kept", "precision", "recall", "AUC", "accuracy"]


def run(
    rows: Rows,
    labelled: Callable[[int], Labelled],
    select: Callable[[Task], list[Chosen]],
    folder: Path,
    name: str,
):
    """Measure all draws of one kind of noise, each once and for all.

    Returns
    -------
    cells : dict of str to list of dict
    draws : list of dict
        Rate of noise, seconds and notes of each draw.
    """
    cells: Cells = {}
    draws = []
    for draw in range(DRAWS):
        path = folder / f"{name}-{draw}.json"
        if not path.is_file():
            path.write_text(json.dumps(one_draw(rows, labelled(draw), draw, select)))
        found = json.loads(path.read_text())
        for method, figures in found.pop("cells").items():
            cells.setdefault(method, []).append(figures)
        draws.append(found)
        print(f"{name}, draw {draw}: {found['seconds']:.0f} CPU s", flush=True)
    return cells, draws


def one_draw(
    rows: Rows, labelled: Labelled, draw: int, select: Callable[[Task], list[Chosen]]
) -> dict:
    """Select by every method and measure each."""
    began = time.process_time()
    task = task_of(rows, labelled, draw)
    chosen = select(task)
    cells = {each.name: measured(task, each) for each in chosen}
    return {
        "rate": float(1.0 - task.right.mean()),
        "audited rate": task.rate,
        "notes": {each.name: each.note for each in chosen if each.note},
        "cells": cells,
        "seconds": time.process_time() - began,
    }


def weighted_lines(cells: Cells) -> list[str]:
    """Accuracy of the head on kept originals alone, and on D' with its weights."""
    lines = [
        "| selection | kept originals alone | D', weighted | difference |",
        "|---|---|---|---|",
    ]
    for name, draws in cells.items():
        if not any("accuracy of D'" in draw for draw in draws):
            continue
        alone = np.array([draw.get("accuracy", np.nan) for draw in draws])
        both = np.array([draw.get("accuracy of D'", np.nan) for draw in draws])
        shown = [interval(each) for each in (alone, both, both - alone)]
        lines.append("| " + " | ".join([name, *shown]) + " |")
    return lines


def note_lines(draws: list[dict]) -> list[str]:
    """Say what each threshold was and how it was found, of the first draw."""
    return [f"- {name}: {note}" for name, note in draws[0]["notes"].items()]


def setup_lines(rows: Rows, seconds: float) -> list[str]:
    """Say how the figures came about."""
    load_now = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return [
        f"- Command: `python -m benchmarks.noisy_labels CACHE`, {datetime.now(UTC):%Y-%m-%d}.",
        f"- Versions: Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in LIBRARIES) + ".",
        f"- Hardware: {_processor()}, {os.cpu_count()} cores, one thread, no GPU, load {load_now}; "
        f"{seconds:.0f} CPU seconds without the embedding of the texts.",
        f"- Rows: {len(rows.ids):,} reviews without repeated texts, {int(rows.test.sum()):,} of "
        f"them for the test, by a hash of the review ({TEST_SHARE:.0%}). Embeddings of the default "
        "encoder.",
        f"- Seeds: 0 to {DRAWS - 1}. A draw has its own given labels, audited rows and folds; the "
        "split and the embeddings are the same in all.",
        f"- Of the training rows {AUDITED} are audited: whether their given label is right is "
        "known. They give r, the rate of noise, to the methods that ask for it, and the thresholds "
        f"called precision: the smallest with at most r / 2 wrong and {LEAST} audited rows above "
        "it. They are in no figure and in no training, of no method. Where no threshold reaches "
        "that, the method has no selection in that draw; the last column says in how many it has.",
        "- The truth of other rows is read by the oracle and by the figures only.",
        "- Each figure is a mean over draws with Student's 95 % interval. The draws share rows and "
        "test rows: the interval is about the draw of raters, audit and noise, not about reviews.",
        "- `kept` is the share of training rows. AUC is that of the score behind a selection. "
        "Accuracy is that of the evaluation head, trained on the selection with its given labels, "
        "against the truth of the test rows.",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path, help="folder for embeddings and finished draws")
    folder = parser.parse_args().cache
    rows = load(folder)
    whole = partial(selections, full=True)
    cells, draws = run(rows, lambda draw: of_raters(rows, draw), whole, folder, "raters")
    seconds = sum(each["seconds"] for each in draws)
    lines = [
        "## One rater's word",
        "",
        f"Wrong labels among the training rows: {interval(rates(draws, 'rate'))}; by the audit: "
        f"{interval(rates(draws, 'audited rate'))}.",
        "",
        *table(cells, COLUMNS),
        "",
        "The head on the weighted training set D' of EchoAlign (kept originals and the edited "
        "version of every row):",
        "",
        *weighted_lines(cells),
        "",
        "### Without rows whose truth is within 0.1 of a border",
        "",
        *table(cells, COLUMNS, "away "),
        "",
        "### Only rows whose truth is within 0.1 of a border",
        "",
        "Judged on these rows alone, training and test; the heads are those of all rows.",
        "",
        *table(cells, COLUMNS, "near "),
        "",
        "### Thresholds of the first draw",
        "",
        *note_lines(draws),
        "",
    ]
    for rate in RATES:

        def labelled(draw: int, rate: float = rate) -> Labelled:
            return of_generator(rows, draw, rate)

        cells, draws = run(rows, labelled, selections, folder, f"generated-{rate:g}")
        seconds += sum(each["seconds"] for each in draws)
        lines += [
            f"## Generated noise, rate {rate:g}",
            "",
            f"Wrong labels among the training rows: {interval(rates(draws, 'rate'))}.",
            "",
            *table(cells, COLUMNS),
            "",
        ]
    text = "\n".join(["# Noisy labels", "", *setup_lines(rows, seconds), "", *lines])
    (RESULTS / "noisy_labels.md").write_text(text)
    print(text)


def rates(draws: list[dict], name: str) -> np.ndarray:
    return np.array([draw[name] for draw in draws])


if __name__ == "__main__":
    main()
