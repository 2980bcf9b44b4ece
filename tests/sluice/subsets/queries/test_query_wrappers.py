import numpy as np
import pytest

from sluice.core.errors import ConfigError
from sluice.subsets.queries.anchor_al import anchors, resembling
from sluice.subsets.queries.class_balancer import balanced_sequence
from sluice.subsets.queries.registry import STRATEGIES
from sluice.subsets.runner import run


def ask(name, content, budget, seed=0, **options):
    return run(STRATEGIES[name], content.pool_for(name, **options), budget, seed, **options)


@pytest.mark.parametrize("base", ["least_confidence", "core_set", "badge"])
def test_seals_with_all_neighbours_is_its_base(base, digits_asked):
    whole = ask("seals", digits_asked, 25, base=base, k=200)
    pool = digits_asked.pool_for("seals", base=base)
    assert whole.ids.tolist() == run(STRATEGIES[base], pool, 25, 0).ids.tolist()


def test_seals_picks_among_neighbours_and_then_among_the_others(digits_asked):
    pool = digits_asked.pool
    apart = np.linalg.norm(
        pool.labelled.embeddings[:, None].astype(float) - pool.embeddings, axis=2
    )
    near = set(pool.ids[np.unique(np.argsort(apart, axis=1)[:, :1])])
    kept = ask("seals", digits_asked, len(near) + 5, k=1)
    assert set(kept.ids[: len(near)]) == near
    assert not set(kept.ids[len(near) :]) & near


def test_anchors_are_few_of_each_class_and_no_copies(digits_asked, copies_asked):
    known = digits_asked.pool.labelled
    order = np.argsort(known.ids)
    at = anchors(known.of(order), 2, 0)
    per_class = np.bincount(known.labels[order][at], minlength=10)
    assert (per_class == np.minimum(2, np.bincount(known.labels, minlength=10))).all()
    few = copies_asked.pool.labelled
    chosen = few.embeddings[anchors(few, 10, 0)]
    assert len(np.unique(chosen, axis=0)) == len(chosen)


def test_resembling_keeps_the_greatest_mean_similarity(digits_asked):
    rows = digits_asked.pool.embeddings
    chosen = digits_asked.pool.labelled.embeddings[:3]
    found = resembling(rows, chosen, 10, 12)
    similarity = rows.astype(float) @ chosen.T.astype(float)
    lists = [np.argsort(-similarity[:, a], kind="stable")[:10] for a in range(3)]
    means = {
        row: np.mean([similarity[row, a] for a in range(3) if row in lists[a]])
        for row in np.unique(np.concatenate(lists))
    }
    best = sorted(means, key=lambda row: -means[row])[:12]
    assert found.tolist() == sorted(best)
    kept = ask("anchor_al", digits_asked, 8, k=10, anchors_per_class=1, subpool=20)
    assert len(kept.ids) == 8


def test_class_balancer_levels_the_classes(digits_asked):
    got = balanced_sequence(np.array([5, 1, 3]), np.array([9, 1, 9]), 6)
    assert got.tolist() == [1, 2, 2, 0, 2, 0]
    kept = ask("class_balancer", digits_asked, 30)
    pool = digits_asked.pool_for("class_balancer")
    predicted = pool.answers.probabilities.argmax(axis=1)
    at = np.searchsorted(pool.ids, kept.ids)
    known = np.bincount(pool.labelled.labels, minlength=10)
    there = np.bincount(predicted, minlength=10)
    assert predicted[at].tolist() == balanced_sequence(known, there, 30).tolist()


def test_rank_sum_adds_ranks(digits_asked):
    pool = digits_asked.pool_for("rank_sum", members=("margin", "core_set"))
    ranks = np.zeros(200)
    for name in ("margin", "core_set"):
        order = run(STRATEGIES[name], pool, 200, 0).ids
        ranks[np.searchsorted(pool.ids, order)] += np.arange(200)
    kept = run(STRATEGIES["rank_sum"], pool, 20, 0, members=("margin", "core_set"))
    assert kept.ids.tolist() == pool.ids[np.argsort(ranks, kind="stable")[:20]].tolist()


def test_wrappers_do_not_wrap_wrappers(digits_asked):
    with pytest.raises(ConfigError, match="seals cannot wrap anchor_al"):
        run(STRATEGIES["seals"], digits_asked.pool_for("margin"), 3, 0, base="anchor_al")
    with pytest.raises(ConfigError, match="two or more different names"):
        run(STRATEGIES["rank_sum"], digits_asked.pool_for("margin"), 3, 0, members=("margin",))
