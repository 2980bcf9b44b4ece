"""One query over 50,000 x 384: ours beside scikit-activeml and small-text.

``python -m benchmarks.queries`` from the root of the repository; it needs ``pip install -e
.[bench]`` and ``pip install --no-deps small-text==1.4.1``. Each side gets the same vectors, labels
and probabilities; what is timed is the query alone.
"""

from __future__ import annotations

from benchmarks.side_by_side import RESULTS, arguments, clustered_vectors, cpu_seconds

# isort: split
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np
from skactiveml.base import SkactivemlClassifier
from skactiveml.pool import Badge, CoreSet, UncertaintySampling
from small_text.query_strategies.coresets import greedy_coreset

from sluice.heads.answers import Answers, Labelled
from sluice.heads.logistic import fit_head
from sluice.subsets.contract import Pool
from sluice.subsets.queries.registry import strategy
from sluice.subsets.runner import run

ROWS, LENGTH, CLASSES, LABELLED, PICKS = 50_000, 384, 10, 100, 100
FEW, SOME = 5, 20
"""Picks of small-text's core-set, which measures all rows from all labelled ones at each pick, and
of scikit-activeml's BADGE, which writes the gradients out."""


class Fixed(SkactivemlClassifier):
    """A classifier that has answered already."""

    def __init__(self, answers: Any = None, classes: Any = None) -> None:
        super().__init__(classes=classes)
        self.answers = answers

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Fixed:
        """Learn nothing."""
        return self

    def predict_proba(self, X: Any) -> Any:
        """Return what was given."""
        return self.answers


def data() -> tuple[Pool, np.ndarray, np.ndarray]:
    """The pool with its answers; all rows, labelled ones last; their labels, NaN for others."""
    rows = clustered_vectors(ROWS + LABELLED, LENGTH)
    rng = np.random.default_rng(0)
    truth = (rows @ rng.normal(size=(LENGTH, CLASSES))).argmax(axis=1)
    ids = np.array([f"{row:06d}" for row in range(len(rows))])
    known = Labelled(ids[ROWS:], rows[ROWS:], truth[ROWS:].astype(np.int64), CLASSES)
    head = fit_head(known.embeddings, known.labels, CLASSES)
    answers = Answers(
        probabilities=head.predict_proba(rows[:ROWS]), hidden=rows[:ROWS].astype(np.float64)
    )
    labels = np.full(len(rows), np.nan)
    labels[ROWS:] = known.labels
    return Pool(ids[:ROWS], rows[:ROWS], labelled=known, answers=answers), rows, labels


def sides(
    pool: Pool, rows: np.ndarray, labels: np.ndarray
) -> list[tuple[str, str, int, Callable[[], Any], Callable[[], Any]]]:
    """Strategy, peer, picks, ours and theirs."""
    assert pool.answers is not None
    clf = Fixed(pool.answers.probabilities, classes=list(range(CLASSES)))
    candidates = rows[:ROWS]

    def ours(name: str, picks: int) -> Callable[[], Any]:
        return lambda: run(strategy(name), pool, picks, 0).ids.astype(np.int64)

    def uncertain(method: str) -> Callable[[], Any]:
        peer = UncertaintySampling(method=method, random_state=0)
        given = {"fit_clf": False, "candidates": candidates, "batch_size": PICKS}
        return lambda: peer.query(rows, labels, clf, **given)

    def badge() -> Any:
        given = {"fit_clf": False, "candidates": candidates, "batch_size": SOME}
        return Badge(random_state=0).query(rows, labels, clf, **given)

    def few() -> Any:
        at = np.arange(len(rows))
        return greedy_coreset(rows, at[:ROWS], at[ROWS:], FEW, distance_metric="euclidean")

    peer = "scikit-activeml"
    return [
        ("core_set", peer, PICKS, ours("core_set", PICKS),
         lambda: CoreSet(random_state=0).query(rows, labels, batch_size=PICKS)),
        ("core_set", "small-text", FEW, ours("core_set", FEW), few),
        ("badge", peer, SOME, ours("badge", SOME), badge),
        ("least_confidence", peer, PICKS, ours("least_confidence", PICKS),
         uncertain("least_confident")),
        ("margin", peer, PICKS, ours("margin", PICKS), uncertain("margin_sampling")),
    ]  # fmt: skip


def main() -> None:
    options = arguments(__doc__ or "")
    lines = [
        f"One query over {ROWS:,} x {LENGTH}, {CLASSES} classes, {LABELLED} labelled rows; CPU "
        f"seconds, medians of {options.rounds} interleaved rounds, one thread"
    ]
    for name, peer, picks, ours, theirs in sides(*data()):
        seconds: tuple[list[float], list[float]] = ([], [])
        mine = his = None
        for _ in range(options.rounds):
            spent, mine = cpu_seconds(ours)
            seconds[0].append(spent)
            spent, his = cpu_seconds(theirs)
            seconds[1].append(spent)
        us, them = median(seconds[0]), median(seconds[1])

        same = len(np.intersect1d(mine, his))
        order = ", in the same order" if np.array_equal(mine, his) else ""
        lines.append(
            f"  {name}, {picks} rows: ours {us:.4f}, {peer} {them:.4f}: {them / us:.1f} times; "
            f"{same} of {picks} picks are the same{order}"
        )
        print(lines[-1], flush=True)
    packages = ("numpy", "scikit-activeml", "small-text", "scikit-learn")
    lines += [
        f"  versions: {', '.join(f'{name} {version(name)}' for name in packages)}",
        f"  machine: {platform.machine()}, {os.cpu_count()} cores",
        f"  date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    (RESULTS / "queries.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
