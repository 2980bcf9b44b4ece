from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import BudgetError, ConfigError, DataError
from sluice.graphs.features import feature_rows
from sluice.subsets import t_frex
from sluice.subsets.contract import Pool
from sluice.subsets.features.t_frex import SELECTOR, mean_cosine, quotas, visiting_ranks
from sluice.subsets.runner import run

SPLITS = st.sampled_from([0.01, 0.125, 0.25, 0.29, 0.5, 0.58, 0.75, 0.9, 1.0])
FEATURES = st.lists(st.lists(st.sampled_from("FGHIJ"), max_size=3), min_size=1, max_size=25)


def greedy(mean, features, split):
    """The loop as it is told: visit by ascending mean, count what is kept of each feature."""
    total = {f: sum(f in row for row in features) for row in features for f in row}
    count, kept = dict.fromkeys(total, 0), set()
    for r in sorted(range(len(mean)), key=lambda r: (mean[r], r)):
        wanted = [f for f in set(features[r]) if count[f] < total[f] * Fraction(str(split))]
        for f in wanted:
            count[f] += 1
        if wanted:
            kept.add(r)
    return kept


def closed_form(mean, features, split):
    """Kept if the rank among the rows of some feature is below its quota."""
    order = sorted(range(len(mean)), key=lambda r: (mean[r], r))
    kept = set()
    for f in {f for row in features for f in row}:
        rows = [r for r in order if f in features[r]]
        kept |= {r for rank, r in enumerate(rows) if rank < len(rows) * Fraction(str(split))}
    return kept


def matrix_mean(rows):
    """The whole matrix of cosines, zeros on its diagonal."""
    length = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    unit = np.divide(rows, length, out=np.zeros(rows.shape), where=length > 0)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, 0)
    return cosine.mean(axis=1)


def vectors(n, seed, width=4):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def test_worked_example():
    mean = np.array([0.6, 0.3, 0.5, 0.4])
    features = [["F"], ["F"], ["F", "G"], ["G"]]
    # order r2, r4, r3, r1: r2 (F 1 of 1.5), r4 (G 1 of 1), r3 (F 2), and r1 is one too many
    assert greedy(mean, features, 0.5) == closed_form(mean, features, 0.5) == {1, 2, 3}
    ranks = visiting_ranks(mean, feature_rows(features))
    quota = quotas(ranks.size, 0.5)
    assert quota.tolist() == [2, 1]
    kept = ranks.features.rows[ranks.rank < quota[ranks.features.codes]]
    assert set(kept.tolist()) == {1, 2, 3}
    assert ranks.entry_share().tolist() == [2 / 3, 0, 1 / 3, 0]


def test_worked_example_from_vectors():
    # four directions of a plane whose mean cosines come in the order r2 < r4 < r3 < r1
    angles = np.radians([30, 170, 60, -50])
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    assert np.argsort(mean_cosine(rows.astype(np.float32))).tolist() == [1, 3, 2, 0]
    kept = t_frex(rows, [["F"], ["F"], ["F", "G"], ["G"]], split=0.5)
    assert kept.ids.tolist() == [1, 3, 2]
    assert kept.ids.dtype == np.int64
    assert kept.note == "Split 0.5 keeps 3 of 4 rows (75.0%)."
    assert kept.reasons[0].endswith("to all rows: number 1 of the 2 kept for 'F' (of 3 rows).")
    # r3 is the second of G's rows, too, for which there is no room
    assert kept.reasons[2].endswith("to all rows: number 2 of the 2 kept for 'F' (of 3 rows).")
    assert kept.gains == pytest.approx(-matrix_mean(rows)[[1, 3, 2]])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 9999), st.floats(1e-18, 1e18))
