import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.under_sampling import EditedNearestNeighbours
from instance_selection import blobs, grids, own_size, pool_of, ranked_others, without_noise

from sluice.core.errors import ConfigError
from sluice.subsets.instance_selection.all_knn import all_knn
from sluice.subsets.instance_selection.enn import enn


@pytest.mark.parametrize(
    ("kind_sel", "k", "classes"),
    # of a majority only where no votes tie: there the lower class number decides with theirs
    [*(("all", k, c) for k in (1, 3, 4) for c in (2, 4)), ("mode", 1, 4), ("mode", 3, 2)],
)
def test_keeps_what_imbalanced_learn_keeps(kind_sel, k, classes):
    rows, labels = blobs(300, 5, classes, k)
    theirs = EditedNearestNeighbours(sampling_strategy="all", n_neighbors=k, kind_sel=kind_sel)
    theirs.fit_resample(rows, labels)
    ours = own_size(enn, pool_of(rows, labels), n_neighbors=k, kind_sel=kind_sel)
    assert ours == set(theirs.sample_indices_.tolist())
    assert 0 < len(ours) < 300


COPIES = [0, 0, 10, 11, 12, 20, 21, 22], [0, 1, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("method", [enn, all_knn])
@pytest.mark.parametrize("kind_sel", ["all", "mode"])
def test_a_row_is_not_its_own_neighbour_where_equal_rows_exist(method, kind_sel):
    rows, labels = COPIES
    kept = own_size(method, pool_of(rows, labels), n_neighbors=1, kind_sel=kind_sel)
    assert kept == {2, 3, 4, 5, 6, 7}
    swapped = [1, 0, *labels[2:]]
    assert own_size(method, pool_of(rows, swapped), n_neighbors=1, kind_sel=kind_sel) == kept


@settings(max_examples=40, deadline=None)
@given(grids(), st.sampled_from(["all", "mode"]), st.permutations(range(3)))
def test_names_of_classes_do_not_matter(table, kind_sel, names):
    rows, labels = table
    renamed = np.array(names)[labels]
    for method in (enn, all_knn):
        one = own_size(method, pool_of(rows, labels), n_neighbors=4, kind_sel=kind_sel)
        assert own_size(method, pool_of(rows, renamed), n_neighbors=4, kind_sel=kind_sel) == one


@settings(max_examples=40, deadline=None)
@given(grids())
def test_all_is_the_naive_rule(table):
    rows, labels = table
    kept = own_size(enn, pool_of(rows, labels))
    for i in range(len(rows)):
        near = ranked_others(rows, i, range(len(rows)))[:3]
        assert (i in kept) == all(labels[j] == labels[i] for j in near)
    assert own_size(enn, pool_of(rows, labels), kind_sel="mode") == set(
        without_noise(rows, labels, 3)
    )


def test_majority_is_wilsons_rule():
    rows, labels = blobs(120, 4, 2, 5)
    kept = own_size(enn, pool_of(rows, labels), kind_sel="mode")
    assert kept == set(without_noise(rows, labels, 3))


@settings(max_examples=40, deadline=None)
@given(grids())
def test_gain_is_the_margin_of_the_vote_and_the_worst_come_last(table):
    rows, labels = table
    picks = enn(pool_of(rows, labels), len(rows), 0)
    for position, gain in zip(picks.positions.tolist(), picks.gains, strict=True):
        near = [labels[j] for j in ranked_others(rows, position, range(len(rows)))[:3]]
        strongest = max((near.count(c) for c in range(3) if c != labels[position]), default=0)
        assert gain == (near.count(labels[position]) - strongest) / max(1, len(near))
    kept = own_size(enn, pool_of(rows, labels))
    for c in np.unique(labels):
        order = [p for p in picks.positions.tolist() if labels[p] == c]
        own = kept & set(order)
        assert set(order[: len(own)]) == own


def test_reasons_and_a_vanished_class():
    pool = pool_of([0, 1, 2, 3, 1.4], [0, 0, 0, 0, 1], ("yes", "no"))
    assert own_size(enn, pool) < {0, 1, 2, 3}
    picks = enn(pool, 2, 0)
    at = picks.positions.tolist().index(4)
    assert picks.reasons[at] == (
        "Of its 3 nearest rows 0 are of its class: put back, because the method keeps 0 of class "
        "'no' and its quota is 1."
    )


@pytest.mark.parametrize("options", [{"kind_sel": "most"}, {"n_neighbors": 0}])
def test_wrong_options(options):
    with pytest.raises(ConfigError, match="give"):
        enn(pool_of([0, 1], [0, 1]), None, 0, **options)
