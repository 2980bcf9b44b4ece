import numpy as np
import pytest

from sluice.subsets.clustered.cluster_bandit import Arms, near_clusters, upper_bounds


def test_worked_example_of_the_reference_form():
    means, pulls = np.array([0.003, 0.001, 0.0]), np.array([4, 1, 0])
    bounds = upper_bounds(means, pulls, 0.002, mode="reference")
    assert bounds == pytest.approx([0.0046, 0.0035, 0.0036], abs=5e-5)
    # an unseen cluster beats a weak one that was seen
    assert np.argsort(-bounds).tolist() == [0, 2, 1]


def test_paper_form_puts_unseen_clusters_first():
    bounds = upper_bounds(np.array([0.003, 0.001, 0.0]), np.array([4, 1, 0]), 0.002)
    log = np.log(5)
    assert bounds[:2] == pytest.approx(
        [0.003 + 0.002 * np.sqrt(2 * log / 4), 0.001 + 0.002 * np.sqrt(2 * log)]
    )
    assert bounds[2] == np.inf


@pytest.mark.parametrize("mode", ["paper", "reference"])
def test_alpha_zero_trusts_the_means(mode):
    means = np.array([0.1, -0.2, 0.3])
    assert upper_bounds(means, np.array([1, 5, 2]), 0.0, mode=mode).tolist() == means.tolist()


def test_near_clusters_by_hand():
    centroids = np.array([[0.0, 0], [0.1, 0], [0, 0.15], [0.2, 0], [3, 3]], dtype=np.float32)
    others, parts = near_clusters(centroids, 0, 0.2)
    # the fourth is at 0.2 as a float32, a little beyond
    assert others.tolist() == [1, 2]
    assert parts == pytest.approx([0.5, 0.25], abs=1e-6)
    assert near_clusters(centroids, 4, 0.2)[0].tolist() == []
    assert near_clusters(centroids, 0, 0.0)[0].tolist() == []


def test_near_clusters_as_one_by_one():
    centroids = np.random.default_rng(0).uniform(size=(60, 2)).astype(np.float32)
    for c in range(60):
        others, parts = near_clusters(centroids, c, 0.3)
        found = dict(zip(others.tolist(), parts.tolist(), strict=True))
        for other in range(60):
            d = np.linalg.norm(centroids[c].astype(float) - centroids[other].astype(float))
            if other != c and d < 0.3:
                assert found.pop(other) == pytest.approx(1 - d / 0.3)
        assert not found


def test_only_pulls_count_as_pulls():
    arms = Arms.of(3)
    arms.pulled(0, 0.4)
    arms.shared(np.array([1]), np.array([0.5]), 0.4)
    arms.pulled(0, None)
    assert arms.pulls.tolist() == [2, 0, 0]
    assert arms.means.tolist() == [0.4, 0.2, 0.0]
    arms.pulled(1, -0.4)
    assert arms.means == pytest.approx([0.4, -0.1, 0.0])
