import numpy as np
import pytest
from instance_selection import pool_of

from sluice.core.randomness import keyed_bits
from sluice.subsets.instance_selection.condensed import condensed
from sluice.subsets.quotas import class_quotas

LABELS = np.repeat([0, 1, 2], [6, 4, 2])
KEPT = np.array([1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0], dtype=bool)
GAIN = np.array([1, 5, 3, 2, 9, 8, 7, 1, 3, 2, 4, 6], dtype=float)


def say(position):
    return f"gain {GAIN[position]:.0f}"


def run(budget, **more):
    return condensed(
        pool_of(np.zeros((12, 1)), LABELS, ("a", "b", "c")), budget, KEPT, GAIN, say, **more
    )


def in_class(picks, c):
    return [p for p in picks.positions.tolist() if LABELS[p] == c]


def test_without_a_budget_just_what_is_kept():
    picks = run(None)
    assert in_class(picks, 0) == [1, 2, 3, 0]
    assert in_class(picks, 1) == [7]
    assert in_class(picks, 2) == []
    assert picks.gains.tolist() == GAIN[picks.positions].tolist()
    assert picks.reasons[0] == "Gain 5: number 1 of the 4 that the method keeps of class 'a'."


@pytest.mark.parametrize("budget", range(1, 13))
def test_kept_rows_first_and_quotas_of_the_whole_pool(budget):
    picks = run(budget)
    assert len(set(picks.positions.tolist())) == budget
    quotas = class_quotas(np.array([6, 4, 2]), budget)
    assert [len(in_class(picks, c)) for c in range(3)] == quotas.tolist()
    for c, order in enumerate([[1, 2, 3, 0, 4, 5], [7, 6, 8, 9], [11, 10]]):
        assert in_class(picks, c) == order[: quotas[c]]
    assert picks.positions.tolist() == run(12).positions[:budget].tolist()


def test_reasons_of_what_is_put_back():
    picks = run(6)
    assert dict(zip(picks.positions.tolist(), picks.reasons, strict=True))[11] == (
        "Gain 6: put back, because the method keeps 0 of class 'c' and its quota is 1."
    )


def test_stages_come_before_gains():
    stage = np.array([9, 9, 9, 9, 2, 1, 2, 9, 1, 1, 2, 1])
    picks = run(12, stage=stage)
    assert in_class(picks, 0) == [1, 2, 3, 0, 5, 4]
    assert in_class(picks, 1) == [7, 8, 9, 6]


def test_equal_gains_go_by_a_hash_of_id_and_seed():
    pool = pool_of(np.zeros((20, 1)), np.zeros(20, dtype=int))
    every, level = np.ones(20, dtype=bool), np.zeros(20)
    for seed in (0, 1):
        picks = condensed(pool, 20, every, level, str, seed=seed)
        assert picks.positions.tolist() == np.argsort(keyed_bits(seed, pool.ids)).tolist()


def test_nothing_kept_at_all():
    pool = pool_of(np.zeros((3, 1)), np.zeros(3, dtype=int))
    none = np.zeros(3, dtype=bool)
    assert len(condensed(pool, None, none, np.arange(3.0), str).positions) == 0
    assert condensed(pool, 2, none, np.arange(3.0), str).positions.tolist() == [2, 1]
