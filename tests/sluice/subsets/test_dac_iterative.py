import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import blobs

from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.subsets.clustered.clusters import cluster_rows
from sluice.subsets.clustered.dac_iterative import SELECTOR, dac_iterative
from sluice.subsets.clustered.plain_vectors import position_ids
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run


def three(per_cluster=40):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), per_cluster)
    return (50.0 * np.eye(3)[labels] + rng.normal(size=(len(labels), 3))).astype(np.float32), labels


class Learner:
    """A real model between rounds: its error on the new rows, after training on all so far."""

    def __init__(self, rows, target):
        self.rows, self.target, self.calls = rows, target, []

    def __call__(self, selected, new):
        from sklearn.linear_model import Ridge

        self.calls.append((selected.copy(), new.copy()))
        model = Ridge().fit(self.rows[selected], self.target[selected])
        return np.abs(self.target[new] - model.predict(self.rows[new]))


def constant(values, labels):
    return lambda selected, new: np.asarray(values, dtype=float)[labels[new]]


def by_round(kept, field, k):
    return np.array([entry[field] for entry in kept.trace]).reshape(-1, k).tolist()


def numbered(rows, seed=0):
    """Which of k-means' clusters each row is of."""
    return cluster_rows(rows, position_ids(len(rows)), seed, 3).labels


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 6), st.integers(0, 99), st.sampled_from([1, 4, None]))
def test_rounds_are_disjoint_and_their_union_is_the_budget(budget, rounds, seed, k):
    rows, _ = blobs(60, 2, 3, seed)
    learner = Learner(rows, rows[:, 0] ** 2)
    kept = dac_iterative(rows, budget, learner, seed, k=k, rounds=rounds)
    total = min(rounds, budget)
    assert len(set(kept.ids.tolist())) == len(kept.ids) == budget
    assert len(learner.calls) == total - 1
    so_far = np.empty(0, dtype=np.int64)
    for number, (selected, new) in enumerate(learner.calls):
        assert selected.dtype == new.dtype == np.int64
        so_far = np.concatenate([so_far, new])
        assert len(new) == budget // total + (number < budget % total)
        assert selected.tolist() == so_far.tolist() == kept.ids[: len(so_far)].tolist()
    drawn = sum(entry["drawn"] for entry in kept.trace)
    assert drawn == budget
    clusters = len(kept.trace) // total
    for number in range(total):
        entries = kept.trace[number * clusters : (number + 1) * clusters]
        assert [entry["round"] for entry in entries] == [number + 1] * clusters
        assert [entry["cluster"] for entry in entries] == list(range(clusters))
        assert sum(entry["weight_before"] for entry in entries) == pytest.approx(1)
        if number < total - 1:
            after = [entry["weight_after"] for entry in entries]
            following = kept.trace[(number + 1) * clusters : (number + 2) * clusters]
            assert after == [entry["weight_before"] for entry in following]


