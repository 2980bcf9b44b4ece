from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.subsets.quotas import class_quotas, class_sequence, interleave

sizes_lists = st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(lambda s: sum(s) > 0)


def rounded_half_up(x):
    return int(x + Fraction(1, 2))


def by_divisor(sizes, budget):
    """All quotas that some divisor gives, with a floor of one and no more than the class has.

    Between two jump points of the rounding the quotas are constant, so a divisor just above,
    and just below, each jump point is every divisor.
    """
    jumps = sorted({Fraction(2 * s, 2 * k + 1) for s in sizes if s for k in range(s + 1)})
    least = min(b - a for a, b in pairwise(jumps))
    found = set()
    for jump in jumps:
        for divisor in (jump - least / 3, jump, jump + least / 3):
            quotas = [
                min(s, max(1, rounded_half_up(Fraction(s) / divisor))) if s else 0 for s in sizes
            ]
            if sum(quotas) == budget:
                found.add(tuple(quotas))
    return found


@settings(deadline=None)
@given(sizes_lists, st.data())
def test_quotas_are_what_a_divisor_search_finds(sizes, data):
    classes = sum(s > 0 for s in sizes)
    budget = data.draw(st.integers(classes, sum(sizes)))
    quotas = class_quotas(np.array(sizes), budget).tolist()
    found = by_divisor(sizes, budget)
    if found:  # no divisor hits the budget exactly where classes tie
        assert len(found) == 1
        assert tuple(quotas) in found


@settings(deadline=None)
@given(sizes_lists, st.data())
def test_quotas_are_exact_capped_floored_and_fair(sizes, data):
    budget = data.draw(st.integers(0, sum(sizes)))
    quotas = class_quotas(np.array(sizes), budget)
    assert quotas.sum() == budget
    assert (quotas <= sizes).all()
    present = np.array(sizes) > 0
    if budget >= present.sum():
        assert (quotas[present] >= 1).all()
        # moving a place from one class to another never serves the fairer quotient
        worst_kept = min(
            (Fraction(s, 2 * q - 1) for s, q in zip(sizes, quotas.tolist(), strict=True) if q > 1),
            default=None,
        )
        best_left = max(
            (Fraction(s, 2 * q + 1) for s, q in zip(sizes, quotas.tolist(), strict=True) if q < s),
            default=None,
        )
        assert worst_kept is None or best_left is None or best_left <= worst_kept
    else:
        assert quotas.max() <= 1


@settings(deadline=None)
@given(sizes_lists)
def test_quotas_are_nested(sizes):
    whole = class_sequence(np.array(sizes), sum(sizes))
    for budget in range(sum(sizes)):
        step = class_quotas(np.array(sizes), budget + 1) - class_quotas(np.array(sizes), budget)
        assert sorted(step.tolist())[-1] == 1
        assert np.abs(step).sum() == 1
        assert class_sequence(np.array(sizes), budget).tolist() == whole[:budget].tolist()


def test_known_example():
    # seats of a parliament: 53, 24, 23 of 100 for 7 places by Sainte-Lague
    assert class_quotas(np.array([53, 24, 23]), 7).tolist() == [3, 2, 2]
    assert class_sequence(np.array([2, 5, 5]), 3).tolist() == [1, 2, 0]


def test_budget_beyond_the_rows_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        class_sequence(np.array([2, 3]), 6)


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 99), st.data())
def test_interleave_takes_the_best_of_each_class(labels, seed, data):
    labels = np.array(labels)
    ranking = np.random.default_rng(seed).permutation(len(labels))
    budget = data.draw(st.integers(1, len(labels)))
    kept = interleave(labels, ranking, budget)
    quotas = class_quotas(np.bincount(labels), budget)
    for c, quota in enumerate(quotas):
        best = [p for p in ranking if labels[p] == c][:quota]
        assert [p for p in kept if labels[p] == c] == best
