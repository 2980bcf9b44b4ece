import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import sluice.subsets.information.label_graph as module
from sluice.subsets.information.label_graph import propagation, row_information, similar_labels


def dense_propagation(similarity, threshold, scale):
    w = np.where(similarity >= threshold, similarity, 0.0) * scale
    np.fill_diagonal(w, 1.0)
    return w / w.sum(axis=0, keepdims=True)


def symmetric(labels, seed):
    s = np.random.default_rng(seed).random((labels, labels))
    return np.maximum(s, s.T)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.floats(0, 1), st.floats(0, 2), st.booleans(), st.integers(0, 99))
def test_propagation_is_threshold_then_scale_then_columns(labels, threshold, scale, sparse, seed):
    similarity = symmetric(labels, seed)
    given_ = csr_array(similarity) if sparse else similarity
    p = propagation(given_, threshold, scale).toarray()
    assert p == pytest.approx(dense_propagation(similarity, threshold, scale), rel=1e-12)
    assert p.sum(axis=0) == pytest.approx(np.ones(labels), rel=1e-12)


def test_scale_zero_propagates_nothing():
    assert propagation(symmetric(7, 0), 0.0, 0.0).toarray().tolist() == np.eye(7).tolist()


def test_the_worked_example():
    similarity = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    p = propagation(similarity, 0.9, 1.0)
    assert p.toarray() == pytest.approx(
        np.array([[0.5263, 0.4737, 0], [0.4737, 0.5263, 0], [0, 0, 1]]), abs=5e-5
    )
    rows = csr_array(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]]))
    x = row_information(rows, np.array([4.0, 3, 2, 3]), p, False).toarray()
    expected = [[2.1053, 1.8947, 0], [1.4211, 1.5789, 0], [0, 0, 2], [1.5789, 1.4211, 3]]
    assert x == pytest.approx(np.array(expected), abs=5e-5)
    shared = row_information(rows, np.array([4.0, 3, 2, 3]), p, True).toarray()
    assert shared[:3].tolist() == x[:3].tolist()
    assert shared[3] == pytest.approx(x[3] / 2)


@pytest.mark.parametrize("threshold", [0.0, 0.7, 0.9, 1.0])
def test_similar_labels_equal_all_cosines_in_any_tile(threshold, monkeypatch):
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(8, 24))[rng.integers(0, 8, 60)] + 0.5 * rng.normal(size=(60, 24))
    vectors[7] = vectors[3]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = similar_labels(vectors, threshold)
    exact = vectors.astype(float) @ vectors.astype(float).T
    away = np.abs(exact - threshold) > 1e-6
    np.fill_diagonal(away, False)
    assert np.array_equal((found.toarray() > 0)[away], ((exact >= threshold) & (exact > 0))[away])
    kept = found.toarray() > 0
    assert found.toarray()[kept] == pytest.approx(exact[kept], abs=1e-6)
    assert found.max() <= 1 if found.nnz else threshold == 1.0
    monkeypatch.setattr(module, "PRODUCTS", 200)
    assert (similar_labels(vectors, threshold) != found).nnz == 0


def test_a_similarity_equal_to_the_threshold_counts():
    vectors = np.array([[1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]], dtype=np.float32)
    assert similar_labels(vectors, 0.5).toarray().tolist() == [[0, 0.5], [0.5, 0]]
    assert similar_labels(vectors, float(np.nextafter(0.5, 1))).nnz == 0


def test_no_label_at_all():
    assert similar_labels(np.empty((0, 4), dtype=np.float32), 0.9).shape == (0, 0)
    assert propagation(csr_array((0, 0)), 0.9, 1.0).shape == (0, 0)
