import numpy as np
import pytest
from hypothesis import given, settings
from imblearn.under_sampling import EditedNearestNeighbours
from instance_selection import blobs, grids, own_size, pool_of, ranked_others, without_noise

from sluice.core.errors import ConfigError
from sluice.subsets.instance_selection.enn import enn


@pytest.mark.parametrize("kind_sel", ["all", "mode"])
@pytest.mark.parametrize("k", [1, 3, 4])
@pytest.mark.parametrize("classes", [2, 4])
def test_keeps_what_imbalanced_learn_keeps(kind_sel, k, classes):
    rows, labels = blobs(300, 5, classes, k)
    theirs = EditedNearestNeighbours(sampling_strategy="all", n_neighbors=k, kind_sel=kind_sel)
    theirs.fit_resample(rows, labels)
    ours = own_size(enn, pool_of(rows, labels), n_neighbors=k, kind_sel=kind_sel)
    assert ours == set(theirs.sample_indices_.tolist())
    assert 0 < len(ours) < 300


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
