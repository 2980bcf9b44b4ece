import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import BudgetError, ConfigError, DataError, UnknownNameError
from sluice.subsets.clustered.quad import SELECTOR, quad
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run


class Influence:
    """Influences that count who asks."""

    def __init__(self, values):
        self.values, self.calls = np.asarray(values, dtype=float), []

    def __call__(self, positions):
        assert positions.dtype == np.int64
        self.calls.append(positions.tolist())
        return self.values[positions]

    @property
    def asked(self):
        return [position for call in self.calls for position in call]


def far(k):
    """Centroids that share nothing."""
    return 10.0 * np.eye(k)


def arms_of(means, per_arm, seed=0, spread=1.0):
    labels = np.repeat(np.arange(len(means)), per_arm)
    noise = spread * np.random.default_rng(seed).normal(size=len(labels))
    return labels, np.asarray(means, dtype=float)[labels] + noise


def pulls_of(kept):
    return [entry["cluster"] for entry in kept.trace]


def by_definition(labels, centroids, values, budget, first, order, options):
    """Algorithm 1 with dictionaries: no fill, threshold and alpha given."""
    k, n = len(centroids), len(labels)
    total, count, pulls = (dict.fromkeys(range(k), 0) for _ in range(3))
    queue = {c: [i for i in order if labels[i] == c] for c in range(k)}
    kept, chosen_at = [], []
    arms, size, alpha, tau = (options[x] for x in ("arms", "slice_rows", "alpha", "threshold"))
    while len(kept) < budget:
        scores = {}
        for c in range(k):
            mean = total[c] / max(count[c], 1)
            log = np.log(max(sum(pulls.values()), 1))
            if options["mode"] == "reference":
                scores[c] = mean + alpha * np.sqrt(2 * log / (pulls[c] + 1))
            else:
                scores[c] = mean + alpha * np.sqrt(2 * log / pulls[c]) if pulls[c] else np.inf
        worth = [c for c in range(k) if queue[c] and (not pulls[c] or scores[c] > 0)]
        worth.sort(key=lambda c: (-scores[c], first[c]))
        worth = worth[: min(arms, -(-(budget - len(kept)) // size))]
        if not worth:
            break
        for c in worth:
            scored = queue[c][: options["pull"]]
            reward = np.mean([values[i] for i in scored]) - tau
            pulls[c] += 1
            total[c], count[c] = total[c] + reward, count[c] + 1
            for other in range(k):
                d = np.linalg.norm(centroids[c] - centroids[other])
                if other != c and d < options["distance"]:
                    total[other] += reward * (1 - d / options["distance"])
                    count[other] += 1
            good = reward > 0
            gone = queue[c][: size if good else len(scored)]
            queue[c] = queue[c][len(gone) :]
            if good:
                kept += gone[: budget - len(kept)]
            chosen_at.append(c)
    return kept, chosen_at, pulls, n


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["paper", "reference"]),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.1, 2.0]),
    st.sampled_from([0.0, 0.5]),
)
def test_as_the_algorithm_says(seed, mode, arms, pull, more, alpha, distance):
    from sluice.core.randomness import keyed_bits, uniform_of
    from sluice.subsets.clustered.quad_setting import ORDER

    rng = np.random.default_rng(seed)
    k, n = int(rng.integers(1, 9)), int(rng.integers(1, 120))
    labels, values = rng.integers(0, k, n), rng.normal(size=n)
    centroids = rng.uniform(size=(k, 2)).astype(np.float32).astype(float)
    budget = int(rng.integers(1, n + 1))
    options = {"pull": pull, "arms": arms, "slice_rows": pull + more, "alpha": alpha}
    options |= {"threshold": -0.2, "distance": distance, "mode": mode}
    kept = quad(labels, centroids, Influence(values), budget, seed, fill=False, **options)
    draws = uniform_of(keyed_bits(seed, np.arange(n).astype(str)), ORDER)
    names = np.array([f"quad: cluster {c}" for c in range(k)])
    first = range(k) if mode == "reference" else uniform_of(keyed_bits(seed, names))
    expected, chosen, pulls, _ = by_definition(
        labels, centroids, values, budget, first, np.argsort(draws).tolist(), options
    )
    assert pulls_of(kept) == chosen
    assert kept.ids.tolist() == expected
    for c in range(k):
        assert [e["pulls"] for e in kept.trace if e["cluster"] == c] == list(range(1, pulls[c] + 1))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from(["paper", "reference"]))
