from dataclasses import dataclass, replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sluice.core.randomness import keyed_uniform
from sluice.heads.answering import answers_of
from sluice.heads.answers import Answers, Labelled
from sluice.subsets.contract import Pool
from sluice.subsets.queries.registry import needs_of


@dataclass(frozen=True)
class Asked:
    """Digits, 40 of which are labelled; everything that a strategy may read is real."""

    pool: Pool
    made: dict

    def pool_for(self, name, order=None, **options):
        """The pool with the answers that a strategy needs, rows and labels in some order."""
        needs = needs_of(name, options)
        key = tuple(sorted(needs))
        if key not in self.made:
            rows = self.pool.embeddings
            words = lambda head: keyed_uniform(5, self.pool.ids)  # noqa: E731
            self.made[key] = answers_of(needs, rows, self.pool.labelled, 0, words=words)
        pool = replace(self.pool, answers=self.made[key])
        if order is None:
            return pool
        labelled = pool.labelled.of(np.arange(len(pool.labelled.ids))[::-1])
        answers = pool.answers
        if answers is not None and answers.of_labelled is not None:
            answers = replace(answers, of_labelled=answers.of_labelled[::-1])
        return replace(pool, labelled=labelled, answers=answers).of(order)


def asked(rows, labels, known):
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    ids = np.array([f"id-{i:04d}" for i in range(len(rows))])
    left = np.setdiff1d(np.arange(len(rows)), known)
    labelled = Labelled(ids[known], rows[known], labels[known].astype(np.int64), labels.max() + 1)
    return Asked(Pool(ids[left], rows[left], labelled=labelled), {})


@pytest.fixture(scope="session")
def digits_asked():
    rows, labels = load_digits(return_X_y=True)
    some = np.random.default_rng(0).permutation(len(rows))[:240]
    return asked(rows[some], labels[some], np.arange(0, 240, 6))


@pytest.fixture(scope="session")
def copies_asked():
    """Every row five times, labelled ones among them."""
    rows, labels = load_digits(return_X_y=True)
    some = np.repeat(np.arange(30), 5)
    return asked(rows[some], labels[some] % 3, np.arange(0, 150, 15))


def chances(rng, n, c):
    return rng.dirichlet(np.ones(c), n)


@pytest.fixture
def answered():
    """A function: a pool whose answers are given by hand."""

    def make(n, labelled=None, embeddings=None, **answers):
        ids = np.array([f"r{i:03d}" for i in range(n)])
        return Pool(ids, embeddings, labelled=labelled, answers=Answers(**answers))

    return make
