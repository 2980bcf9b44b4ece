"""Scores of rows against worked examples, closed forms and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sluice.heads.answers import Labelled
from sluice.heads.logistic import fit_head
from sluice.scores.uncertainty import entropy, least_confidence, margin
from sluice.subsets.queries.badge import gradients
from sluice.subsets.queries.bald import bald
from sluice.subsets.queries.consensus_kl import consensus_kl
from sluice.subsets.queries.contrastive import contrastive
from sluice.subsets.queries.egl import expected_length
from sluice.subsets.queries.expected_error import expected_error
from sluice.subsets.queries.information_density import mean_similarity
from sluice.subsets.queries.ranked import top
from sluice.subsets.queries.registry import STRATEGIES
from sluice.subsets.queries.vote_entropy import vote_entropy
from sluice.subsets.runner import run

ROWS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def chances(rng, *shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def test_worked_examples():
    p = np.array([[0.5, 0.3, 0.2]])
    assert least_confidence(p) == pytest.approx(0.5)
    assert 1 - margin(p) == pytest.approx(0.2)
    assert entropy(p) == pytest.approx(1.0297, abs=5e-5)
    passes = np.array([[[0.9, 0.1]], [[0.1, 0.9]]])
    assert bald(passes) == pytest.approx(np.log(2) - 0.3251, abs=5e-5)
    assert bald(np.full((2, 1, 2), 0.5)) == pytest.approx(0.0, abs=1e-12)
    made = gradients(np.array([[0.7, 0.3]]), np.array([[1.0, 2.0]]))
    assert np.outer(made.errors[0], made.hidden[0]).ravel() == pytest.approx([-0.3, -0.6, 0.3, 0.6])
    assert np.sqrt(made.squared) == pytest.approx(0.949, abs=5e-4)


@given(ROWS, st.integers(2, 5), st.integers(1, 6))
def test_disagreement_bounds_and_the_sum_of_divergences(rng, classes, members):
    committee = chances(rng, members, 7, classes)
    mean = committee.mean(axis=0)
    kl = (committee * (np.log(committee) - np.log(mean))).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(consensus_kl(committee), kl, atol=1e-9)
    assert (consensus_kl(committee) <= entropy(mean) + 1e-12).all()
    votes = vote_entropy(committee)
    assert (votes >= 0).all()
    assert (votes <= np.log(min(members, classes)) + 1e-9).all()
    same = np.repeat(committee[:1], 4, axis=0)
    np.testing.assert_allclose(consensus_kl(same), 0, atol=1e-12)
    np.testing.assert_allclose(vote_entropy(same), 0, atol=1e-12)
    for row in range(7):
        counts = np.bincount(committee[:, row].argmax(axis=1)) / members
        expected = -sum(c * np.log(c) for c in counts if c)
        assert votes[row] == pytest.approx(expected)


@given(ROWS, st.integers(2, 5))
def test_scores_do_not_depend_on_the_names_of_classes(rng, classes):
    p, committee = chances(rng, 9, classes), chances(rng, 3, 9, classes)
    order = rng.permutation(classes)
    for score in (least_confidence, margin, entropy):
        np.testing.assert_allclose(score(p), score(p[:, order]))
    np.testing.assert_allclose(consensus_kl(committee), consensus_kl(committee[..., order]))
    np.testing.assert_allclose(vote_entropy(committee), vote_entropy(committee[..., order]))


@given(ROWS)
def test_with_two_classes_the_three_uncertainties_give_one_order(rng):
    p = chances(rng, 30, 2)
    orders = [np.argsort(-score(p)).tolist() for score in (least_confidence, margin, entropy)]
    assert orders[0] == orders[1] == orders[2]


@given(arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([0.0, 0.5, 1.0, 2.5])))
def test_top_is_a_stable_sort(scores):
    whole = np.argsort(-scores, kind="stable")
    for count in range(1, len(scores) + 1):
        assert top(scores, count).tolist() == whole[:count].tolist()


@settings(max_examples=30)
@given(ROWS, st.integers(1, 4))
def test_contrastive_is_the_plain_loop(rng, k):
    rows, known = rng.normal(size=(6, 3)), rng.normal(size=(5, 3))
    rows, known = rows.astype(np.float32), known.astype(np.float32)
    p, of_known = chances(rng, 6, 3), chances(rng, 5, 3)
    for row, score in enumerate(contrastive(p, of_known, rows, known, k)):
        near = np.argsort(np.linalg.norm(known - rows[row], axis=1), kind="stable")[:k]
        each = [(of_known[j] * np.log(of_known[j] / p[row])).sum() for j in near]
        assert score == pytest.approx(np.mean(each), abs=1e-9)


@given(ROWS)
def test_mean_similarity_is_the_mean_of_all_cosines(rng):
    rows = rng.normal(size=(8, 4)).astype(np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    plain = np.maximum((unit.astype(np.float64) @ unit.T).mean(axis=1), 0)
    np.testing.assert_allclose(mean_similarity(rows), plain, atol=1e-6)
    assert mean_similarity(np.zeros((3, 2), np.float32)).tolist() == [0, 0, 0]


def test_expected_length_is_euclidean_and_not_a_sum_of_parts(answered):
    p = np.array([[0.25, 0.75], [0.5, 0.5]])
    layers = {"a": np.array([[3.0, 6.0], [0, 0]]), "b": np.array([[4.0, 8.0], [1.0, 1.0]])}
    pool = answered(2, probabilities=p, layers=layers)
    kept = run(STRATEGIES["egl"], pool, 2, 0)
    assert kept.gains.tolist() == [0.25 * 5 + 0.75 * 10, 1.0]
    of_layer = run(STRATEGIES["egl_layer"], pool, 1, 0, layer="a")
    assert of_layer.gains.tolist() == [expected_length(p, layers["a"]).max()]


def test_expected_error_is_the_plain_loop():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 3)).astype(np.float32)
    known = Labelled(np.array(list("abcdef")), x[:6], np.array([0, 1, 2, 0, 1, 2]), 3)
    p = chances(rng, 3, 3)
    got = expected_error(p, x[6:9], x[6:], known)
    for i in range(3):
        total = 0.0
        for label in range(3):
            grown = np.vstack([x[:6], x[6 + i : 7 + i]])
            head = fit_head(grown, np.append(known.labels, label), 3)
            total += p[i, label] * np.mean([1 - q.max() for q in head.predict_proba(x[6:])])
        assert got[i] == pytest.approx(total, abs=1e-12)


def test_distances_decide_least_first(answered):
    pool = answered(4, separation=np.array([3.0, 1, 2, 1]), perturbation=np.array([1.0, 4, 2, 0.5]))
    kept = run(STRATEGIES["hyperplane"], pool, 3, 0)
    assert kept.ids.tolist() == ["r001", "r003", "r002"]
    assert run(STRATEGIES["adversarial"], pool, 2, 0).ids.tolist() == ["r003", "r000"]
