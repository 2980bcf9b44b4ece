import numpy as np
import pytest
from imblearn.under_sampling import AllKNN
from instance_selection import blobs, own_size, pool_of

from sluice.subsets.instance_selection.all_knn import all_knn, passes


@pytest.mark.parametrize(
    ("kind_sel", "k", "classes"),
    # of a majority only where no votes tie: there the lower class number decides with theirs
    [*(("all", k, c) for k in (1, 3, 5) for c in (2, 3)), ("mode", 1, 3)],
)
def test_keeps_what_imbalanced_learn_keeps(kind_sel, k, classes):
    rows, labels = blobs(300, 5, classes, 10 + k, spread=0.6)
    theirs = AllKNN(sampling_strategy="all", n_neighbors=k, kind_sel=kind_sel, allow_minority=True)
    theirs.fit_resample(rows, labels)
    ours = own_size(all_knn, pool_of(rows, labels), n_neighbors=k, kind_sel=kind_sel)
    assert ours == set(theirs.sample_indices_.tolist())
    assert 0 < len(ours) < 300


def test_rows_of_later_passes_come_back_before_those_of_earlier_ones():
    rows, labels = blobs(200, 3, 2, 1, spread=0.7)
    dropped_in = passes(rows, labels, 3, "all")
    assert set(dropped_in.tolist()) == {0, 1, 2, 3}
    order = all_knn(pool_of(rows, labels), 200, 0).positions
    rank = np.where(dropped_in[order] == 0, 4, dropped_in[order])
    for c in (0, 1):
        assert (np.diff(rank[labels[order] == c]) <= 0).all()


def test_stops_where_a_class_is_lost_or_too_few_rows_are_left():
    # alternating: the first pass drops everything, so it is the last
    rows = np.arange(6, dtype=np.float32)[:, None]
    labels = np.arange(6) % 2
    assert passes(rows, labels, 3, "all").tolist() == [1] * 6
    assert own_size(all_knn, pool_of(rows, labels)) == set()
    # two rows survive a pass of one neighbour; a pass of two would need three
    rows = np.array([[0.0], [1.0], [1.5], [3.0]], dtype=np.float32)
    left = passes(rows, np.array([0, 0, 1, 1]), 3, "all")
    assert left.tolist() == [0, 1, 1, 0]
