"""Strategies that pick rows one after another, against brute force and known defects."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.randomness import keyed_bits, uniform_of
from sluice.heads.answers import Answers, Labelled
from sluice.subsets.contract import Pool
from sluice.subsets.queries.anchor_al import anchors, resembling
from sluice.subsets.queries.badge import gradients
from sluice.subsets.queries.balls import balls, pure_radius
from sluice.subsets.queries.lightweight_core_set import chances
from sluice.subsets.queries.prob_cover import cover
from sluice.subsets.queries.registry import STRATEGIES
from sluice.subsets.runner import run

SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def points(rng, n, m, d=2, classes=2):
    x = rng.normal(size=(n + m, d)).astype(np.float32)
    ids = np.array([f"r{i:04d}" for i in range(n + m)])
    labelled = Labelled(ids[n:], x[n:], rng.integers(0, classes, m), classes)
    return Pool(ids[:n], x[:n], labelled=labelled)


def ask(name, pool, budget, seed=0, **options):
    return run(STRATEGIES[name], pool, budget, seed, **options)


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 4))
def test_core_set_is_the_greedy_and_within_twice_the_best_radius(rng, budget):
    pool = points(rng, 9, 3)
    kept = ask("core_set", pool, budget)
    at = [pool.ids.tolist().index(i) for i in kept.ids]
    known = pool.labelled.embeddings.astype(np.float64)
    rows = pool.embeddings.astype(np.float64)

    def near(chosen):
        centres = np.vstack([known, rows[list(chosen)]]) if len(chosen) else known
        return np.linalg.norm(rows[:, None] - centres, axis=2).min(axis=1)

    for step, row in enumerate(at):
        assert near(at[:step])[row] == pytest.approx(near(at[:step]).max())
    assert (np.diff(kept.gains) <= 1e-9).all(), "the radius never rises"
    best = min(near(each).max() for each in combinations(range(9), budget))
    assert near(at).max() <= 2 * best + 1e-9


def test_core_set_knows_two_index_spaces_apart():
    """A published implementation returned labelled positions for unlabelled ones."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 16)).astype(np.float32)
    ids = np.array([f"{i:04d}" for i in range(1000)])
    known = Labelled(ids[:500], x[:500], np.zeros(500, np.int64), 2)
    kept = ask("core_set", Pool(ids[500:], x[500:], labelled=known), 5)
    near = np.linalg.norm(x[500:, None] - x[None, :500], axis=2).min(axis=1)
    for name in kept.ids:
        assert int(name) == 500 + near.argmax()
        near = np.minimum(near, np.linalg.norm(x[500:] - x[int(name)], axis=1))


@given(SEEDS)
def test_lightweight_chances_sum_to_one_and_have_a_floor(rng):
    rows = rng.normal(size=(rng.integers(1, 30), 3)).astype(np.float32)
    q = chances(rows)
    assert q.sum() == pytest.approx(1)
    assert (q >= 0.5 / len(rows) - 1e-12).all()
    assert chances(np.ones((4, 2), np.float32)).tolist() == [0.25] * 4


