"""What every registered selector must hold; a new one is tested by being registered."""

import numpy as np
import pytest

from sluice.subsets import runner as shell
from sluice.subsets.registry import SELECTORS

SHORT = {
    "subset_search": {"evaluations": 20, "target": "one_nearest_neighbour"},
    "gais": {"networks": 2, "epochs": 5},
    "deita_filter": {"fill": True},
}
"""Options with which a method takes less time, or fills its budget."""
FILLING = {"quad", "t_frex", "cdis_per_feature"}
"""Methods that say how, or by what other rule, they fill their budget."""
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
BUDGETS = [1, 2, 10, 11, 37, 299, 300]


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
@pytest.mark.parametrize("budget", BUDGETS)
def test_exact_budget_unique_subset_with_gain_and_reason(method, task, budget, digits):
    kept = run(method, digits.pool_for(task, method), budget, 0)
    assert len(kept.ids) == len(kept.gains) == len(kept.reasons) == budget
    assert len(set(kept.ids)) == budget
    assert set(kept.ids) <= set(digits.ids)
    assert np.isfinite(kept.gains).all()
    assert kept.note == "" or method.name in FILLING
    for reason in kept.reasons:
        assert reason[0].isupper()
        assert reason.endswith(".")
        assert any(c.isdigit() for c in reason), "a reason says something of this very row"


@every
@pytest.mark.parametrize("budget", BUDGETS)
def test_class_floor_where_it_binds(method, task, budget, digits):
    if not method.class_floor:
        assert "labels" not in method.needs, "what reads labels keeps every class"
        return
    label = dict(zip(digits.ids, digits.labels, strict=True))
    kept = run(method, digits.pool_for(task, method), budget, 0)
    assert len({label[i] for i in kept.ids}) == min(budget, 10)


@every
@pytest.mark.parametrize("data", ["digits", "copies", "equal"])
def test_row_order_does_not_matter(method, task, data, request):
    content = request.getfixturevalue(data)
    n = len(content.ids)
    first = run(method, content.pool_for(task, method), n // 4, 3)
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(n)
        assert same(run(method, content.pool_for(task, method, order), n // 4, 3), first)


@every
def test_seed_reproduces_and_matters_only_where_it_says(method, task, digits):
    pool = digits.pool_for(task, method)
    first = run(method, pool, 40, 0)
    assert same(run(method, pool, 40, 0), first)
    others = [set(run(method, pool, 40, seed).ids) for seed in (1, 2)]
    if method.stochastic:
        assert all(other != set(first.ids) for other in others)
    else:
        assert all(same(run(method, pool, 40, seed), first) for seed in (1, 2))


@each(*(pair for pair in pairs if pair[0].nested))
@pytest.mark.parametrize("data", ["digits", "copies", "equal"])
def test_nested_where_it_says(method, task, data, request):
    pool = request.getfixturevalue(data).pool_for(task, method)
    whole = run(method, pool, len(pool.ids), 0)
    for budget in (1, 2, 7, 23):
        part = run(method, pool, budget, 0)
        assert part.ids.tolist() == whole.ids[:budget].tolist()
        assert part.gains.tolist() == whole.gains[:budget].tolist()


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


@every
def test_one_row(method, task, digits):
    only = digits.pool_for(task, method, np.array([5]))
    assert run(method, only, 1, 0).ids.tolist() == [digits.ids[5]]


@pytest.mark.parametrize("method", list(SELECTORS.values()), ids=list(SELECTORS))
def test_describes_itself(method):
    assert SELECTORS[method.name] is method
    for text in (method.summary, method.formula, method.paper, method.cost, method.version):
        assert text
        assert "\n" not in text
    assert method.tasks
    assert method.needs
