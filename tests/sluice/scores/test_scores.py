import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError, UnknownNameError
from sluice.graphs.instance_graphs.methods import build
from sluice.graphs.knn import KnnGraph
from sluice.scores.density import density
from sluice.scores.graph_attention.gat_scores import NAMES
from sluice.scores.label_quality import label_quality
from sluice.scores.registry import SCORES, ScoreInputs, score
from sluice.scores.uncertainty import entropy, least_confidence, margin

matrices = st.tuples(st.integers(1, 8), st.integers(1, 6), st.integers(0, 999))


def probabilities(n, classes, seed):
    p = np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), size=n)
    return p / p.sum(axis=1, keepdims=True)


@settings(deadline=None)
@given(matrices)
def test_uncertainty_is_its_formula(shape):
    p = probabilities(*shape)
    for row, least, gap, spread in zip(
        p.tolist(), least_confidence(p), margin(p), entropy(p), strict=True
    ):
        first, second = sorted([*row, 0.0], reverse=True)[:2]
        assert least == 1 - first
        assert gap == 1 - (first - second)
        expected = -math.fsum(x * math.log(x) for x in row if x > 0)
        assert spread == pytest.approx(expected, abs=1e-12)


def test_higher_is_less_sure():
    p = np.array([[1, 0, 0], [0.6, 0.3, 0.1], [1 / 3, 1 / 3, 1 / 3]])
    for measure in (least_confidence, margin, entropy):
        assert (np.diff(measure(p)) > 0).all()
        assert measure(p)[0] == 0
    assert margin(p)[2] == 1
    assert entropy(p)[2] == pytest.approx(math.log(3))


def test_a_row_scores_the_same_in_any_batch():
    p = probabilities(97, 5, 0)
    for measure in (least_confidence, margin, entropy):
        together = measure(p)
        assert all(measure(p[i : i + 1])[0] == together[i] for i in range(97))
        assert np.array_equal(measure(p[::-1]), together[::-1])


@pytest.mark.parametrize(
    "p",
    [
        [[0.5, 0.4]], [[1.2, -0.2]], [[math.nan, 1.0]], [[math.inf, 0]], [0.5, 0.5], [[]],
    ],
)  # fmt: skip
def test_what_is_no_probability_is_refused(p):
    for measure in (least_confidence, margin, entropy):
        with pytest.raises(DataError, match="robabilities"):
            measure(np.array(p, dtype=float))


def test_density_is_the_mean_cosine_to_the_neighbours():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 7)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    graph = KnnGraph.build([f"{i:03d}" for i in range(60)], x, k=5, slack=3, device="cpu")
    cosines = x.astype(float) @ x.T.astype(float)
    np.fill_diagonal(cosines, -9)
    assert density(graph) == pytest.approx(np.sort(cosines, axis=1)[:, -5:].mean(axis=1))


def test_density_counts_only_the_neighbours_there_are():
    x = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)
    few = KnnGraph.build(["a", "b"], x, k=5, device="cpu")
    assert density(few) == pytest.approx([0.6, 0.6])
    alone = KnnGraph.build(["a"], x[:1], k=5, device="cpu")
    assert density(alone).tolist() == [0.0]


def test_label_quality_is_the_probability_of_the_label():
    p = probabilities(50, 4, 3)
    labels = np.random.default_rng(0).integers(0, 3, 50)  # class 3 has no row
    assert label_quality(labels, p) == pytest.approx(p[np.arange(50), labels])
    assert label_quality(labels[:0], p[:0]).shape == (0,)


@pytest.mark.parametrize("labels", [[0, 4], [0, -1], [0]])
def test_labels_without_a_column_are_refused(labels):
    with pytest.raises(DataError, match=r"Labels h.*(each of 2 rows|from 0 to 3)"):
        label_quality(np.array(labels), probabilities(2, 4, 0))


def test_registry_computes_every_score_from_what_it_says_it_needs():
    known = ["least_confidence", "margin", "entropy", "density", "label_quality"]
    assert set(SCORES) == {*known, *NAMES}
    p = probabilities(20, 3, 1)
    x = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    ids = np.array([f"{i:02d}" for i in range(20)])
    rows = {"ids": ids, "options": {"epochs": 1}}
    everything = {"probabilities": p, "labels": np.arange(20) % 3, "embeddings": x}
    graphs = {
        "text": KnnGraph.build(ids, x, k=3, device="cpu"),
        "tabular": build("minibatch", ids, x),
    }
    for entry in SCORES.values():
        everything["graph"] = graphs["text" if "text" in entry.tasks else "tabular"]
        given = ScoreInputs(**rows, **{need: everything[need] for need in entry.needs})
        values = entry.compute(given)
        assert values.shape == (20,)
        assert values.dtype == np.float64
        for need in entry.needs:
            less = {k: v for k, v in everything.items() if k != need}
            with pytest.raises(DataError, match="This score needs"):
                entry.compute(ScoreInputs(**rows, **less))
    with pytest.raises(UnknownNameError, match="Did you mean entropy"):
        score("entrophy")