def test_weights_follow_equation_6_by_hand():
    rows, _ = three()
    labels = numbered(rows)
    rewards = iter([[0.2, 0.6, 0.2], [0.5, 0.25, 0.25]])

    def reward(selected, new):
        return np.array(next(rewards))[labels[new]]

    kept = dac_iterative(rows, 90, reward, k=3)
    before = by_round(kept, "weight_before", 3)
    assert before[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert before[1] == pytest.approx([0.2, 0.6, 0.2])
    assert before[2] == pytest.approx([1 / 3, 1 / 2, 1 / 6])
    # round 3: quotas 10, 15, 5; cluster 1 has 12 rows left, the others share 3 as 2 to 1
    assert by_round(kept, "drawn", 3) == [[10, 10, 10], [6, 18, 6], [12, 12, 6]]
    assert by_round(kept, "mean_reward", 3)[2] == [None] * 3
    assert by_round(kept, "weight_after", 3)[2] == [None] * 3
    assert np.bincount(labels[kept.ids]).tolist() == [28, 40, 22]


def test_softmax_by_hand():
    rows, _ = three()
    labels = numbered(rows)
    kept = dac_iterative(rows, 30, constant(np.log([2, 1, 1]), labels), k=3, update="softmax")
    assert by_round(kept, "weight_before", 3)[1] == pytest.approx([0.5, 0.25, 0.25])
    assert by_round(kept, "weight_before", 3)[2] == pytest.approx([0.5, 0.25, 0.25])


@pytest.mark.parametrize("floor", [0.0, 1e-6])
def test_a_cluster_without_reward_is_never_drawn_from_again(floor):
    rows, _ = three()
    labels = numbered(rows)
    kept = dac_iterative(rows, 60, constant([0, 1, 2], labels), k=3, rounds=6, floor=floor)
    assert [drawn[0] for drawn in by_round(kept, "drawn", 3)] == [4, 0, 0, 0, 0, 0]
    # until no other has rows left
    full = dac_iterative(rows, 120, constant([0, 1, 2], labels), k=3, rounds=6, floor=floor)
    assert set(full.ids) == set(range(120))


def test_clusters_that_gave_no_row_keep_their_weight():
    rows, _ = three()
    labels = numbered(rows)
    # two rows a round: the third cluster gives none in the first
    kept = dac_iterative(rows, 4, constant([1, 3, 9], labels), k=3, rounds=2)
    assert by_round(kept, "drawn", 3)[0] == [1, 1, 0]
    assert by_round(kept, "mean_reward", 3)[0] == [1, 3, None]
    assert by_round(kept, "weight_after", 3)[0] == pytest.approx([1 / 6, 1 / 2, 1 / 3])


def test_rows_come_from_where_a_real_learner_fails():
    rows, labels = three(100)
    # clusters 0 and 1 are constant, cluster 2 is noise that no line explains
    noise = np.random.default_rng(1).normal(size=300)
    target = np.where(labels == 2, 10 * noise, 0.0)
    kept = dac_iterative(rows, 90, Learner(rows, target), k=3)
    assert np.bincount(labels[kept.ids])[2] > 45


def test_a_reward_that_is_not_finite_is_left_out():
    rows, _ = three()
    labels = numbered(rows)

    def reward(selected, new):
        values = np.array([1.0, 3.0, np.nan])[labels[new]]
        values[np.flatnonzero(labels[new] == 0)[0]] = np.inf
        return values

    kept = dac_iterative(rows, 30, reward, k=3, rounds=2)
    assert by_round(kept, "mean_reward", 3)[0] == [1, 3, None]
    unknown = dac_iterative(rows, 30, lambda selected, new: np.full(len(new), np.nan), k=3)
    assert by_round(unknown, "weight_before", 3)[2] == pytest.approx([1 / 3] * 3)


def test_draws_by_quality_and_sets_rows_without_one_aside():
    rows, labels = three()
    quality = np.where(np.arange(120) % 2, 1.0, 0.0)
    quality[0] = np.nan
    learner = Learner(rows, rows[:, 0])
    kept = dac_iterative(rows, 30, learner, quality=quality, k=3)
    # positions among all rows, the one set aside counted
    assert learner.calls[-1][0].tolist() == kept.ids[:20].tolist()
    assert (kept.ids % 2 == 1).all()  # quality 0 only where nothing else is left
    assert kept.note == "1 of 120 rows are set aside: quality is NaN or infinite."
    nothing = dac_iterative(rows, 3, constant([1, 1, 1], labels), quality=np.full(120, np.nan))
    assert len(nothing.ids) == 0


def test_draws_are_uniform_inside_a_cluster():
    from scipy.stats import chi2

    rows = np.zeros((10, 1), dtype=np.float32)
    often = np.zeros(10)
    for seed in range(600):
        kept = dac_iterative(rows, 4, lambda selected, new: np.ones(len(new)), seed, k=1)
        often[kept.ids] += 1
    spread = 600 * 0.4 * 0.6 * 10 / 9
    assert ((often - 240) ** 2).sum() / spread < chi2.ppf(0.999, 9)


@pytest.mark.parametrize("draw", ["uniform", "quality"])
def test_row_order_does_not_matter_in_a_pool(draw):
    rows, _ = blobs(150, 3, 4, 1)
    quality = np.random.default_rng(5).uniform(1, 6, 150)
    order = np.random.default_rng(2).permutation(150)
    ids = np.array([f"{i:03d}" for i in range(150)])
    kept = []
    for at in (np.arange(150), order):
        learner = Learner(rows[at], rows[at, 0] ** 2)

        def ask(selected, count, learner=learner):
            return learner(selected, selected[-count:])

        pool = Pool(ids[at], rows[at], scores={"quality": quality[at]}, asks={"reward": ask})
        kept.append(run(SELECTOR, pool, 45, 3, draw=draw, k=5))
        # the learner was told the very rows
        told = ids[at][learner.calls[-1][0]].tolist()
        assert told == kept[-1].ids[:30].tolist()
    assert kept[0].ids.tolist() == kept[1].ids.tolist()
    assert kept[0].reasons == kept[1].reasons
    assert [e["drawn"] for e in kept[0].trace] == [e["drawn"] for e in kept[1].trace]
    other = run(SELECTOR, pool, 45, 4, draw=draw, k=5)
    assert set(other.ids) != set(kept[0].ids)


def test_reasons_and_gains():
    rows, labels = three()
    kept = dac_iterative(rows, 30, constant([1, 1, 1], labels), k=3)
    assert kept.reasons[0] == (
        "Round 1 of 3: drawn from cluster 0, which has 40 of 120 rows, weighs 0.3333 and gives 4 "
        "of 10."
    )
    assert kept.gains == pytest.approx(np.full(30, 1 / 3))


def test_wrong_input():
    rows, _ = three()

    def reward(selected, new):
        return np.ones(len(new))

    with pytest.raises(DataError, match=r"Rewards that the function returned have shape \(1,\)"):
        dac_iterative(rows, 30, lambda selected, new: np.ones(1))
    with pytest.raises(ConfigError, match="rounds is 0"):
        dac_iterative(rows, 30, reward, rounds=0)
    with pytest.raises(ConfigError, match="floor is -1"):
        dac_iterative(rows, 30, reward, floor=-1)
    with pytest.raises(UnknownNameError, match="update of dac_iterative"):
        dac_iterative(rows, 30, reward, update="sofmax")
    ids = np.array([f"{i:03d}" for i in range(120)])
    pool = Pool(ids, rows, asks={"reward": reward})
    with pytest.raises(UnknownNameError, match="draw of dac_iterative"):
        run(SELECTOR, pool, 30, 0, draw="closest")
    with pytest.raises(DataError, match="compute the score 'quality'"):
        run(SELECTOR, pool, 30, 0, draw="quality")
    with pytest.raises(DataError, match="needs asks reward"):
        run(SELECTOR, Pool(ids, rows), 30, 0)
