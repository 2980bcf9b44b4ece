"""The selectors that only rank: random_stratified, margin, density."""

import numpy as np

from sluice.subsets.by_score.density import density
from sluice.subsets.by_score.margin import margin
from sluice.subsets.contract import Pool
from sluice.subsets.quotas import class_quotas
from sluice.subsets.random_stratified import random_stratified


def pool_of(labels, **scores):
    ids = np.array([f"{i:05d}" for i in range(len(labels))])
    given = {name: np.asarray(values, dtype=float) for name, values in scores.items()}
    return Pool(ids, labels=np.asarray(labels), scores=given, class_names=("yes", "no", "maybe"))


def test_random_follows_quotas_and_is_fair_within_a_class():
    labels = np.repeat([0, 1, 2], [60, 30, 2])
    pool = pool_of(labels)
    times = np.zeros(92)
    for seed in range(300):
        kept = random_stratified(pool, 10, seed).positions
        assert np.array_equal(
            np.bincount(labels[kept], minlength=3), class_quotas(np.array([60, 30, 2]), 10)
        )
        times[kept] += 1
    share = times[:60].sum() / 300 / 60
    assert np.abs(times[:60] / 300 - share).max() < 5 * (share / 300) ** 0.5


def test_random_is_stable_when_rows_leave():
    labels = np.arange(200) % 2
    pool = pool_of(labels)
    kept = random_stratified(pool, 20, 0).positions
    out = np.setdiff1d(np.arange(200), kept)[:20]
    stay = np.setdiff1d(np.arange(200), out)
    fewer = Pool(pool.ids[stay], labels=labels[stay])
    again = set(fewer.ids[random_stratified(fewer, 20, 0).positions])
    # the quotas may shift by a place or two, nothing else moves
    quotas = class_quotas(np.bincount(labels[stay]), 20)
    assert len(again - set(pool.ids[kept])) == np.abs(quotas - [10, 10]).sum() // 2


def test_margin_takes_the_top_scores_and_ties_by_id():
    picks = margin(pool_of([0, 0, 1, 1, 1], margin=[0.2, 0.9, 0.5, 0.9, 0.1]), 3, 0)
    assert picks.positions.tolist() == [1, 3, 2]
    assert picks.gains.tolist() == [0.9, 0.9, 0.5]
    assert picks.reasons[2] == (
        "The head's two best classes are only 0.500 apart: number 3 of 5 in uncertainty."
    )


def test_density_takes_the_top_of_each_class():
    picks = density(pool_of([0, 0, 0, 1, 1], density=[0.3, 0.8, 0.8, 0.1, 0.2]), 4, 0)
    assert picks.positions.tolist() == [1, 4, 2, 3]
    assert picks.gains.tolist() == [0.8, 0.2, 0.8, 0.1]
    assert picks.reasons[1] == (
        "Mean cosine 0.200 to its nearest neighbours: number 1 of 2 in class 'no'."
    )