def test_mean_cosine_is_that_of_the_matrix(n, width, seed, size):
    rows = vectors(n, seed, width)
    rows[:: max(n // 3, 1)] = 0
    assert mean_cosine(rows) == pytest.approx(matrix_mean(rows), abs=1e-11)
    scaled = rows * np.float32(size)
    assert mean_cosine(scaled) == pytest.approx(mean_cosine(rows), abs=1e-6)


def test_copies_tie():
    rows = np.repeat(vectors(7, 0, 384), 30, axis=0)
    mean = mean_cosine(rows).reshape(7, 30)
    assert (mean == mean[:, :1]).all()


@settings(max_examples=150, deadline=None)
@given(FEATURES, SPLITS, SPLITS, st.integers(0, 9999), st.booleans())
def test_invariants_of_splits(features, split, other, seed, keep_empty):
    rows = vectors(len(features), seed, 3)
    mean = mean_cosine(rows)
    counted = [row or ["none"] * keep_empty for row in features]
    kept = set(t_frex(rows, features, split=split, keep_empty=keep_empty).ids.tolist())
    assert kept == greedy(mean, counted, split) == closed_form(mean, counted, split)
    for f in {f for row in counted for f in row}:
        total = sum(f in row for row in counted)
        assert sum(f in counted[r] for r in kept) >= min(total, ceil(total * Fraction(str(split))))
    more = set(t_frex(rows, features, split=other, keep_empty=keep_empty).ids.tolist())
    assert (kept <= more) if split <= other else (more <= kept)
    whole = t_frex(rows, features, split=1, keep_empty=keep_empty)
    assert set(whole.ids.tolist()) == {r for r, row in enumerate(counted) if row}


@settings(max_examples=150, deadline=None)
@given(FEATURES, st.integers(0, 9999), st.booleans(), st.data())
def test_a_budget_is_the_least_split_that_suffices_cut(features, seed, keep_empty, data):
    rows = vectors(len(features), seed, 3)
    mean = mean_cosine(rows)
    counted = [row or ["none"] * keep_empty for row in features]
    every = t_frex(rows, features, len(rows), keep_empty=keep_empty).ids.tolist()
    assert set(every) == {r for r, row in enumerate(counted) if row}
    budget = data.draw(st.integers(1, len(rows)))
    found = t_frex(rows, features, budget, keep_empty=keep_empty)
    kept = found.ids.tolist()
    assert kept == every[:budget]  # nested
    if not kept:
        return
    shares = {Fraction(q, t) for t in range(1, len(rows) + 1) for q in range(t)}
    sufficient = min(s for s in shares if len(above(mean, counted, s)) >= len(kept))
    assert set(kept) <= above(mean, counted, sufficient)
    # what the rows of the last entry split do not fill is kept whole
    assert all(above(mean, counted, s) <= set(kept) for s in shares if s < sufficient)
    assert f"just above {float(sufficient):.4g}" in found.note
    for row, reason in zip(kept, found.reasons, strict=True):
        assert any(f"{f!r}" in reason for f in counted[row] or ["no feature"]) or keep_empty
    # the split of the note is one that the other way of asking understands
    if sufficient < 1:
        split = float(sufficient) + 1e-9
        assert set(t_frex(rows, features, split=split, keep_empty=keep_empty).ids) >= set(kept)


def above(mean, features, share):
    """What every split just above a share keeps."""
    order = sorted(range(len(mean)), key=lambda r: (mean[r], r))
    kept = set()
    for f in {f for row in features for f in row}:
        rows = [r for r in order if f in features[r]]
        kept |= {r for rank, r in enumerate(rows) if Fraction(rank, len(rows)) <= share}
    return kept


def test_rows_without_a_feature():
    rows, features = vectors(6, 1), [["F"], [], [], ["F"], [], ["G"]]
    kept = t_frex(rows, features, 5)
    assert set(kept.ids.tolist()) == {0, 3, 5}
    assert kept.note.startswith("t_frex kept 3 rows of the 5 asked for: no more are usable.")
    assert "3 of 6 rows have no feature and cannot be kept" in kept.note
    both = t_frex(rows, features, split=0.4, keep_empty=True)
    assert len(set(both.ids.tolist()) & {1, 2, 4}) == 2  # 3 x 0.4 rounded up
    assert "'no feature' (of 3 rows)" in " ".join(both.reasons)
    assert len(t_frex(rows, [[]] * 6).ids) == 0


def test_quotas_are_exact():
    assert quotas(np.array([100, 50, 1, 7]), 0.29).tolist() == [29, 15, 1, 3]
    assert quotas(np.array([100]), 0.07).tolist() == [7]  # 7.000000000000001 in floats
    assert quotas(np.array([3]), 1e-9).tolist() == [1]
    assert quotas(np.empty(0, dtype=np.int64), 0.5).tolist() == []


def test_many_features_of_a_row_are_named_and_counted():
    kept = t_frex(np.eye(2), [list("abcde"), []])
    assert kept.reasons[0].count("kept for") == 3
    assert kept.reasons[0].endswith("and for 2 more.")


@pytest.mark.parametrize("budget", [None, 9, "100%"])
def test_pool_in_any_order(budget):
    rng = np.random.default_rng(4)
    rows = vectors(40, 4)
    rows[20:] = rows[:20]  # ties
    features = [list(rng.choice(list("FGH"), rng.integers(0, 3))) for _ in range(40)]
    ids = np.array([f"row {i:02d}" for i in range(40)])
    kept = run(SELECTOR, Pool(ids, rows, features=feature_rows(features)), budget, 0, split=0.2)
    plain = t_frex(rows, features, budget, split=0.2)
    assert kept.ids.tolist() == [f"row {i:02d}" for i in plain.ids]
    for order in (np.arange(40)[::-1], rng.permutation(40)):
        named = feature_rows([features[i] for i in order])
        again = run(SELECTOR, Pool(ids[order], rows[order], features=named), budget, 7, split=0.2)
        assert again.ids.tolist() == kept.ids.tolist()
        assert again.reasons == kept.reasons
        assert np.array_equal(again.gains, kept.gains)


def test_bad_input():
    rows, features = vectors(3, 0), [["F"], ["G"], []]
    for split in (0, -0.1, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="split is"):
            t_frex(rows, features, split=split)
    with pytest.raises(BudgetError, match="more than the 3 rows"):
        t_frex(rows, features, 4)
    with pytest.raises(DataError, match="Features are of 2 rows"):
        t_frex(rows, features[:2])
    with pytest.raises(DataError, match="not finite in row 1"):
        t_frex([[1.0], [np.nan], [0.0]], features)
    for bad in (np.ones(3), np.ones((0, 2)), np.ones((3, 0)), [["a"]], [[1.0], [1.0, 2.0]]):
        with pytest.raises(DataError, match="Embeddings"):
            t_frex(bad, features)
    with pytest.raises(DataError, match="t_frex needs features: give each row its features"):
        run(SELECTOR, Pool(np.array(["a", "b", "c"]), rows), 1, 0)
    with pytest.raises(DataError, match="features are of 2 rows"):
        run(SELECTOR, Pool(np.array(["a", "b", "c"]), rows, features=feature_rows([[], []])), 1, 0)
