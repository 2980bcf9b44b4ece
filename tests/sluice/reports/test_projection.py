import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from sluice.core.errors import DataError
from sluice.reports.projection import project_2d


def cloud(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) * np.linspace(3, 0.5, d) + rng.normal(size=d)
    return rows.astype(np.float32), np.array([f"row-{i:04d}" for i in rng.permutation(n)])


@pytest.mark.parametrize("shape", [(300, 24), (10, 40), (50, 2)])
def test_agrees_with_sklearn_up_to_sign(shape: tuple[int, int]) -> None:
    rows, ids = cloud(*shape)
    ours = project_2d(rows, ids)
    theirs = PCA(2, svd_solver="full").fit_transform(rows.astype(np.float64))
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, atol=1e-5)


def test_sign_follows_the_largest_entry_of_each_component() -> None:
    rows, ids = cloud(200, 8)
    pca = PCA(2, svd_solver="full").fit(rows.astype(np.float64))
    largest = np.abs(pca.components_).argmax(axis=1)
    signs = np.sign(pca.components_[np.arange(2), largest])
    expected = pca.transform(rows.astype(np.float64)) * signs
    np.testing.assert_allclose(project_2d(rows, ids), expected, atol=1e-5)
    # so turning the data round turns the map round, and nothing else
    np.testing.assert_allclose(project_2d(-rows, ids), -project_2d(rows, ids), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 60), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_row_order_changes_no_bit(n: int, d: int, seed: int) -> None:
    rows, ids = cloud(n, d, seed)
    order = np.random.default_rng(seed).permutation(n)
    np.testing.assert_array_equal(project_2d(rows[order], ids[order]), project_2d(rows, ids)[order])


def test_degenerate_shapes() -> None:
    rows, ids = cloud(5, 1)
    flat = project_2d(rows, ids)
    np.testing.assert_allclose(flat[:, 0], rows[:, 0] - rows.mean(), atol=1e-6)
    np.testing.assert_array_equal(flat[:, 1], 0)
    np.testing.assert_array_equal(project_2d(rows[:1], ids[:1]), np.zeros((1, 2)))
    assert project_2d(np.zeros((0, 4), np.float32), np.array([], dtype=str)).shape == (0, 2)


def test_refuses_what_it_cannot_place() -> None:
    rows, ids = cloud(5, 3)
    with pytest.raises(DataError, match="for each of 4 rows"):
        project_2d(rows, ids[:4])
    rows[2, 1] = np.nan
    with pytest.raises(DataError, match="not finite in row"):
        project_2d(rows, ids)
