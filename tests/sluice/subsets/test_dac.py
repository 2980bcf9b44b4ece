import numpy as np
import pytest
from instance_selection import blobs

from sluice.core.errors import BudgetError, DataError, UnknownNameError
from sluice.core.randomness import keyed_bits
from sluice.subsets.clustered.cluster_budgets import largest_remainder
from sluice.subsets.clustered.clusters import cluster_rows
from sluice.subsets.clustered.dac import RACE, SELECTOR, dac, logarithms, race
from sluice.subsets.clustered.plain_vectors import position_ids
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run


def three(sizes=(60, 30, 10)):
    """Clusters that nobody can mistake."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), sizes)
    return (50.0 * np.eye(3)[labels] + rng.normal(size=(sum(sizes), 3))).astype(np.float32), labels


def counts(kept, labels):
    return np.bincount(labels[kept.ids], minlength=3).tolist()


def test_budgets_follow_the_sizes_or_are_equal():
    rows, labels = three()
    quality = np.random.default_rng(1).uniform(1, 6, 100)
    paper = dac(rows, quality, 50, k=3)
    assert counts(paper, labels) == [30, 15, 5]
    assert sorted(labels[paper.ids[:3]]) == [0, 1, 2]  # clusters take turns
    assert counts(dac(rows, quality, 29, k=3, mode="reference"), labels) in (
        [10, 10, 9],
        [10, 9, 10],
    )
    # the smallest has 10 rows only: the others share what it lacks
    assert counts(dac(rows, quality, 50, k=3, mode="reference"), labels) == [20, 20, 10]
    assert counts(dac(rows, quality, "100%", k=3, mode="reference"), labels) == [60, 30, 10]


@pytest.mark.parametrize("mode", ["paper", "reference"])
@pytest.mark.parametrize("draw", ["quality", "uniform", "closest"])
@pytest.mark.parametrize("k", [None, 1, 7, 200])
def test_exact_budget_and_cluster_shares(mode, draw, k):
    rows, _ = blobs(150, 3, 4, 2)
    quality = np.random.default_rng(1).uniform(0, 6, 150)
    for budget in (1, 2, 13, 149, 150):
        kept = dac(rows, quality, budget, 3, k=k, mode=mode, draw=draw)
        assert kept.ids.dtype == np.int64
        assert len(set(kept.ids.tolist())) == len(kept.gains) == len(kept.reasons) == budget
        assert kept.note == ""
        found = cluster_rows(rows, position_ids(150), 3, k)
        weights = found.sizes if mode == "paper" else np.ones(len(found.sizes))
        places = largest_remainder(weights.astype(float), budget, found.sizes)
        got = np.bincount(found.labels[kept.ids], minlength=len(places))
        assert got.tolist() == places.tolist()


def test_closest_are_the_closest():
    rows, labels = three()
    kept = dac(rows, None, 20, k=3, draw="closest")
    for c in range(3):
        distance = np.linalg.norm(rows - rows[labels == c].mean(axis=0, dtype=np.float64), axis=1)
        own = kept.ids[labels[kept.ids] == c]
        assert set(own) == set(np.argsort(np.where(labels == c, distance, np.inf))[: len(own)])
        assert -kept.gains[labels[kept.ids] == c] == pytest.approx(distance[own])


def test_uniform_quality_draws_as_a_uniform_draw_does():
    rows, _ = three()
    for seed in range(5):
        one = dac(rows, np.full(100, 3.7), 20, seed, k=3)
        other = dac(rows, None, 20, seed, k=3, draw="uniform")
        assert one.ids.tolist() == other.ids.tolist()


def test_uniform_quality_keeps_all_rows_of_a_cluster_equally_often():
    from scipy.stats import chi2

    rows, labels = three((12, 6, 2))
    seeds = 600
    often = np.zeros(20)
    for seed in range(seeds):
        often[dac(rows, np.ones(20), 10, seed, k=3).ids] += 1
    for c, size in ((0, 12), (1, 6), (2, 2)):
        own = often[labels == c]
        assert own.sum() == seeds * size / 2
        # without replacement: the counts' variance is p (1 - p) n / (n - 1) a draw
        spread = seeds * 0.25 * size / (size - 1)
        assert ((own - seeds / 2) ** 2).sum() / spread < chi2.ppf(0.999, size - 1)


@pytest.mark.parametrize("mode", ["paper", "reference"])
def test_one_cluster_is_plain_sampling_by_quality(mode):
    from scipy.stats import chisquare

    quality = np.array([1.0, 2.0, 3.0, 0.5])
    weights = quality if mode == "paper" else np.exp(quality)
    first = np.zeros(4)
    rows = np.eye(4, dtype=np.float32)
    for seed in range(2000):
        kept = dac(rows, quality, 4, seed, k=1, mode=mode)
        first[kept.ids[0]] += 1
    assert chisquare(first, 2000 * weights / weights.sum()).pvalue > 1e-3


def test_successive_draws_without_replacement():
    from scipy.stats import chisquare

    weights = np.array([1.0, 2.0, 4.0])
    orders = {}
    for seed in range(3000):
        order = tuple(race(np.log(weights), keyed_bits(seed, position_ids(3))).tolist())
        orders[order] = orders.get(order, 0) + 1
    share = {
        (i, j, 3 - i - j): weights[i] / 7 * weights[j] / (7 - weights[i])
        for i in range(3)
        for j in range(3)
        if i != j
    }
    got = [orders[order] for order in share]
    assert chisquare(got, [3000 * p for p in share.values()]).pvalue > 1e-3


def test_quality_zero_comes_last_and_at_random():
    quality = np.array([0.0, 1e-300, 0.0, 1e300, 0.0])
    last = set()
    for seed in range(30):
        order = race(logarithms(quality), keyed_bits(seed, position_ids(5))).tolist()
        assert set(order[:2]) == {1, 3}
        last.add(tuple(order[2:]))
    assert len(last) == 6


def test_another_row_moves_no_draw():
    bits = keyed_bits(4, position_ids(50))
    quality = np.random.default_rng(0).uniform(size=50)
    all_rows = race(quality, bits)
    assert race(quality[:49], bits[:49]).tolist() == all_rows[all_rows < 49].tolist()
    assert RACE != 0  # the first number of a row keys the start of k-means


def test_reference_does_not_cut_quality_to_whole_numbers():
    # the authors' code casts to int64, so that qualities from 0 to 1 are all the same to it
    rows, quality = np.eye(2, dtype=np.float32), np.array([0.01, 0.99])
    better = sum(dac(rows, quality, 1, s, k=1, mode="reference").ids[0] for s in range(400))
    assert better / 400 == pytest.approx(np.exp(0.98) / (1 + np.exp(0.98)), abs=0.07)
    # and its unshifted exp overflows
    huge = np.array([1e5, 1e5 - 1])
    better = sum(dac(rows, huge, 1, s, k=1, mode="reference").ids[0] for s in range(400))
    assert better / 400 == pytest.approx(1 / (1 + np.e), abs=0.07)


def test_rows_without_a_quality_are_set_aside():
    rows, _ = three()
    quality = np.ones(100)
    quality[[3, 50, 99]] = np.nan, np.inf, -np.inf
    kept = dac(rows, quality, 100, k=3)
    assert set(kept.ids) == set(range(100)) - {3, 50, 99}
    assert kept.note == (
        "dac kept 97 rows of the 100 asked for: no more are usable. "
        "3 of 100 rows are set aside: quality is NaN or infinite."
    )
    nothing = dac(rows, np.full(100, np.nan), 5)
    assert len(nothing.ids) == 0
    assert "100 of 100 rows are set aside" in nothing.note


def test_reasons():
    rows, labels = three()
    quality = np.arange(1.0, 101)
    kept = dac(rows, quality, 10, k=3)
    at = kept.ids[0]
    c = cluster_rows(rows, position_ids(100), 0, 3).labels[at]
    size = [60, 30, 10][labels[at]]
    assert kept.gains[0] == quality[at]
    assert kept.reasons[0] == (
        f"Drawn by its quality {quality[at]:.4g} from the rows of cluster {c}, which has {size} of "
        f"100 rows and gives {size // 10}, its share of the 10."
    )
    uniform = dac(rows, None, 10, k=3, draw="uniform", mode="reference")
    assert uniform.reasons[0].startswith("Drawn at random from the rows of cluster 0, which has ")
    assert uniform.reasons[0].endswith(", an even share of the 10.")
    close = dac(rows, None, 10, k=3, draw="closest")
    assert close.reasons[0].startswith(
        f"At distance {-close.gains[0]:.4g} among the rows closest to the mean of cluster 0"
    )


@pytest.mark.parametrize("options", [{}, {"k": 5, "mode": "reference"}, {"draw": "closest"}])
def test_row_order_does_not_matter_and_the_seed_does(options):
    rows, _ = blobs(200, 3, 5, 1)
    ids = np.array([f"{i:03d}" for i in range(200)])
    quality = np.random.default_rng(2).uniform(1, 6, 200)
    kept = run(SELECTOR, Pool(ids, rows, scores={"quality": quality}), 40, 7, **options)
    order = np.random.default_rng(3).permutation(200)
    moved = Pool(ids[order], rows[order], scores={"quality": quality[order]})
    again = run(SELECTOR, moved, 40, 7, **options)
    assert again.ids.tolist() == kept.ids.tolist()
    assert again.reasons == kept.reasons
    other = run(SELECTOR, moved, 40, 8, **options)
    if options.get("draw") != "closest":
        assert set(other.ids) != set(kept.ids)


def test_wrong_input():
    rows, quality = np.eye(4), np.ones(4)
    with pytest.raises(DataError, match="of row 2 is -1"):
        dac(rows, [1, 2, -1, 1], 2)
    assert len(dac(rows, [1, 2, -1, 1], 2, mode="reference").ids) == 2
    with pytest.raises(DataError, match="one number for each of 4 rows"):
        dac(rows, [1, 2], 2)
    with pytest.raises(DataError, match="draws by quality but has none"):
        dac(rows, None, 2)
    with pytest.raises(BudgetError):
        dac(rows, quality, 5)
    with pytest.raises(UnknownNameError, match="mode of dac"):
        dac(rows, quality, 2, mode="papre")
    with pytest.raises(UnknownNameError, match="draw of dac"):
        dac(rows, quality, 2, draw="random")
