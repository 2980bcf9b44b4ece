import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array

from sluice.core.errors import BudgetError, ConfigError, DataError
from sluice.graphs.tags import tag_rows
from sluice.subsets.contract import Pool
from sluice.subsets.information.mig import SELECTOR, mig
from sluice.subsets.runner import run

ALIKE = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
FOUR = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]])
QUALITY = [4, 3, 2, 3]


def naive_mig(rows, quality, similarity, budget, threshold, scale, gain, normalised):
    """Dense, as the paper has it: every row at every step; ties: lower position."""
    present = np.flatnonzero(rows.any(axis=0))
    w = np.where(similarity >= threshold, similarity, 0.0) * scale
    np.fill_diagonal(w, 1.0)
    w = w[np.ix_(present, present)]
    rows = rows[:, present].astype(float)
    v = rows * np.asarray(quality, float)[:, None]
    if normalised:
        v = v / np.maximum(rows.sum(axis=1, keepdims=True), 1)
    x = v @ (w / w.sum(axis=0, keepdims=True))
    total, picks, gains = np.zeros(len(present)), [], []
    for _ in range(budget):
        if gain == "gradient":
            each = x @ (0.8 * (total + 1e-6) ** -0.2)
        else:
            each = ((total + x + 1e-6) ** 0.8 - (total + 1e-6) ** 0.8).sum(axis=1)
        each[picks] = -np.inf
        picks.append(int(np.argmax(each)))
        gains.append(each[picks[-1]])
        total += x[picks[-1]]
    return picks, gains


def random_pool(n, labels, seed):
    rng = np.random.default_rng(seed)
    rows = (rng.random((n, labels)) < 0.3).astype(int)
    similarity = rng.random((labels, labels))
    return rows, rng.random(n) * 9, np.maximum(similarity, similarity.T)


def tagged_pool(n, seed):
    rng = np.random.default_rng(seed)
    names = [f"tag-{i}" for i in range(9)]
    vectors = rng.normal(size=(3, 12))[np.arange(9) % 3] + 0.2 * rng.normal(size=(9, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    tags = [list(rng.choice(names[:8], rng.integers(0, 4))) for _ in range(n)]
    ids = np.array([f"id-{i:03d}" for i in rng.permutation(n)])
    scores = {"quality": rng.integers(1, 5, n).astype(float)}
    return Pool(ids, scores=scores, tags=tag_rows(tags, names, vectors))


def test_the_worked_example():
    kept = mig(FOUR, QUALITY, ALIKE, 4)
    assert kept.ids.dtype == np.int64
    assert kept.ids.tolist() == [3, 0, 1, 2]
    # step 3: 1.8697 for row 1; row 2 stays at 1.2844
    assert kept.gains == pytest.approx([76.075, 2.9501, 1.8697, 1.2844], abs=5e-4)
    assert mig(FOUR, QUALITY, ALIKE, 4, scale=0).ids.tolist() == [3, 1, 0, 2]


def test_the_first_gains_of_the_worked_example():
    for row, gain in enumerate([50.717, 38.037, 25.358, 76.075]):
        alone = np.zeros(4)
        alone[row] = QUALITY[row]  # the graph keeps its labels, only this row has quality
        kept = mig(FOUR, alone, ALIKE, 1)
        assert (kept.ids[0], kept.gains[0]) == (row, pytest.approx(gain, abs=1e-3))


def test_the_gradient_is_not_the_exact_gain():
    rows = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]])
    kept = mig(rows, [10, 9, 1, 8], ALIKE, 3)
    assert kept.ids.tolist() == [0, 2, 1]
    assert kept.gains[1:] == pytest.approx([12.679, 5.217], abs=1e-3)
    assert mig(rows, [10, 9, 1, 8], ALIKE, 3, gain="exact").ids.tolist() == [0, 1, 3]


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 30),
    labels=st.integers(1, 8),
    threshold=st.floats(0, 1),
    scale=st.floats(0, 2),
    gain=st.sampled_from(["gradient", "exact"]),
    normalised=st.booleans(),
    sparse=st.booleans(),
    seed=st.integers(0, 999),
)
def test_equals_the_dense_naive_greedy(n, labels, threshold, scale, gain, normalised, sparse, seed):
    rows, quality, similarity = random_pool(n, labels, seed)
    options = {"threshold": threshold, "scale": scale, "gain": gain, "normalised": normalised}
    form = csr_array if sparse else np.asarray
    kept = mig(form(rows), quality, form(similarity), n, **options)
    picks, gains = naive_mig(rows, quality, similarity, n, **options)
    some = int((np.array(gains) > 1e-9).sum())  # then only rows without a label are left
    assert kept.ids[:some].tolist() == picks[:some]
    assert kept.gains == pytest.approx(gains, rel=1e-7, abs=1e-9)
    assert kept.ids[some:].tolist() == sorted(np.flatnonzero(~rows.any(axis=1)))
    assert (np.diff(kept.gains) <= 1e-12 * kept.gains[:-1]).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.sampled_from(["gradient", "exact"]), st.integers(0, 99))