def test_rows_come_from_accepted_pulls_unless_they_fill(seed, fill, mode):
    rng = np.random.default_rng(seed)
    labels, n = rng.integers(0, 6, 150), 150
    influence = Influence(rng.normal(size=n))
    budget = int(rng.integers(1, n + 1))
    kept = quad(labels, far(6), influence, budget, seed, pull=4, mode=mode, fill=fill)
    accepted = sum(entry["rows_kept"] for entry in kept.trace)
    assert len(set(kept.ids.tolist())) == len(kept.ids) == len(kept.reasons) <= budget
    assert len(kept.ids) == (budget if fill else accepted)
    filled = [reason.startswith("Fills the budget") for reason in kept.reasons]
    assert filled == [False] * accepted + [True] * (len(kept.ids) - accepted)
    assert np.isfinite(kept.gains).all()
    # rows kept by a pull are of its cluster, and pulls that keep have a reward
    at = 0
    for entry in kept.trace:
        some = kept.ids[at : at + entry["rows_kept"]]
        assert (labels[some] == entry["cluster"]).all()
        assert entry["accepted"] == (entry["reward"] > 0) == bool(len(some))
        assert entry["rows_scored"] <= 4
        at += len(some)
    # no row is asked for twice, and only those of the probe and of pulls at all
    assert len(influence.asked) == len(set(influence.asked))
    assert len(influence.asked) <= 7 + sum(entry["rows_scored"] for entry in kept.trace)
    assert ("come from accepted pulls" in kept.note) == (accepted < budget)


def test_scored_rows_are_the_ones_accepted():
    labels, values = arms_of([1.0, -1.0], 40, spread=0.01)
    influence = Influence(values)
    kept = quad(labels, far(2), influence, 20, pull=5, slice_rows=10, threshold=0, alpha=0)
    good = [call for call in influence.calls if labels[call[0]] == 0]
    assert len(good) == 2
    assert set(good[0] + good[1]) <= set(kept.ids.tolist())
    assert kept.ids[:5].tolist() == good[0]
    assert kept.gains[:5].tolist() == values[good[0]].tolist()
    # the others of a slice were not looked at: their gain is the mean of those that were
    assert kept.gains[5:10] == pytest.approx(np.full(5, values[good[0]].mean()))
    number = kept.trace[-1]["pulls"]
    assert kept.reasons[0].startswith(f"Influence {values[kept.ids[0]]:.4g}; scored in pull 1 of")
    assert kept.reasons[5].startswith("In the slice of 5 rows scored in pull 1 of cluster 0 in ")
    assert kept.reasons[-1].startswith(f"In the slice of 5 rows scored in pull {number} of")


def test_the_last_slice_is_truncated():
    labels, values = arms_of([1.0, 1.0], 50, spread=0.0)
    for budget in (1, 9, 10, 11, 25, 99):
        kept = quad(labels, far(2), Influence(values), budget, slice_rows=10, threshold=0)
        assert len(kept.ids) == budget
        assert kept.note == ""
        assert [entry["rows_kept"] for entry in kept.trace][-1] == (budget % 10 or 10)


def test_alpha_zero_is_pure_exploitation():
    labels, values = arms_of([0.3, 0.5, 0.4], 300, spread=0.01)
    kept = quad(labels, far(3), Influence(values), 200, threshold=0, alpha=0)
    assert sorted(pulls_of(kept)[:3]) == [0, 1, 2]
    assert pulls_of(kept)[3:] == [1] * 17


def test_a_huge_alpha_is_round_robin():
    labels, values = arms_of([0.3, 0.5, 0.4, -9.0], 300, spread=0.01)
    kept = quad(labels, far(4), Influence(values), 300, threshold=0, alpha=1e9)
    chosen = pulls_of(kept)
    for start in range(0, len(chosen) - 3, 4):
        assert sorted(chosen[start : start + 4]) == [0, 1, 2, 3]


def test_regret_is_far_below_that_of_looking_at_random():
    means = np.array([0.0, 0.2, 0.4, 0.6, 1.0])
    labels, values = arms_of(means, 6000, 1)
    regret = {}
    for pulls in (100, 500):
        kept = quad(
            labels, far(5), Influence(values), 10 * pulls, pull=10, slice_rows=10, threshold=-9
        )
        regret[pulls] = (1.0 - means[pulls_of(kept)]).sum()
        assert len(kept.trace) == pulls
    at_random = (1.0 - means).mean()
    assert regret[100] < 0.35 * 100 * at_random
    assert regret[500] < 0.12 * 500 * at_random
    assert regret[500] / 500 < 0.6 * regret[100] / 100  # it grows slower than the pulls