def test_lightweight_draws_by_its_chances_over_all_rows():
    """A published implementation drew n rows a batch, all from the first batch."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 4)).astype(np.float32)
    pool = Pool(np.array([f"{i:04d}" for i in range(1000)]), rows)
    drawn = [ask("lightweight_core_set", pool, 10, seed).ids for seed in range(300)]
    assert all(len(set(ids)) == 10 for ids in drawn)
    counts = np.bincount(np.concatenate(drawn).astype(int), minlength=1000)
    q = chances(rows)
    likely = np.argsort(-q)[:200]
    assert counts[likely].sum() / 3000 == pytest.approx(q[likely].sum(), abs=0.04)


@settings(max_examples=40)
@given(SEEDS, st.floats(0.1, 1.5), st.integers(1, 8))
def test_prob_cover_is_the_plain_greedy(rng, delta, budget):
    pool = points(rng, 12, 2)
    kept = ask("prob_cover", pool, budget, delta=delta)
    x, known = pool.embeddings.astype(float), pool.labelled.embeddings.astype(float)
    inside = np.linalg.norm(x[:, None] - x, axis=2) <= delta
    covered = (np.linalg.norm(x[:, None] - known, axis=2) <= delta).any(axis=1)
    assert len(set(kept.ids)) == budget, "no row twice, even when all is covered"
    for name, gain in zip(kept.ids, kept.gains, strict=True):
        left = (inside & ~covered).sum(axis=1)
        row = int(name[1:])
        assert gain == left[row] == left.max()
        if gain == 0:
            break
        covered |= inside[row]


@settings(max_examples=20)
@given(SEEDS, st.floats(0, 3))
def test_balls_are_the_plain_ones(rng, radius):
    rows = np.round(rng.normal(size=(40, 3)), 1).astype(np.float32)
    found = balls(rows, rows, radius)
    apart = ((rows[:, None].astype(np.float64) - rows) ** 2).sum(axis=2)
    for row in range(40):
        assert found.of(row).tolist() == np.flatnonzero(apart[row] <= radius * radius).tolist()
    positions, newly = cover(found, np.ones(40, bool), 5)
    assert not len(positions)
    assert not len(newly)


@pytest.mark.parametrize("purity", [0.8, 0.95, 1.0])
def test_the_pure_radius_is_the_greatest_with_so_many_pure_balls(purity):
    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + 4])
    rows = rows.astype(np.float32)
    ids = np.array([f"{i:03d}" for i in range(120)])
    radius = pure_radius(rows, ids, 0, 2, purity)
    from sluice.subsets.clustered.clusters import cluster_rows

    labels = cluster_rows(rows, ids, 0, 2).labels

    def pure(r):
        apart = np.linalg.norm(rows[:, None].astype(float) - rows, axis=2)
        return np.mean([(labels[apart[i] <= r] == labels[i]).all() for i in range(120)])

    assert pure(radius) >= purity > pure(radius * 1.0001)


@settings(max_examples=20)
@given(SEEDS, st.integers(2, 6))
def test_badge_is_k_means_plus_plus_on_the_written_gradients(rng, budget):
    n = 12
    ids = np.array([f"r{i:02d}" for i in range(n)])
    p, h = rng.dirichlet(np.ones(3), n), rng.normal(size=(n, 4))
    pool = Pool(ids, answers=Answers(probabilities=p, hidden=h))
    kept = ask("badge", pool, budget, 7)
    made = gradients(p, h)
    np.testing.assert_allclose(made.errors.sum(axis=1), 0, atol=1e-12)
    rows = np.arange(n)
    assert made.errors[rows, p.argmax(1)] == pytest.approx(p.max(axis=1) - 1)
    written = np.einsum("ic,ih->ich", made.errors, made.hidden).reshape(n, -1)
    chosen = [int(np.linalg.norm(written, axis=1).argmax())]
    bits = keyed_bits(7, ids)
    for step in range(1, budget):
        near = ((written[:, None] - written[chosen]) ** 2).sum(axis=2).min(axis=1)
        near[chosen] = 0
        races = np.where(
            near > 0, np.log(uniform_of(bits, step)) / np.maximum(near, 1e-300), -np.inf
        )
        chosen.append(int(races.argmax()))
    assert kept.ids.tolist() == ids[chosen].tolist()


def test_badge_comes_to_an_end_with_copies():
    pool = Pool(
        np.array(list("abcd")),
        answers=Answers(probabilities=np.full((4, 2), 0.5), hidden=np.ones((4, 3))),
    )
    kept = ask("badge", pool, 4)
    assert sorted(kept.ids) == list("abcd")
    assert kept.gains[1:].tolist() == [0, 0, 0]


def test_k_means_takes_the_nearest_to_each_centroid():
    rows = np.array([[0, 0], [0, 1], [0, 0.4], [9, 9], [9, 8], [9, 8.6]], np.float32)
    kept = ask("k_means", Pool(np.array(list("abcdef")), rows), 2)
    assert set(kept.ids) == {"c", "f"}


def test_discriminative_asks_where_no_label_is():
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(40, 2)), rng.normal(size=(20, 2)) + 6
    x = np.vstack([near, far]).astype(np.float32)
    ids = np.array([f"{i:02d}" for i in range(60)])
    known = Labelled(ids[:20], x[:20], np.zeros(20, np.int64), 2)
    kept = ask("discriminative", Pool(ids[20:], x[20:], labelled=known), 6, batch=3)
    assert all(int(i) >= 40 for i in kept.ids)
    far_on = ask("discriminative", Pool(ids[20:], x[20:], labelled=known), 3, batch=3)
    assert far_on.ids.tolist() == kept.ids[:3].tolist()


def test_core_set_of_no_labelled_row_begins_in_the_middle() -> None:
    rows = np.array([[0.0], [1.0], [2.1], [3.0], [10.0]], dtype=np.float32)
    nothing = Labelled(
        np.array([], dtype=np.str_), np.empty((0, 1), np.float32), np.empty(0, np.int64), 0
    )
    pool = Pool(ids=np.array([*"abcde"]), embeddings=rows, labelled=nothing)
    assert run(STRATEGIES["core_set"], pool, 2, 0).ids.tolist() == ["d", "e"]


@pytest.mark.parametrize("scale", [1e-3, 7.0, 1e5])
@pytest.mark.parametrize("seed", range(3))
def test_scale_moves_no_tie(scale, seed):
    """On a grid rows tie for most places, and scaled in float32 they do not tie any more."""
    rows = np.random.default_rng(seed).integers(0, 4, (200, 3)).astype(np.float32)
    ids = np.array([f"r{i:04d}" for i in range(200)])
    scaled = rows * np.float32(scale)
    one, other = (run(STRATEGIES["k_means"], Pool(ids, x), 20, seed) for x in (rows, scaled))
    assert one.ids.tolist() == other.ids.tolist()
    of = [Labelled(ids, x, np.arange(200) % 3, 3) for x in (rows, scaled)]
    first, second = (anchors(each, 5, seed) for each in of)
    assert first.tolist() == second.tolist()
    near = [resembling(x, x[first], 30, 60).tolist() for x in (rows, scaled)]
    assert near[0] == near[1]
