from dataclasses import replace

import numpy as np
import pytest

from sluice.core.errors import BudgetError, ConfigError, DataError, UnknownNameError
from sluice.subsets.contract import Picks, Pool
from sluice.subsets.registry import SELECTORS, selector, selectors_for
from sluice.subsets.runner import run

RANDOM, K_CENTER = SELECTORS["random_stratified"], SELECTORS["k_center"]


def returning(picks, base=RANDOM):
    return replace(base, core=lambda pool, budget, seed, **options: picks)


def picks_of(positions):
    return Picks(
        np.array(positions, dtype=np.int64), np.ones(len(positions)), ["Why."] * len(positions)
    )


def test_core_sees_the_pool_sorted_by_id(digits):
    seen = {}

    def core(pool, budget, seed):
        seen["pool"] = pool
        return picks_of(range(budget))

    pool = digits.pool()
    kept = run(replace(K_CENTER, core=core, options={}), pool, 5, 0)
    order = np.argsort(pool.ids)
    assert kept.ids.tolist() == pool.ids[order][:5].tolist()
    assert np.array_equal(seen["pool"].ids, pool.ids[order])
    assert np.array_equal(seen["pool"].embeddings, pool.embeddings[order])
    assert np.array_equal(seen["pool"].labels, pool.labels[order])
    assert np.array_equal(seen["pool"].scores["margin"], pool.scores["margin"][order])
    assert np.array_equal(seen["pool"].graph.ids, pool.ids[order])


def test_fewer_usable_rows_are_returned_with_a_note(digits_pool):
    kept = run(returning(picks_of([3, 1]), K_CENTER), digits_pool, 5, 0)
    assert len(kept.ids) == 2
    assert "2 rows of the 5 asked for" in kept.note


@pytest.mark.parametrize(
    ("positions", "message"),
    [([1, 1], "twice"), ([300], "does not exist"), ([-1], "does not exist"), ([0, 1, 2], "3 rows")],
)
def test_faulty_cores_are_refused(positions, message, digits_pool):
    with pytest.raises(RuntimeError, match=message):
        run(returning(picks_of(positions), K_CENTER), digits_pool, 2, 0)


def test_weights_are_those_of_the_method_or_one(digits_pool):
    weighed = replace(picks_of([4, 2]), weights=np.array([0.5, 3]))
    assert run(returning(weighed, K_CENTER), digits_pool, 2, 0).weights.tolist() == [0.5, 3.0]
    assert run(K_CENTER, digits_pool, 2, 0).weights.tolist() == [1.0, 1.0]
    for wrong in ([1.0], [1.0, 0.0], [1.0, np.nan], [[1.0, 2.0]]):
        with pytest.raises(RuntimeError, match="weights that are not one above 0 a row"):
            run(returning(replace(weighed, weights=np.array(wrong)), K_CENTER), digits_pool, 2, 0)


def test_a_core_that_forgets_a_class_is_refused(digits_pool):
    order = np.argsort(digits_pool.ids)
    zeros = np.flatnonzero(digits_pool.labels[order] == 0)[:20]
    with pytest.raises(RuntimeError, match="left out a class"):
        run(returning(picks_of(zeros)), digits_pool, 20, 0)


def test_options_are_known_ones(digits_pool):
    with pytest.raises(UnknownNameError, match=r"option of k_center 'stat'. Did you mean start"):
        run(K_CENTER, digits_pool, 2, 0, stat="x")
    start = str(digits_pool.ids[7])
    assert run(K_CENTER, digits_pool, 2, 0, start=start).ids[0] == start


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embeddings": None}, "k_center needs embeddings: give vectors"),
        ({"ids": np.array(["a"] * 300)}, "'a' occurs twice"),
        ({"ids": np.array([], dtype=str)}, "at least one row"),
        ({"embeddings": np.ones((299, 3), np.float32)}, "one vector for each of 300 rows"),
        ({"embeddings": np.full((300, 3), np.nan, np.float32)}, "embedding of row 0 is not finite"),
        ({"labels": np.ones(300)}, "type float64"),
        ({"labels": np.full(300, -1)}, "class code from 0"),
        ({"scores": {"margin": np.full(300, np.inf)}}, "score 'margin'"),
    ],
)
def test_unusable_pools(change, message, digits_pool):
    with pytest.raises(DataError, match=message):
        run(K_CENTER, replace(digits_pool, **change), 2, 0)


def test_what_a_method_needs_must_be_there(digits_pool):
    bare = Pool(digits_pool.ids)
    for name, what in {
        "random_stratified": "labels", "facility_location": "graph", "margin": "scores margin",
    }.items():  # fmt: skip
        with pytest.raises(DataError, match=f"{name} needs {what}"):
            run(SELECTORS[name], bare, 2, 0)