def test_few_influences_are_asked_for():
    labels, values = arms_of(np.r_[np.full(30, -1.0), 1.0, 1.0], 1000, spread=0.1)
    influence = Influence(values)
    kept = quad(labels, far(32), influence, 1000, slice_rows=100, threshold=0)
    assert np.isin(labels[kept.ids], [30, 31]).all()
    assert len(influence.asked) < 1000


def test_neighbours_are_told_and_tell():
    # 0 and 1 are near each other, so that 1's failure makes 0 look worse
    centroids = np.array([[0.0, 0.0], [0.05, 0.0], [9.0, 9.0]])
    labels, values = arms_of([0.5, -1.0, 0.4], 100, spread=0.0)
    options = {"threshold": 0, "alpha": 0, "fill": False}
    alone = quad(labels, centroids, Influence(values), 100, distance=0, **options)
    assert pulls_of(alone)[3:] == [0] * (len(alone.trace) - 3)
    told = quad(labels, centroids, Influence(values), 100, distance=0.2, **options)
    assert pulls_of(told)[3:] == [2] * (len(told.trace) - 3)


def test_arms_of_a_round_are_asked_at_once():
    labels, values = arms_of(np.full(8, 1.0), 100, spread=0.0)
    influence = Influence(values)
    kept = quad(labels, far(8), influence, 160, arms=4, threshold=0, alpha=0)
    assert [len(call) for call in influence.calls] == [40] * 4
    assert [entry["round"] for entry in kept.trace] == sorted([1, 2, 3, 4] * 4)
    assert len({entry["cluster"] for entry in kept.trace[:8]}) == 8


def test_unseen_clusters_come_in_an_order_drawn_by_seed_or_by_index():
    labels, values = arms_of(np.full(6, 1.0), 30, spread=0.0)
    options = {"threshold": 0, "alpha": 1.0}
    orders = set()
    for seed in range(20):
        kept = quad(labels, far(6), Influence(values), 60, seed, **options)
        orders.add(tuple(pulls_of(kept)))
        assert sorted(orders.copy().pop()) == list(range(6))
    assert len(orders) > 10
    kept = quad(labels, far(6), Influence(values), 60, arms=6, mode="reference", **options)
    assert pulls_of(kept) == list(range(6))


def test_nothing_beats_the_threshold():
    labels, values = arms_of([-1.0, -2.0, -3.0], 40, spread=0.0)
    kept = quad(labels, far(3), Influence(values), 35, threshold=0, alpha=0, fill=False)
    assert len(kept.ids) == 0
    assert sorted(pulls_of(kept)) == [0, 1, 2]  # each is looked at once
    assert kept.note == (
        "quad kept 0 rows of the 35 asked for: no more are usable. 0 of 35 rows come from "
        "accepted pulls (mean influence above 0); then no cluster is worth another pull."
    )
    kept = quad(labels, far(3), Influence(values), 35, threshold=0, alpha=0)
    # 10 scored rows of each cluster, best first; then rows of the best cluster
    assert labels[kept.ids].tolist() == [0] * 10 + [1] * 10 + [2] * 10 + [0] * 5
    assert kept.gains.tolist() == [-1] * 10 + [-2] * 10 + [-3] * 10 + [-1] * 5
    assert kept.note.endswith("no cluster is worth another pull, and 35 rows fill the budget.")
    assert kept.reasons[0] == "Fills the budget: influence -1, scored but in no accepted pull."
    assert kept.reasons[34] == (
        "Fills the budget: not scored, of cluster 0, from which an influence of -1 is expected."
    )


def test_rounds_end():
    labels, values = arms_of([1.0, 1.0], 100, spread=0.0)
    kept = quad(labels, far(2), Influence(values), 100, threshold=0, rounds=3, fill=False)
    assert len(kept.ids) == 30
    assert kept.note.endswith("then 3 rounds are over.")


def test_default_threshold_and_alpha_come_from_a_uniform_probe():
    labels, values = arms_of(np.linspace(-1, 1, 10), 100, 3)
    influence = Influence(values)
    kept = quad(labels, far(10), influence, 100)
    probe = values[influence.calls[0]]
    assert len(probe) == 50
    assert kept.trace[0]["threshold"] == pytest.approx(probe.mean())
    assert values[kept.ids].mean() > values.mean() + 0.3
    # the scale and the origin of influence do not matter
    moved = quad(labels, far(10), Influence(2.0**-30 * values), 100)
    assert moved.ids.tolist() == kept.ids.tolist()