def test_size_and_prefix(n, gain, seed):
    rows, quality, similarity = random_pool(n, 6, seed)
    quality[::5] = np.nan
    whole = mig(rows, quality, similarity, n, gain=gain, threshold=0.7)
    assert sorted(whole.ids) == np.flatnonzero(np.isfinite(quality)).tolist()
    part = mig(rows, quality, similarity, n // 2, gain=gain, threshold=0.7)
    assert part.ids.tolist() == whole.ids[: n // 2].tolist()


@pytest.mark.parametrize("gain", ["gradient", "exact"])
def test_a_common_factor_of_quality_changes_nothing(gain):
    rows, quality, similarity = random_pool(40, 6, 3)
    # every row informs every label, so that 1e-6 is negligible from the second step on
    rows[:, 0], full = 1, np.ones_like(similarity)
    orders = [
        mig(rows, quality * c, full * 0.95, 40, gain=gain).ids.tolist() for c in (1e3, 1e4, 1e6)
    ]
    assert orders[0] == orders[1] == orders[2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from(["gradient", "exact"]))
def test_the_order_of_rows_does_not_matter(seed, gain):
    pool = tagged_pool(30, seed)
    order = np.random.default_rng(seed + 1).permutation(30)
    scores = {"quality": pool.scores["quality"][order]}
    other = Pool(pool.ids[order], scores=scores, tags=pool.tags.of(order))
    one, two = (run(SELECTOR, p, 20, 0, gain=gain, threshold=0.8) for p in (pool, other))
    assert one.ids.tolist() == two.ids.tolist()
    assert one.gains.tolist() == two.gains.tolist()
    assert one.reasons == two.reasons


def test_the_core_equals_the_function_on_cosines():
    pool = tagged_pool(40, 5)
    ordered = np.argsort(pool.ids)
    vectors = pool.tags.vectors.astype(float)
    by_array = mig(
        pool.tags.of(ordered).rows,
        pool.scores["quality"][ordered],
        np.minimum(vectors @ vectors.T, 1),
        30,
        threshold=0.8,
    )
    kept = run(SELECTOR, pool, 30, 0, threshold=0.8)
    assert kept.ids.tolist() == pool.ids[ordered][by_array.ids].tolist()
    assert kept.gains == pytest.approx(by_array.gains, rel=1e-9)


def test_reasons_name_the_tags():
    vectors = np.eye(3, dtype=np.float32)
    tags = tag_rows([["b", "a"], ["c"], [], ["a"]], ["a", "b", "c"], vectors)
    pool = Pool(np.array(list("wxyz")), scores={"quality": np.array([2.0, 1, 9, 0])}, tags=tags)
    kept = run(SELECTOR, pool, 4, 0)
    assert kept.ids.tolist() == ["w", "x", "y", "z"]
    assert kept.reasons[:2] == [
        "Raises the information of 'a' and 'b' most: gain 50.72.",
        "Raises the information of 'c' most: gain 12.68.",
    ]
    assert all(reason.startswith("Fills the budget") for reason in kept.reasons[2:])


def test_a_tag_that_no_row_has_takes_no_information():
    wide = np.full((4, 4), 0.95)
    rows = np.column_stack([FOUR, np.zeros(4, int)])
    wide[:3, :3] = ALIKE
    kept, narrow = mig(rows, QUALITY, wide, 4), mig(FOUR, QUALITY, ALIKE, 4)
    assert kept.gains.tolist() == narrow.gains.tolist()


def test_a_label_named_twice_counts_once():
    twice = coo_array((np.ones(6), ([0, 0, 1, 2, 3, 3], [0, 0, 1, 2, 0, 2])), shape=(4, 3))
    assert (
        mig(twice, QUALITY, ALIKE, 4).gains.tolist() == mig(FOUR, QUALITY, ALIKE, 4).gains.tolist()
    )
    assert twice.nnz == 6  # the caller's rows are left as they were


def test_rows_without_a_finite_quality_are_set_aside():
    kept = mig(FOUR, [4, np.nan, np.inf, 3], ALIKE, 3)
    assert kept.ids.tolist() == [3, 0]
    assert "mig kept 2 rows of the 3 asked for" in kept.note
    assert "2 of 4 rows are set aside: quality is NaN or infinite." in kept.note
    none = mig(FOUR, [np.nan] * 4, ALIKE, 2)
    assert len(none.ids) == len(none.gains) == len(none.reasons) == 0


def test_a_pool_without_any_tag_is_filled_by_position():
    kept = mig(np.zeros((3, 0)), [1, 2, 3], np.zeros((0, 0)), 2)
    assert kept.ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"quality": [1, -2, 3, 4]}, DataError, "Qualities of row 1 is -2"),
        ({"quality": [1, 2]}, DataError, "shape"),
        ({"quality": ["a"] * 4}, DataError, "give an array of numbers"),
        ({"rows": FOUR * 2}, DataError, "other values than 0 and 1"),
        ({"rows": FOUR[0]}, DataError, "N x L"),
        ({"similarity": np.eye(2)}, DataError, "3 x 3"),
        ({"similarity": np.full((3, 3), np.nan)}, DataError, "NaN or infinite"),
        ({"similarity": csr_array(np.triu(ALIKE))}, DataError, "symmetric"),
        ({"budget": 5}, BudgetError, "more than the 4 rows"),
        ({"threshold": 1.5}, ConfigError, "threshold is 1.5"),
        ({"scale": -1.0}, ConfigError, "scale is -1.0"),
        ({"gain": "newton"}, ConfigError, "'gradient' or 'exact'"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    given_ = {"rows": FOUR, "quality": QUALITY, "similarity": ALIKE, "budget": 2} | change
    with pytest.raises(error, match=message):
        mig(**given_)
