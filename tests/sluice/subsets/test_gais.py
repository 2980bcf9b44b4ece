from dataclasses import replace

import numpy as np
import pytest

from sluice.core.errors import ConfigError, UnknownNameError
from sluice.scores.graph_attention.gat_scores import NAMES
from sluice.subsets.contract import Pool
from sluice.subsets.covering.k_medoids import k_medoids
from sluice.subsets.quotas import class_quotas
from sluice.subsets.registry import SELECTORS
from sluice.subsets.runner import run

GAIS = SELECTORS["gais"]


def pool_of(n=120, classes=3, seed=0):
    """Scores out of thin air, with ties: the selector's own work, without a network."""
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.integers(0, classes, n) * rng.integers(0, 2, n))
    scores = {name: rng.integers(0, 9, n) / 8 for name in NAMES}
    scores["gat_agreement"] = (rng.random(n) < 0.7).astype(float)
    ids = np.array([f"{i:04d}" for i in range(n)])
    rows = rng.normal(size=(n, 3)).astype(np.float32)
    return Pool(ids, rows, labels, None, scores, ("a", "b", "c"))


def kept(pool, budget, seed=0, **options):
    return run(GAIS, pool, budget, seed, **options)


@pytest.mark.parametrize("score", NAMES)
def test_the_highest_of_each_class_under_its_quota(score):
    pool = pool_of()
    quotas = class_quotas(np.bincount(pool.labels), 17)
    expected = set()
    for c, quota in enumerate(quotas):
        members = [i for i in range(120) if pool.labels[i] == c]
        members.sort(key=lambda i: (-pool.scores[score][i], pool.ids[i]))
        expected |= {str(pool.ids[i]) for i in members[:quota]}
    found = kept(pool, 17, score=score)
    assert set(found.ids.tolist()) == expected
    places = found.ids.astype(int)
    assert found.gains.tolist() == pool.scores[score][places].tolist()


def test_global_takes_the_highest_of_all_after_the_best_of_each_class():
    pool = pool_of()
    values = pool.scores["attention"]
    ranking = sorted(range(120), key=lambda i: (-values[i], i))
    first = [next(i for i in ranking if pool.labels[i] == c) for c in range(3)]
    first.sort(key=lambda i: -int((pool.labels == pool.labels[i]).sum()))
    expected = first + [i for i in ranking if i not in first]
    whole = kept(pool, 120, rank="global").ids.astype(int).tolist()
    assert whole == expected
    for budget in (1, 3, 9):
        assert kept(pool, budget, rank="global").ids.astype(int).tolist() == expected[:budget]


def test_the_reason_names_the_score_the_place_and_what_the_networks_say():
    pool = pool_of()
    best = kept(pool, 3)
    i = int(best.ids[0])
    size = int((pool.labels == pool.labels[i]).sum())
    assert best.reasons[0] == (
        f"Attention received {pool.scores['attention'][i]:.4g}: number 1 of {size} in class "
        f"'{'abc'[pool.labels[i]]}'. Unseen, the networks give its label "
        f"{pool.scores['gat_confidence'][i]:.2f}."
    )


def test_diverse_drops_what_the_networks_deny():
    pool = pool_of()
    found = kept(pool, 15, diverse=True)
    places = found.ids.astype(int)
    assert (pool.scores["gat_agreement"][places] == 1).all()
    assert (
        np.bincount(pool.labels[places]).tolist()
        == class_quotas(np.bincount(pool.labels), 15).tolist()
    )
    assert found.gains.sum() == pool.scores["gat_agreement"].sum(), "clusters are what is left"
    assert all("do not deny its label" in reason for reason in found.reasons)


def test_diverse_with_nothing_edited_and_equal_weights_is_k_medoids():
    pool = pool_of()
    even = {"gat_agreement": np.ones(120), "attention": np.full(120, 0.25)}
    pool = replace(pool, scores={**pool.scores, **even})
    found = kept(pool, 15, seed=3, diverse=True)
    expected = k_medoids(pool, 15, 3)
    assert found.ids.tolist() == pool.ids[expected.positions].tolist()
    assert found.gains.tolist() == expected.gains.tolist()


def test_a_class_below_its_quota_gets_denied_rows_back_most_confident_first():
    pool = pool_of()
    members = np.flatnonzero(pool.labels == 1)
    agreement = pool.scores["gat_agreement"].copy()
    agreement[members] = 0
    agreement[members[4]] = 1
    pool = replace(pool, scores={**pool.scores, "gat_agreement": agreement})
    quota = int(class_quotas(np.bincount(pool.labels), 40)[1])
    confidence = pool.scores["gat_confidence"]
    denied = sorted(set(members.tolist()) - {members[4]}, key=lambda i: (-confidence[i], i))
    expected = {members[4], *denied[: quota - 1]}
    found = kept(pool, 40, diverse=True)
    places = found.ids.astype(int)
    assert {i for i in places.tolist() if pool.labels[i] == 1} == expected
    told = [r for i, r in zip(places, found.reasons, strict=True) if agreement[i] == 0]
    assert len(told) >= quota - 1
    assert all("deny its label" in r and "below its quota" in r for r in told)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"score": "attentoin"}, UnknownNameError, "attention"),
        ({"rank": "all"}, ConfigError, "'class' or 'global'"),
        ({"diverse": "yes"}, ConfigError, "true or false"),
        ({"diverse": True, "rank": "global"}, ConfigError, "leave out"),
    ],
)
def test_wrong_options_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        kept(pool_of(), 5, **options)
