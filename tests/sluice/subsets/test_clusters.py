import numpy as np
import pytest
from hypothesis import given, settings
from instance_selection import blobs, grids

from sluice.core.errors import ConfigError
from sluice.subsets.clustered import clusters
from sluice.subsets.clustered.clusters import candidate_counts, cluster_rows, to_centroids
from sluice.subsets.clustered.plain_vectors import position_ids


def apart(per_cluster, k, seed=0):
    """Clusters that nobody can mistake."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(k), per_cluster)
    centres = 100.0 * np.eye(k)
    return (centres[labels] + rng.normal(size=(len(labels), k))).astype(np.float32), labels


def same_parts(one, other):
    """Whether two labellings cut the rows alike, whatever the numbers."""
    return len(set(zip(one, other, strict=True))) == len(set(one)) == len(set(other))


@settings(max_examples=40, deadline=None)
@given(grids())
def test_centroids_are_means_and_labels_have_no_gap(content):
    rows, _ = content
    for k in (1, 3, len(rows), None):
        found = cluster_rows(rows, position_ids(len(rows)), 0, k)
        assert set(found.labels.tolist()) == set(range(len(found.centroids)))
        assert found.sizes.tolist() == np.bincount(found.labels).tolist()
        for c, centroid in enumerate(found.centroids):
            assert centroid == pytest.approx(rows[found.labels == c].mean(axis=0), abs=1e-5)
        distances = ((rows - found.centroids[found.labels]) ** 2).sum(axis=1)
        assert to_centroids(rows, found) == pytest.approx(distances)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [4, 8])
def test_silhouette_finds_how_many_there_are(k, seed):
    rows, labels = apart(40, k, seed)
    assert same_parts(cluster_rows(rows, position_ids(len(rows)), seed).labels, labels)


def test_silhouette_on_a_sample(monkeypatch):
    rows, labels = apart(60, 4)
    monkeypatch.setattr(clusters, "JUDGED", 40)
    assert same_parts(cluster_rows(rows, position_ids(240), 1).labels, labels)


def test_candidates():
    assert candidate_counts(3) == []
    assert candidate_counts(4) == [2]
    assert candidate_counts(1000) == [2, 4, 8, 16]
    assert candidate_counts(10**9) == [2, 4, 8, 16, 32, 64, 128]


def test_many_clusters_start_from_rows():
    rows, _ = apart(4, 150)
    found = cluster_rows(rows, position_ids(600), 0, 150)
    nearest = ((rows[:, None, :] - found.centroids[None]) ** 2).sum(axis=2).argmin(axis=1)
    # Lloyd's fixed point, though a start from rows may miss some clusters
    assert (found.labels == nearest).all()
    assert 75 < len(found.centroids) <= 150
    again = cluster_rows(rows, position_ids(600), 0, 150)
    assert again.labels.tolist() == found.labels.tolist()


def test_one_row_copies_and_more_clusters_than_rows():
    assert cluster_rows(np.ones((1, 2), np.float32), position_ids(1), 0).labels.tolist() == [0]
    for k in (None, 5, 200):
        equal = cluster_rows(np.ones((250, 2), np.float32), position_ids(250), 0, k)
        assert equal.labels.tolist() == [0] * 250


@pytest.mark.parametrize("k", [0, -3, 2.0, True])
def test_wrong_k(k):
    rows, _ = blobs(10, 2, 2, 0)
    with pytest.raises(ConfigError, match="k is"):
        cluster_rows(rows, position_ids(10), 0, k)
