"""What selects in the noisy-label benchmark, and what is measured of a selection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues
from numpy.typing import NDArray

from benchmarks.noise.data import CLASSES, Labelled, Rows, audited_rows
from sluice.core.errors import DataError
from sluice.heads.logistic import Head, fit_head
from sluice.heads.out_of_fold import out_of_fold_probabilities
from sluice.noise.class_conditional import ClassConditional
from sluice.noise.echo_mod import EchoMod
from sluice.noise.echo_select import echo_select, echo_similarity
from sluice.noise.nearest_instance import NearestInstance
from sluice.noise.selection_quality import selection_quality
from sluice.noise.small_loss import small_loss, warm_up_losses
from sluice.noise.thresholds import Audit
from sluice.noise.training_set import EchoTrainingSet, echo_training_set
from sluice.scores.label_quality import label_quality

THRESHOLDS: tuple[float | str, ...] = (0.5, "mixture", "precision")
LEAST = 20
"""Audited rows above a threshold."""
K = 10

Score = NDArray[np.float64]
Figures = dict[str, float]


@dataclass(frozen=True)
class Task:
    """The training rows of one draw, what was audited of them, and the test rows.

    The truth of rows that are not audited is read by `measured` and by the oracle alone.
    """

    ids: NDArray[np.str_]
    x: NDArray[np.float32]
    given: NDArray[np.int64]
    right: NDArray[np.bool_]
    near: NDArray[np.bool_]
    audit: Audit
    rate: float
    test_x: NDArray[np.float32]
    test_truth: NDArray[np.int64]
    test_near: NDArray[np.bool_]
    seed: int

    @property
    def target(self) -> float:
        """Precision asked for: half as many errors as the audited rows have."""
        return 1.0 - self.rate / 2.0


@dataclass(frozen=True)
class Chosen:
    """A selection by a method; None for the mask where the method gave none."""

    name: str
    kept: NDArray[np.bool_] | None
    score: Score | None = None
    training: EchoTrainingSet | None = None
    note: str = ""


def task_of(rows: Rows, labelled: Labelled, draw: int) -> Task:
    """Split a draw and audit it."""
    train, test = ~rows.test, rows.test
    right = (labelled.labels == labelled.truth)[train]
    mask = audited_rows(rows.ids[train], draw)
    return Task(
        rows.ids[train], rows.x[train], labelled.labels[train], right, labelled.near[train],
        Audit(mask, right & mask), float(1.0 - right[mask].mean()),
        rows.x[test], labelled.truth[test], labelled.near[test], draw,
    )  # fmt: skip


def selections(task: Task, full: bool = False) -> list[Chosen]:
    """Run every method; `full` adds weighted training sets, and means of several rows."""
    n = len(task.ids)
    probabilities = out_of_fold_probabilities(
        task.x, task.given, ids=task.ids, n_classes=CLASSES, seed=task.seed
    )
    quality = label_quality(task.given, probabilities)
    losses = warm_up_losses(task.x, task.given, ids=task.ids, n_classes=CLASSES, seed=task.seed)
    issues = find_label_issues(task.given, probabilities, n_jobs=1)
    ranked = np.lexsort((task.ids, -quality))
    top = np.zeros(n, dtype=np.bool_)
    top[ranked[: round((1.0 - task.rate) * n)]] = True
    kept_small = small_loss(losses, task.given, task.rate, ids=task.ids)
    found = [
        Chosen("all rows", np.ones(n, dtype=np.bool_)),
        Chosen("truly right rows (oracle)", task.right),
        *echo(task, "echo, nearest row", NearestInstance(), THRESHOLDS, weighted=full),
    ]
    if full:
        mean_of = NearestInstance(k=K)
        found += echo(task, f"echo, mean of {K} nearest rows", mean_of, THRESHOLDS[1:])
    shifted = ClassConditional(seed=task.seed)
    return [
        *found,
        *echo(task, "echo, class-conditional", shifted, THRESHOLDS[1:]),
        Chosen("small loss", kept_small, -losses),
        Chosen("cleanlab", ~np.asarray(issues, dtype=np.bool_), quality),
        Chosen("label quality, best 1 - r", top, quality),
        _thresholded(task, "label quality, precision", quality, "precision"),
    ]


def echo(
    task: Task,
    name: str,
    mod: EchoMod,
    thresholds: tuple[float | str, ...],
    weighted: bool = False,
) -> list[Chosen]:
    """Edit the rows once, then select by each threshold."""
    edited = mod.modify(task.x, task.given, ids=task.ids).embeddings
    similarity = echo_similarity(task.x, edited)
    found = []
    for threshold in thresholds:
        chosen = _thresholded(task, f"{name}, {threshold}", similarity, threshold)
        used = ~task.audit.rows
        if weighted and chosen.kept is not None and (chosen.kept & used).any():
            training = echo_training_set(
                task.x[used], edited[used], task.given[used], chosen.kept[used]
            )
            chosen = Chosen(chosen.name, chosen.kept, similarity, training, chosen.note)
        found.append(chosen)
    return found


def measured(task: Task, chosen: Chosen) -> Figures:
    """Judge a selection and the head that is trained on it, audited rows left out of both."""
    if chosen.kept is None:
        return {}
    figures: Figures = {}
    parts = {"": np.ones_like(task.near), "away ": ~task.near, "near ": task.near}
    for part, rows in parts.items():
        found = selection_quality(
            chosen.kept, task.right, score=chosen.score, audited=task.audit.rows | ~rows
        )
        figures |= {
            f"{part}precision": found.precision,
            f"{part}recall": found.recall,
            f"{part}AUC": found.auc,
            f"{part}kept": found.kept / found.rows,
        }
    used = chosen.kept & ~task.audit.rows
    if not used.any():
        return figures
    predicted = fit_head(task.x[used], task.given[used], CLASSES).predict(task.test_x)
    figures |= _accuracies(task, predicted, "accuracy")
    if chosen.training is not None:
        weighted = _weighted(chosen.training).predict(task.test_x)
        figures |= _accuracies(task, weighted, "accuracy of D'")
    return figures


def _accuracies(task: Task, predicted: NDArray[np.int64], name: str) -> Figures:
    correct = predicted == task.test_truth
    return {
        name: float(correct.mean()),
        f"away {name}": float(correct[~task.test_near].mean()),
        f"near {name}": float(correct[task.test_near].mean()),
    }


def _thresholded(task: Task, name: str, score: Score, threshold: float | str) -> Chosen:
    audit = task.audit if threshold == "precision" else None
    try:
        found = echo_select(
            score, threshold=threshold, audit=audit, target_precision=task.target, least=LEAST
        )
    except DataError as error:
        return Chosen(name, None, score, note=str(error))
    return Chosen(name, found.kept, score, note=f"tau {found.threshold:.4f}. {found.note}")


def _weighted(training: EchoTrainingSet) -> Head:
    """Train the evaluation head on weighted rows."""
    return fit_head(training.x, training.y, CLASSES, weight=training.weight)
