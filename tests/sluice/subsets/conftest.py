from dataclasses import dataclass, field

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from sluice.graphs.knn import KnnGraph
from sluice.scores.registry import SCORES, ScoreInputs
from sluice.subsets.contract import Pool


@dataclass(frozen=True)
class Content:
    """Rows with everything that a selector may read, from which pools of any order are made."""

    ids: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    order: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))

    def pool(self, order=None):
        order = np.arange(len(self.ids)) if order is None else order
        ids, rows, labels = self.ids[order], self.rows[order], self.labels[order]
        graph = KnnGraph.build(ids, rows, k=8, slack=2, device="cpu")
        given = ScoreInputs(self.probabilities[order], labels, graph)
        scores = {name: score.compute(given) for name, score in SCORES.items()}
        names = tuple(f"digit {c}" for c in range(int(self.labels.max()) + 1))
        return Pool(ids, rows, labels, graph, scores, names)


def ids_of(n, seed=0):
    return np.array([f"id-{v:04d}" for v in np.random.default_rng(seed).permutation(n)])


def content_of(rows, labels, seed=0):
    rows = np.asarray(rows, dtype=np.float32)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    model = LogisticRegression(max_iter=200)
    probabilities = cross_val_predict(model, rows, labels, cv=2, method="predict_proba")
    return Content(ids_of(len(rows), seed), rows, np.asarray(labels), probabilities)


@pytest.fixture(scope="session")
def digits():
    """300 real digits; classes of uneven size, the last with 4 rows."""
    rows, labels = load_digits(return_X_y=True)
    some = np.concatenate(
        [
            np.flatnonzero(labels == c)[: [60, 50, 50, 40, 30, 30, 20, 10, 6, 4][c]]
            for c in range(10)
        ]
    )
    return content_of(rows[some], labels[some])


@pytest.fixture(scope="session")
def copies(digits):
    """60 distinct digits, five times each."""
    rng = np.random.default_rng(1)
    some = np.repeat(rng.permutation(300)[:60], 5)
    labels = (digits.labels[some] < 3).astype(int)
    return content_of(digits.rows[some], labels, seed=2)


@pytest.fixture(scope="session")
def equal():
    """Forty equal rows in two classes: nothing but ties."""
    return content_of(np.ones((40, 5)), np.arange(40) % 2, seed=3)


@pytest.fixture(scope="session")
def digits_pool(digits):
    return digits.pool()
