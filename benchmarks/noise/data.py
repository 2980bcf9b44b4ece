"""Rows of the noisy-label benchmark: texts, embeddings, split, labels with a known truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sluice.core.randomness import keyed_uniform
from sluice.encoders.text import TextEncoder
from sluice.noise.instance_dependent import instance_dependent_noise
from sluice.noise.raters import draw_raters, rating_class

REVIEWS = Path(__file__).parents[2] / "datasets" / "vader_reviews" / "vader_reviews.parquet"
CLASSES = 3
TEST_SHARE, SPLIT_SEED = 0.2, 7
AUDITED, AUDIT_SEED = 200, 1000
BORDERS, NEAR = np.array([-0.5, 0.5]), 0.1


@dataclass(frozen=True)
class Rows:
    """All texts, without those that repeat another but for case and white space.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
    x : ndarray of float32, shape (n, d)
    ratings : list of list of int, length n
    test : ndarray of bool, shape (n,)
    texts : list of str, length n
    """

    ids: NDArray[np.str_]
    x: NDArray[np.float32]
    ratings: list[list[int]]
    test: NDArray[np.bool_]
    texts: list[str]


@dataclass(frozen=True)
class Labelled:
    """Given labels, truth, and rows whose truth is doubtful, each of shape (n,)."""

    labels: NDArray[np.int64]
    truth: NDArray[np.int64]
    near: NDArray[np.bool_]


def load(folder: Path) -> Rows:
    """Read and embed the reviews, from `folder` where they have been embedded before.

    A row is a test row by a hash of its review: the id itself for a sentence of a film review,
    and one for all sentences of a product review, which are never on both sides.
    """
    table = pq.read_table(REVIEWS)
    texts = table["text"].to_pylist()
    plain = np.array([" ".join(text.lower().split()) for text in texts])
    _, first = np.unique(plain, return_index=True)
    kept = np.sort(first)
    encoder = TextEncoder(device="cpu")
    path = folder / f"vader_reviews-{encoder.identity}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, encoder.encode(texts))
    groups = np.array(table["review"].to_pylist())[kept]
    return Rows(
        np.array(table["id"].to_pylist())[kept],
        np.load(path)[kept],
        [table["ratings"][int(row)].as_py() for row in kept],
        keyed_uniform(SPLIT_SEED, groups) < TEST_SHARE,
        [texts[row] for row in kept.tolist()],
    )


def of_raters(rows: Rows, draw: int) -> Labelled:
    """One rater's word, and the mean of the others as the truth."""
    drawn = draw_raters(rows.ratings, ids=rows.ids, seed=draw, near=NEAR)
    return Labelled(drawn.labels, drawn.truth, drawn.near_border)


def of_generator(rows: Rows, draw: int, rate: float) -> Labelled:
    """Generated noise over the class of the mean of all raters."""
    means = np.array([np.mean(each) for each in rows.ratings])
    truth = rating_class(means)
    noisy = instance_dependent_noise(
        rows.x, truth, rate=rate, ids=rows.ids, n_classes=CLASSES, seed=draw
    )
    near = np.abs(means[:, None] - BORDERS).min(axis=1) <= NEAR + 1e-9
    return Labelled(noisy.labels, truth, near)


def audited_rows(ids: NDArray[np.str_], draw: int) -> NDArray[np.bool_]:
    """Draw the rows that somebody checks, the same number in each draw."""
    mask = np.zeros(len(ids), dtype=np.bool_)
    mask[np.argsort(keyed_uniform(AUDIT_SEED + draw, ids), kind="stable")[:AUDITED]] = True
    return mask