def test_equal_influences_are_no_reward():
    labels, values = np.arange(60) % 4, np.full(60, 0.1)
    kept = quad(labels, far(4), Influence(values), 30, pull=7)
    assert not any(entry["accepted"] for entry in kept.trace)
    assert len(kept.ids) == 30


def test_influences_that_are_not_finite_are_set_aside():
    labels, values = arms_of([1.0, 1.0, 1.0], 30, spread=0.0)
    values[::2] = np.nan
    values[labels == 2] = np.inf
    influence = Influence(values)
    kept = quad(labels, far(3), influence, 90, threshold=0, alpha=0)
    bad = [position for position in influence.asked if not np.isfinite(values[position])]
    assert not set(bad) & set(kept.ids.tolist())
    assert len(kept.ids) == 90 - len(bad)
    assert f"{len(bad)} of {len(influence.asked)} scored rows are set aside" in kept.note
    lost = [entry for entry in kept.trace if entry["cluster"] == 2]
    assert [(entry["mean_influence"], entry["accepted"]) for entry in lost] == [(None, False)]
    nothing = quad(labels, far(3), Influence(np.full(90, np.nan)), 10)
    assert np.isin(nothing.ids, np.arange(90)).all()


def blobs_pool(order):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 8, 400)
    rows = (20 * rng.normal(size=(8, 3))[labels] + rng.normal(size=(400, 3))).astype(np.float32)
    values = np.linspace(-1, 1, 8)[labels] + 0.3 * rng.normal(size=400)
    ids = np.array([f"{i:03d}" for i in range(400)])
    influence = Influence(values[order])
    return Pool(ids[order], rows[order], asks={"influence": influence}), values


@pytest.mark.parametrize("options", [{}, {"k": 8, "mode": "reference"}])
def test_row_order_does_not_matter_in_a_pool(options):
    pool, _ = blobs_pool(np.arange(400))
    moved, _ = blobs_pool(np.random.default_rng(1).permutation(400))
    kept, again = run(SELECTOR, pool, 60, 5, **options), run(SELECTOR, moved, 60, 5, **options)
    assert again.ids.tolist() == kept.ids.tolist()
    assert again.reasons == kept.reasons
    assert again.trace == kept.trace
    assert len(kept.ids) == 60
    assert run(SELECTOR, moved, 60, 6, **options).ids.tolist() != kept.ids.tolist()


def test_picks_of_a_pool_help_more_than_random_rows():
    pool, values = blobs_pool(np.arange(400))
    for seed in range(5):
        kept = run(SELECTOR, pool, 60, seed)
        # five standard errors of 60 random rows
        assert values[kept.ids.astype(int)].mean() > values.mean() + 5 * values.std() / 60**0.5


@pytest.mark.parametrize("budget", [1, 2, 399, 400])
def test_a_pool_fills_any_budget(budget):
    pool, _ = blobs_pool(np.arange(400))
    assert len(set(run(SELECTOR, pool, budget, 0).ids)) == budget


def test_wrong_input():
    labels, values = arms_of([1.0, 2.0], 10)
    ask = Influence(values)
    with pytest.raises(DataError, match="Row 10 is of cluster 1, but there are 1 centroids"):
        quad(labels, far(1), ask, 5)
    with pytest.raises(DataError, match="give a whole number for each row"):
        quad(labels.astype(float), far(2), ask, 5)
    with pytest.raises(DataError, match="Centroids"):
        quad(labels, [1.0, 2.0], ask, 5)
    with pytest.raises(DataError, match=r"Influences that were returned have shape \(1,\)"):
        quad(labels, far(2), lambda positions: np.ones(1), 5)
    with pytest.raises(BudgetError):
        quad(labels, far(2), ask, 21)
    for options in (
        {"pull": 0},
        {"arms": 0},
        {"rounds": 1.5},
        {"slice_rows": 9},
        {"alpha": -1},
        {"alpha": np.inf},
        {"distance": np.nan},
        {"threshold": np.nan},
    ):
        with pytest.raises(ConfigError, match=f"^{next(iter(options))} is"):
            quad(labels, far(2), ask, 5, **options)
    with pytest.raises(UnknownNameError, match="mode of quad"):
        quad(labels, far(2), ask, 5, mode="papr")
