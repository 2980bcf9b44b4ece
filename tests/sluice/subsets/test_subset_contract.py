"""What every registered selector must hold; a new one is tested by being registered."""

import numpy as np
import pytest

from sluice.subsets.registry import SELECTORS
from sluice.subsets.shell import run

every = pytest.mark.parametrize("method", list(SELECTORS.values()), ids=list(SELECTORS))
BUDGETS = [1, 2, 10, 11, 37, 299, 300]


def same(one, other):
    return (
        one.ids.tolist() == other.ids.tolist()
        and one.gains.tolist() == other.gains.tolist()
        and one.reasons == other.reasons
    )


@every
@pytest.mark.parametrize("budget", BUDGETS)
def test_exact_budget_unique_subset_with_gain_and_reason(method, budget, digits_pool):
    kept = run(method, digits_pool, budget, 0)
    assert len(kept.ids) == len(kept.gains) == len(kept.reasons) == budget
    assert len(set(kept.ids)) == budget
    assert set(kept.ids) <= set(digits_pool.ids)
    assert np.isfinite(kept.gains).all()
    assert kept.note == ""
    for reason in kept.reasons:
        assert reason[0].isupper()
        assert reason.endswith(".")
        assert any(c.isdigit() for c in reason), "a reason says something of this very row"


@every
@pytest.mark.parametrize("budget", BUDGETS)
def test_class_floor_where_it_binds(method, budget, digits_pool):
    if not method.class_floor:
        assert "labels" not in method.needs, "what reads labels keeps every class"
        return
    label = dict(zip(digits_pool.ids, digits_pool.labels, strict=True))
    kept = run(method, digits_pool, budget, 0)
    assert len({label[i] for i in kept.ids}) == min(budget, 10)


@every
@pytest.mark.parametrize("data", ["digits", "copies", "equal"])
def test_row_order_does_not_matter(method, data, request):
    content = request.getfixturevalue(data)
    n = len(content.ids)
    first = run(method, content.pool(), n // 4, 3)
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(n)
        assert same(run(method, content.pool(order), n // 4, 3), first)


@every
def test_seed_reproduces_and_matters_only_where_it_says(method, digits_pool):
    first = run(method, digits_pool, 40, 0)
    assert same(run(method, digits_pool, 40, 0), first)
    others = [set(run(method, digits_pool, 40, seed).ids) for seed in (1, 2)]
    if method.stochastic:
        assert all(other != set(first.ids) for other in others)
    else:
        assert all(same(run(method, digits_pool, 40, seed), first) for seed in (1, 2))


@pytest.mark.parametrize(
    "method", [m for m in SELECTORS.values() if m.nested], ids=lambda m: m.name
)
@pytest.mark.parametrize("data", ["digits", "copies", "equal"])
def test_nested_where_it_says(method, data, request):
    pool = request.getfixturevalue(data).pool()
    whole = run(method, pool, len(pool.ids), 0)
    for budget in (1, 2, 7, 23):
        part = run(method, pool, budget, 0)
        assert part.ids.tolist() == whole.ids[:budget].tolist()
        assert part.gains.tolist() == whole.gains[:budget].tolist()


@every
@pytest.mark.parametrize("data", ["copies", "equal"])
@pytest.mark.parametrize("share", [0.1, 0.5, 1])
def test_equal_rows_are_picked_once_each(method, data, share, request):
    pool = request.getfixturevalue(data).pool()
    budget = int(share * len(pool.ids))
    kept = run(method, pool, budget, 0)
    assert len(set(kept.ids)) == budget


@pytest.mark.parametrize("name", ["k_center", "facility_location", "margin"])
def test_pure_ties_go_by_id(name, equal):
    pool = equal.pool()
    if name == "margin":
        pool.scores["margin"][:] = 0.5
    kept = run(SELECTORS[name], pool, 12, 0)
    assert kept.ids.tolist() == sorted(equal.ids)[:12]


@every
def test_one_row(method, digits):
    only = digits.pool(np.array([5]))
    assert run(method, only, 1, 0).ids.tolist() == [digits.ids[5]]


@every
def test_describes_itself(method):
    assert SELECTORS[method.name] is method
    for text in (method.summary, method.formula, method.paper, method.cost, method.version):
        assert text
        assert "\n" not in text
    assert method.tasks
    assert method.needs
