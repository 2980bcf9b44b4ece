from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.subsets.clustered.cluster_budgets import largest_remainder, turns


def exactly(weights, budget, sizes):
    """Largest remainder with overflow in fractions, one cluster at a time."""
    places, free = [0] * len(sizes), [c for c in range(len(sizes)) if sizes[c]]
    left = budget
    while left:
        share = {c: Fraction(int(weights[c])) for c in free}
        if not any(share.values()):
            share = {c: Fraction(int(sizes[c])) for c in free}
        quotas = {c: share[c] * left / sum(share.values()) for c in free}
        given_ = {c: int(quotas[c]) for c in free}
        rest = sorted(free, key=lambda c: (share[c] == 0, given_[c] - quotas[c], c))
        for c in rest[: left - sum(given_.values())]:
            given_[c] += 1
        full = [c for c in free if given_[c] > sizes[c]]
        for c in full or free:
            places[c] = int(sizes[c]) if full else given_[c]
        left = left - sum(int(sizes[c]) for c in full) if full else 0
        free = [c for c in free if c not in full]
    return places


def test_worked_example():
    sizes = np.array([6, 3, 1])
    assert largest_remainder(sizes.astype(float), 5, sizes).tolist() == [3, 2, 0]


def test_overflow_is_shared_out_among_the_others_by_weight():
    # quotas 7.5, 1.5, 1: the first gives its 2, the other 8 places go 3 to 2
    assert largest_remainder(np.array([15.0, 3, 2]), 10, np.array([2, 9, 9])).tolist() == [2, 5, 3]


def test_weight_zero_gives_rows_only_where_no_other_has_any():
    weights, sizes = np.array([1.0, 0, 0]), np.array([3, 4, 2])
    assert largest_remainder(weights, 3, sizes).tolist() == [3, 0, 0]
    assert largest_remainder(weights, 6, sizes).tolist() == [3, 2, 1]


def test_a_tiny_weight_takes_no_remainder_from_others():
    weights = np.array([0.5, 0.5 - 1e-9, 1e-9])
    assert largest_remainder(weights, 7, np.array([9, 9, 9])).tolist() == [4, 3, 0]
    for scale in (1e-300, 1e300):
        assert largest_remainder(scale * weights, 7, np.array([9, 9, 9])).tolist() == [4, 3, 0]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 12)), min_size=1), st.data())
def test_as_in_exact_fractions(clusters, data):
    weights, sizes = (np.array(column) for column in zip(*clusters, strict=True))
    budget = data.draw(st.integers(0, int(sizes.sum())))
    places = largest_remainder(weights.astype(float), budget, sizes)
    assert places.sum() == budget
    assert (places <= sizes).all()
    assert places.tolist() == exactly(weights, budget, sizes)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e9), st.integers(0, 40)), min_size=1), st.data())
def test_exact_for_any_weights(clusters, data):
    weights, sizes = (np.array(column) for column in zip(*clusters, strict=True))
    budget = data.draw(st.integers(0, int(sizes.sum())))
    places = largest_remainder(weights, budget, sizes)
    assert places.sum() == budget
    assert ((places >= 0) & (places <= sizes)).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1), st.data())
def test_sizes_as_weights_stay_within_one_of_their_quotas(sizes, data):
    sizes = np.array(sizes)
    budget = data.draw(st.integers(1, int(sizes.sum())))
    places = largest_remainder(sizes.astype(float), budget, sizes)
    quotas = [Fraction(int(size) * budget, int(sizes.sum())) for size in sizes]
    # so each cluster with a quota of at least 1 is represented
    assert all(abs(place - quota) < 1 for place, quota in zip(places.tolist(), quotas, strict=True))


@pytest.mark.parametrize("budget", [-1, 7])
def test_wrong_budget(budget):
    with pytest.raises(ValueError, match="does not fit 6 rows"):
        largest_remainder(np.ones(2), budget, np.array([3, 3]))


def test_turns():
    labels = np.array([0, 1, 0, 2, 1, 0])
    kept = turns(labels, np.array([5, 4, 3, 2, 1, 0]), np.array([2, 1, 1]))
    assert kept.tolist() == [5, 4, 3, 2]
    assert turns(labels, np.array([2, 0, 4]), np.array([1, 0, 0])).tolist() == [2]
