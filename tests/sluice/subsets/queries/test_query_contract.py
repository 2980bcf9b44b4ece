"""What every query strategy must hold; a new one is tested by being registered."""

from dataclasses import replace

import numpy as np
import pytest

from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.heads.answering import answers_of
from sluice.heads.answers import Labelled
from sluice.subsets.queries.registry import STRATEGIES, needs_of, strategy
from sluice.subsets.runner import run

SHORT = {"expected_error_reduction": {"candidates": 12, "judges": 20}}
every = pytest.mark.parametrize("name", STRATEGIES)
NO_MODEL = [name for name in STRATEGIES if not any("answers" in n for n in needs_of(name, {}))]
WITH_MODEL = [name for name in STRATEGIES if name not in NO_MODEL]


def ask(name, pool, budget, seed=0, **options):
    return run(strategy(name), pool, budget, seed, **SHORT.get(name, {}), **options)


def same(one, other):
    return one.ids.tolist() == other.ids.tolist() and np.allclose(
        one.gains, other.gains, rtol=1e-9, atol=1e-12
    )


@every
@pytest.mark.parametrize("budget", [1, 7, 60, 200])
def test_exact_unique_unlabelled_with_gain_and_reason(name, budget, digits_asked):
    pool = digits_asked.pool_for(name)
    if name == "expected_error_reduction" and budget > 7:
        pytest.skip("a head for each row and class")
    kept = ask(name, pool, budget)
    assert len(kept.ids) == len(set(kept.ids)) == len(kept.reasons) == budget
    assert set(kept.ids) <= set(pool.ids)
    assert not set(kept.ids) & set(pool.labelled.ids)
    assert np.isfinite(kept.gains).all()
    assert not any(reason[0].islower() for reason in kept.reasons)
    assert all(reason.endswith(".") for reason in kept.reasons)


@every
@pytest.mark.parametrize("data", ["digits_asked", "copies_asked"])
def test_the_order_of_rows_and_labels_does_not_matter(name, data, request):
    content = request.getfixturevalue(data)
    first = ask(name, content.pool_for(name), 12, 3)
    order = np.random.default_rng(1).permutation(len(content.pool.ids))
    assert same(ask(name, content.pool_for(name, order), 12, 3), first)


@every
def test_nested_where_it_says_so_and_seeded_where_it_says_so(name, digits_asked):
    pool, method = digits_asked.pool_for(name), strategy(name)
    large = ask(name, pool, 20)
    if method.nested:
        assert ask(name, pool, 9).ids.tolist() == large.ids[:9].tolist()
    if not method.stochastic:
        assert same(ask(name, pool, 20, 9), large)


@every
def test_a_query_for_more_rows_than_are_unlabelled_is_refused(name, digits_asked):
    pool = digits_asked.pool_for(name)
    with pytest.raises(ConfigError, match=r"200"):
        ask(name, pool, 201)


@pytest.mark.parametrize("name", WITH_MODEL)
def test_labels_of_one_class_train_no_model(name, digits_asked):
    known = digits_asked.pool.labelled
    one = replace(known, labels=np.zeros_like(known.labels))
    with pytest.raises(DataError, match=r"All labels are of one class.*core_set"):
        answers_of(needs_of(name, {}), digits_asked.pool.embeddings, one, 0, words=len)


@pytest.mark.parametrize("name", WITH_MODEL)
def test_it_says_what_it_lacks(name, digits_asked):
    with pytest.raises(DataError, match="answers"):
        ask(name, digits_asked.pool, 3)


def test_the_tree_is_the_surveys():
    roots = {method.family[0] for method in STRATEGIES.values()}
    assert roots == {
        *("random", "data-based", "model-based", "prediction-based"),
        *("wrapper", "ensemble"),
    }
    assert len(STRATEGIES) == 25


def test_bad_answers_are_refused(digits_asked):
    pool = digits_asked.pool_for("margin")
    p = pool.answers.probabilities

    def with_answers(**parts):
        return replace(pool, answers=replace(pool.answers, **parts))

    with pytest.raises(DataError, match=r"add up to 1"):
        ask("margin", with_answers(probabilities=p * 0.9), 3)
    with pytest.raises(DataError, match="of 199 rows; give those of the 200 rows"):
        ask("margin", with_answers(probabilities=p[1:]), 3)
    with pytest.raises(DataError, match=r"shape \(200, 10\)"):
        ask("bald", with_answers(passes=p), 3)
    bad = np.full(200, np.nan)
    with pytest.raises(DataError, match="'separation' of row 0 are not finite"):
        ask("hyperplane", with_answers(separation=bad), 3)


def test_bad_labelled_rows_are_refused(digits_asked):
    pool = digits_asked.pool_for("core_set")
    known = pool.labelled

    def with_known(**parts):
        return replace(pool, labelled=replace(known, **parts))

    with pytest.raises(DataError, match="'id-0001' is among the labelled rows and among"):
        ask("core_set", with_known(ids=np.array(["id-0001", *known.ids[1:]])), 3)
    with pytest.raises(DataError, match="occurs twice"):
        ask("core_set", with_known(ids=np.repeat(known.ids[:1], 40)), 3)
    with pytest.raises(DataError, match=r"of the labelled rows hold .* give classes from 0 to 9"):
        ask("core_set", with_known(labels=known.labels + 5), 3)
    with pytest.raises(DataError, match="embed both alike"):
        ask("core_set", with_known(embeddings=known.embeddings[:, :5]), 3)


def test_strategies_that_need_no_model_start_without_a_label(digits_asked):
    none = Labelled(np.empty(0, "U1"), np.empty((0, 64), np.float32), np.empty(0, np.int64), 10)
    pool = replace(digits_asked.pool, labelled=none)
    for name in NO_MODEL:
        if name in ("discriminative", "core_set"):
            continue
        assert len(ask(name, pool, 12).ids) == 12, name


def test_names_that_do_not_exist():
    with pytest.raises(UnknownNameError, match="margin"):
        strategy("margins")
    with pytest.raises(UnknownNameError):
        needs_of("seals", {"base": "nothing"})
