from dataclasses import dataclass, field

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from sluice.core.randomness import keyed_uniform
from sluice.graphs.features import feature_rows
from sluice.graphs.instance_graphs.methods import build
from sluice.graphs.knn import KnnGraph
from sluice.graphs.tags import tag_rows
from sluice.scores.influence import Influence
from sluice.scores.registry import SCORES, ScoreInputs
from sluice.scores.teacher import Teacher, teach_out_of_fold
from sluice.subsets.contract import Pool

INSTRUCTION_SCORES = (
    *("quality", "ifd", "response_tokens", "s_ifd_mean", "s_ifd_std", "noisy_ifd"),
    "informative_tokens",
)


@dataclass(frozen=True)
class Content:
    """Rows with everything that a selector may read, from which pools of any order are made."""

    ids: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray | None = None
    made: dict = field(default_factory=dict)

    def pool(self, order=None):
        """As for texts: unit rows, the cosine graph, scores of out-of-fold probabilities."""
        order = np.arange(len(self.ids)) if order is None else order
        ids, rows, labels = self.ids[order], self.rows[order], self.labels[order]
        graph = KnnGraph.build(ids, rows, k=8, slack=2, device="cpu")
        given = ScoreInputs(self.probabilities[order], labels, graph)
        scores = {name: s.compute(given) for name, s in SCORES.items() if "text" in s.tasks}
        taught = self.teacher(order)
        return Pool(ids, rows, labels, graph, scores, self.names(), teacher=taught)

    def table(self, order=None, method=None):
        """As for tables: standardised rows, a graph of instances, the scores of a method."""
        order = np.arange(len(self.ids)) if order is None else order
        ids, rows, labels = self.ids[order], self.standardised()[order], self.labels[order]
        graph = build("minibatch", ids, rows, labels, seed=0)
        scores = {name: values[order] for name, values in self.table_scores(method).items()}
        taught = self.teacher(order)
        return Pool(ids, rows, labels, graph, scores, self.names(), teacher=taught)

    def instructions(self, order=None):
        """As for prompts and responses; every value is a function of the row and its id."""
        order = np.arange(len(self.ids)) if order is None else order
        ids, rows, labels = self.ids[order], self.rows[order], self.labels[order]
        graph = KnnGraph.build(ids, rows, k=8, slack=2, device="cpu")
        draws = {name: keyed_uniform(seed, ids) for seed, name in enumerate(INSTRUCTION_SCORES)}
        draws["informative_tokens"] = 1 + np.floor(9 * draws["informative_tokens"])
        tags = [[f"tag {j}" for j in np.argsort(-row, kind="stable")[:3]] for row in rows]
        names = sorted({name for row in tags for name in row})
        vectors = np.random.default_rng(0).normal(size=(rows.shape[1], 8))
        mine = np.array([vectors[int(name.split()[1])] for name in names])
        mine /= np.linalg.norm(mine, axis=1, keepdims=True)
        matrix = np.column_stack([keyed_uniform(10 + column, ids) for column in range(6)])
        return Pool(
            *(ids, rows, labels, graph, draws, self.names()),
            tags=tag_rows(tags, names, mine.astype(np.float32)),
            influence=Influence(matrix, tuple(f"row {column}" for column in range(6))),
            asks={
                "influence": lambda asked: keyed_uniform(20, ids[asked]) - 0.3,
                "reward": lambda kept, count: keyed_uniform(21, ids[kept[-count:]]),
            },
        )

    def tokens(self, order=None):
        """As for tagged sentences: features of every row, one to three of them, and a score."""
        order = np.arange(len(self.ids)) if order is None else order
        ids, rows, labels = self.ids[order], self.rows[order], self.labels[order]
        graph = KnnGraph.build(ids, rows, k=8, slack=2, device="cpu")
        best = np.argsort(-rows, axis=1, kind="stable")
        named = [[f"type {j}" for j in row[: 1 + row[0] % 3]] for row in best]
        scores = {"mnlp": keyed_uniform(30, ids)}
        return Pool(*(ids, rows, labels, graph, scores, self.names()), features=feature_rows(named))

    def pool_for(self, task, method, order=None):
        """The pool that a method gets in a task's lineage."""
        makers = {"text": self.pool, "instructions": self.instructions, "tokens": self.tokens}
        make = makers.get(task, lambda order=None: self.table(order, method))
        if order is not None:
            return make(order)
        key = task if task in makers else ("table", *sorted(wanted(method)))
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def standardised(self):
        spread = self.rows.std(axis=0)
        return ((self.rows - self.rows.mean(axis=0)) / np.where(spread, spread, 1)).astype("f4")

    def table_scores(self, method):
        """Scores in the order of the ids as given; computed once, for they may be dear."""
        key = ("scores", *sorted(wanted(method)))
        if key not in self.made:
            order = np.argsort(self.ids)
            ids, rows, labels = self.ids[order], self.standardised()[order], self.labels[order]
            graph = build("minibatch", ids, rows, labels, seed=0)
            options = {} if method is None else method.options
            given = ScoreInputs(None, labels, graph, rows, ids, options)
            back = np.argsort(order)
            self.made[key] = {name: SCORES[name].compute(given)[back] for name in wanted(method)}
        return self.made[key]

    def teacher(self, order):
        """What teaches the rows; of one class, what there is to say."""
        ids, rows, labels = self.ids[order], self.rows[order], self.labels[order]
        total = int(self.labels.max()) + 1
        if len(np.unique(labels)) > 1:
            return teach_out_of_fold(rows, labels, ids=ids, n_classes=total)
        sure = (np.arange(total) == labels[:, None]).astype(float)
        return Teacher(sure, sure, labels)

    def names(self):
        return tuple(f"digit {c}" for c in range(int(self.labels.max()) + 1))


def wanted(method):
    needs = () if method is None else method.needs
    return [need.partition(":")[2] for need in needs if need.startswith("scores:")]


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
def odd():
    """A table with all that goes wrong: for the methods of tables.

    Classes of one row and of two, copies in one class and copies with different labels, a
    constant column and a row far from all others.
    """
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2, 3], [30, 20, 2, 1])
    rows = rng.normal(size=(53, 4)) + labels[:, None]
    rows[:, 2] = 7.0
    rows[5:12] = rows[4]
    rows[30:34] = rows[[0, 1, 4, 4]]
    rows[52] = 1e4
    return Content(ids_of(53, 5), rows.astype(np.float32), labels)


@pytest.fixture(scope="session")
def digits_pool(digits):
    return digits.pool()
