"""What every registered selector must hold; a new one is tested by being registered."""

import numpy as np
import pytest

from sluice.subsets import runner as shell
from sluice.subsets.registry import SELECTORS
from sluice.testing import check_selector

SHORT = {
    "subset_search": {"evaluations": 20, "target": "one_nearest_neighbour"},
    "gais": {"networks": 2, "epochs": 5},
    "deita_filter": {"fill": True},
}
"""Options with which a method takes less time, or fills its budget."""
pairs = [(method, task) for method in SELECTORS.values() for task in sorted(method.tasks)]


def each(*chosen):
    """Every method in every task that it belongs to, or those of some pairs."""
    return pytest.mark.parametrize(
        ("method", "task"), chosen, ids=[f"{method.name}-{task}" for method, task in chosen]
    )


every = each(*pairs)
tabular = each(*(pair for pair in pairs if pair[1] == "tabular"))
sized = each(*(pair for pair in pairs if pair[0].sized and "features" not in pair[0].needs))
by_features = each(*(pair for pair in pairs if pair[0].sized and "features" in pair[0].needs))


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("sluice.subsets.search.teacher.TREES", 20)


def run(method, pool, budget, seed, **options):
    return shell.run(method, pool, budget, seed, **SHORT.get(method.name, {}), **options)


def same(one, other):
    return (
        one.ids.tolist() == other.ids.tolist()
        and one.gains.tolist() == other.gains.tolist()
        and one.reasons == other.reasons
    )


@every
@pytest.mark.parametrize("data", ["digits", "copies", "equal"])
def test_it_keeps_its_contract(method, task, data, request):
    content = request.getfixturevalue(data)

    def make(positions):
        whole = len(positions) == len(content.ids) and (np.diff(positions) == 1).all()
        return content.pool_for(task, method, None if whole else positions)

    check_selector(method, make, len(content.ids), **SHORT.get(method.name, {}))


@every
@pytest.mark.parametrize("data", ["copies", "equal"])
@pytest.mark.parametrize("share", [0.1, 0.5, 1])
def test_equal_rows_are_picked_once_each(method, task, data, share, request):
    pool = request.getfixturevalue(data).pool_for(task, method)
    budget = int(share * len(pool.ids))
    kept = run(method, pool, budget, 0)
    assert len(set(kept.ids)) == budget


@tabular
@pytest.mark.parametrize("budget", [4, 5, 9, 53])
def test_odd_tables(method, task, budget, odd):
    """Tiny classes, copies with two labels, a constant column: the budget and the floor hold."""
    kept = run(method, odd.pool_for(task, method), budget, 0, strict_floor=True)
    label = dict(zip(odd.ids, odd.labels, strict=True))
    assert len(set(kept.ids)) == budget
    if method.class_floor:
        assert {label[i] for i in kept.ids} == {0, 1, 2, 3}
    order = np.random.default_rng(1).permutation(53)
    assert same(run(method, odd.pool_for(task, method, order), budget, 0), kept)


@sized
@pytest.mark.parametrize("data", ["digits", "copies", "equal", "odd"])
def test_own_size_is_what_every_budget_starts_from(method, task, data, request):
    content = request.getfixturevalue(data)
    own = run(method, content.pool_for(task, method), None, 0)
    assert len(set(own.ids)) == len(own.ids) == len(own.gains)
    assert all("that the method keeps of class" in reason for reason in own.reasons)
    label = dict(zip(content.ids, content.labels, strict=True))
    lost = set(content.labels.tolist()) - {label[i] for i in own.ids}
    assert ("keeps no row of class" in own.note) == bool(lost)
    whole = run(method, content.pool_for(task, method), "100%", 0)
    for c in np.unique(content.labels):
        mine = [i for i in whole.ids if label[i] == c]
        kept = [i for i in own.ids if label[i] == c]
        assert mine[: len(kept)] == kept
    order = np.random.default_rng(2).permutation(len(content.ids))
    assert same(run(method, content.pool_for(task, method, order), None, 0), own)


@by_features
@pytest.mark.parametrize("data", ["digits", "copies", "equal"])
def test_own_size_begins_every_ranking_by_features(method, task, data, request):
    content = request.getfixturevalue(data)
    own = run(method, content.pool_for(task, method), None, 0)
    assert 0 < len(own.ids) <= len(content.ids)
    whole = run(method, content.pool_for(task, method), "100%", 0)
    assert whole.ids[: len(own.ids)].tolist() == own.ids.tolist()
    order = np.random.default_rng(2).permutation(len(content.ids))
    assert same(run(method, content.pool_for(task, method, order), None, 0), own)


@tabular
def test_a_class_alone(method, task, odd):
    kept = run(method, odd.pool_for(task, method, np.arange(30)), 7, 0)
    assert len(set(kept.ids)) == 7


@pytest.mark.parametrize("name", ["k_center", "facility_location", "margin"])
def test_pure_ties_go_by_id(name, equal):
    pool = equal.pool()
    if name == "margin":
        pool.scores["margin"][:] = 0.5
    kept = run(SELECTORS[name], pool, 12, 0)
    assert kept.ids.tolist() == sorted(equal.ids)[:12]


def test_it_makes_a_pool_of_its_own():
    check_selector(SELECTORS["k_center"])
    with pytest.raises(AssertionError, match="give `make`"):
        check_selector(SELECTORS["mig"])


@pytest.mark.parametrize("method", list(SELECTORS.values()), ids=list(SELECTORS))
def test_it_is_for_a_task(method):
    assert SELECTORS[method.name] is method
    assert method.tasks