def test_graph_must_be_over_the_same_rows(digits_pool):
    ids = digits_pool.ids.copy()
    ids[[0, 1]] = ids[[1, 0]]
    with pytest.raises(DataError, match="graph is not over the pool's ids"):
        run(K_CENTER, replace(digits_pool, ids=ids), 2, 0)


def test_budget_and_seed_are_checked(digits_pool):
    with pytest.raises(BudgetError, match="more than the 300 rows"):
        run(K_CENTER, digits_pool, 301, 0)
    for seed in ("0", 1.0, True, None):
        with pytest.raises(ConfigError, match="give an integer"):
            run(K_CENTER, digits_pool, 1, seed)
    assert run(K_CENTER, digits_pool, "4%", np.int64(0)).ids.shape == (12,)


def test_without_a_budget_only_methods_that_size_themselves(digits_pool):
    with pytest.raises(BudgetError, match="k_center needs a budget: it has no size of its own"):
        run(K_CENTER, digits_pool, None, 0)
    seen = []

    def core(pool, budget, seed):
        seen.append(budget)
        return picks_of([4, 2, 7])

    own = replace(RANDOM, core=core, sized=True)
    kept = run(own, digits_pool, None, 0)
    assert seen == [None]
    assert kept.ids.tolist() == np.sort(digits_pool.ids)[[4, 2, 7]].tolist()


def test_classes_that_a_method_without_a_budget_loses_are_named(digits_pool):
    order = np.argsort(digits_pool.ids)
    labels = digits_pool.labels[order]
    for lost in ([], [9], [3, 8]):
        stay = np.flatnonzero(~np.isin(labels, lost))
        kept = run(replace(returning(picks_of(stay)), sized=True), digits_pool, None, 0)
        names = ", ".join(f"'digit {c}'" for c in lost)
        assert (kept.note == "") if not lost else (f"keeps no row of class {names};" in kept.note)
    nothing = run(replace(returning(picks_of([])), sized=True), digits_pool, None, 0)
    assert len(nothing.ids) == 0
    assert "'digit 0', 'digit 1'" in nothing.note
    unlabelled = replace(digits_pool, labels=None)
    assert (
        run(replace(returning(picks_of([1]), K_CENTER), sized=True), unlabelled, None, 0).note == ""
    )


def test_faulty_cores_are_refused_without_a_budget_too(digits_pool):
    for picks, message in [
        (picks_of([1, 1]), "twice"),
        (Picks(np.array([1, 2]), np.ones(1), ["Why.", "Why."]), "2 rows with 1 gains"),
        (Picks(np.array([1, 2]), np.ones(2), ["Why."]), "1 reasons"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            run(replace(returning(picks), sized=True), digits_pool, None, 0)


def test_a_strict_floor_names_the_least_possible_budget(digits_pool):
    assert len(run(RANDOM, digits_pool, 9, 0).ids) == 9
    with pytest.raises(BudgetError, match=r"budget of 9 rows .* least possible budget is 10"):
        run(RANDOM, digits_pool, 9, 0, strict_floor=True)
    with pytest.raises(BudgetError, match=r"budget of 3 rows .* least possible budget is 10"):
        run(RANDOM, digits_pool, "1%", 0, strict_floor=True)
    assert len(run(RANDOM, digits_pool, 10, 0, strict_floor=True).ids) == 10
    assert len(run(K_CENTER, digits_pool, 2, 0, strict_floor=True).ids) == 2
    few = replace(digits_pool, graph=None)
    few = replace(few, labels=np.where(few.labels < 5, 0, 7))  # classes present, not codes
    assert len(run(RANDOM, few, 2, 0, strict_floor=True).ids) == 2
    own = replace(returning(picks_of([0])), sized=True)
    assert len(run(own, digits_pool, None, 0, strict_floor=True).ids) == 1


def test_registry_names():
    for task, names in {
        "text": {
            "random_stratified", "k_center", "k_medoids", "facility_location", "margin", "density",
        },
        "tabular": {
            "random_stratified", "k_medoids", "facility_location", "cnn", "enn", "all_knn",
            "drop3", "icf", "lss", "lsbo", "ldis", "cdis",
        },
    }.items():  # fmt: skip
        methods = selectors_for(task)
        assert names <= {method.name for method in methods}
        assert methods == [m for m in SELECTORS.values() if task in m.tasks]
    assert {m.name for m in SELECTORS.values() if m.sized} == {
        "cnn", "enn", "all_knn", "drop3", "icf", "lss", "lsbo", "ldis", "cdis",
        "t_frex", "cdis_per_feature",
    }  # fmt: skip
    with pytest.raises(UnknownNameError, match="Did you mean k_center"):
        selector("k_centre")
    with pytest.raises(UnknownNameError, match="Unknown task 'video'"):
        selectors_for("video")
