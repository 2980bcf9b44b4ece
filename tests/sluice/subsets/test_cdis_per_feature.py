import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import BudgetError, ConfigError, DataError
from sluice.graphs.features import feature_rows
from sluice.subsets import cdis_per_feature
from sluice.subsets.contract import Pool
from sluice.subsets.features.cdis_per_feature import SELECTOR, density_peaks
from sluice.subsets.instance_selection.cdis import cdis
from sluice.subsets.runner import run

FEATURES = st.lists(st.lists(st.sampled_from("FGHI"), max_size=3), min_size=1, max_size=20)


def vectors(n, seed, width=3):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def naive(rows, members, k):
    """Density of each member, and whether it is a peak: row by row."""
    points = rows.astype(float)
    density, near = {}, {}
    for i in members:
        others = [j for j in members if j != i]
        near[i] = sorted(others, key=lambda j: (np.linalg.norm(points[i] - points[j]), j))[:k]
        total = sum(1 / (1 + np.linalg.norm(points[i] - points[j])) for j in others)
        if near[i]:
            total /= 1 + np.linalg.norm(points[i] - points[near[i]].mean(axis=0))
        density[i] = total
    return density, {i for i in members if all(density[j] <= density[i] for j in near[i])}


@settings(max_examples=80, deadline=None)
@given(FEATURES, st.integers(1, 4), st.integers(0, 9999), st.booleans(), st.data())
def test_is_the_naive_rule_feature_by_feature(features, k, seed, keep_empty, data):
    rows = vectors(len(features), seed)
    counted = [row or ["none"] * keep_empty for row in features]
    peaks, share = set(), {}
    for f in sorted({f for row in counted for f in row}):
        members = [r for r, row in enumerate(counted) if f in row]
        density, mine = naive(rows, members, k)
        peaks |= mine
        for rank, r in enumerate(sorted(members, key=lambda r: (r not in mine, -density[r], r))):
            share.setdefault(r, []).append(rank / len(members))
    options = {"n_neighbors": k, "keep_empty": keep_empty}
    found = cdis_per_feature(rows, features, **options)
    assert set(found.ids.tolist()) == peaks
    ranking = sorted(share, key=lambda r: (r not in peaks, min(share[r]), r))
    assert found.ids.tolist() == ranking[: len(peaks)]
    budget = data.draw(st.integers(1, len(rows)))
    kept = cdis_per_feature(rows, features, budget, **options)
    assert kept.ids.tolist() == ranking[:budget]  # and nested
    for row, reason in zip(kept.ids.tolist(), kept.reasons, strict=True):
        assert reason.startswith("A density peak" if row in peaks else "Fills the budget")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_one_feature_a_row_is_cdis_with_classes(n, classes, k, seed):
    rows = vectors(n, seed)
    labels = np.random.default_rng(seed).integers(0, classes, n)
    pool = Pool(np.array([f"{i:03d}" for i in range(n)]), rows, labels)
    features = [[f"class {c}"] for c in labels]
    ours = set(cdis_per_feature(rows, features, n_neighbors=k).ids.tolist())
    assert ours == set(cdis(pool, None, 0, n_neighbors=k).positions.tolist())


def test_by_hand():
    # the line of the test of cdis: of 0, 1, 2 and 10 the row 1 is the peak
    rows = np.array([[0], [1], [2], [10]], dtype=np.float32)
    kept = cdis_per_feature(rows, [["F"]] * 4, n_neighbors=1)
    assert kept.ids.tolist() == [1]
    assert kept.gains == pytest.approx([(1 / 2 + 1 / 2 + 1 / 10) / 2])
    assert kept.reasons == [
        "A density peak: central density 0.55, number 1 of the 4 rows with 'F'."
    ]
    assert kept.note == "1 of 4 rows are density peaks of a feature."
    # alone in its feature, a row is the peak of it
    both = cdis_per_feature(rows, [["F"], ["F"], ["F"], ["F", "G"]], n_neighbors=1)
    assert both.ids.tolist() == [1, 3]
    full = cdis_per_feature(rows, [["F"]] * 4, 4, n_neighbors=1)
    assert full.ids.tolist()[0] == 1
    assert "Fills the budget, no density peak" in full.reasons[1]


def test_every_feature_has_a_row_before_any_has_two():
    rows = vectors(60, 3)
    features = [["F"]] * 40 + [["G"]] * 15 + [["H"]] * 5
    kept = cdis_per_feature(rows, features, 3)
    assert {features[r][0] for r in kept.ids.tolist()} == {"F", "G", "H"}


def test_rows_without_a_feature():
    rows, features = vectors(5, 1), [["F"], [], [], ["F"], []]
    kept = cdis_per_feature(rows, features, 5)
    assert set(kept.ids.tolist()) == {0, 3}
    assert "3 of 5 rows have no feature" in kept.note
    assert len(cdis_per_feature(rows, features, 5, keep_empty=True).ids) == 5
    assert len(cdis_per_feature(rows, [[]] * 5).ids) == 0


def test_pool_in_any_order():
    rng = np.random.default_rng(4)
    rows = vectors(40, 4)
    rows[30:] = rows[:10]  # ties
    features = [list(rng.choice(list("FGH"), rng.integers(0, 3))) for _ in range(40)]
    ids = np.array([f"row {i:02d}" for i in range(40)])
    plain = cdis_per_feature(rows, features, 12)
    for order in (np.arange(40), rng.permutation(40)):
        named = feature_rows([features[i] for i in order])
        kept = run(SELECTOR, Pool(ids[order], rows[order], features=named), 12, 0)
        assert kept.ids.tolist() == [f"row {i:02d}" for i in plain.ids]
        assert kept.reasons == plain.reasons


def test_a_feature_of_rows_that_are_not_there():
    features = feature_rows([["F"], ["G"]]).of(np.array([1]))
    found = density_peaks(vectors(1, 0), features, 3)
    assert found.peak.tolist() == [True]
    assert cdis_per_feature(vectors(1, 0), features, 1).ids.tolist() == [0]


def test_bad_input():
    with pytest.raises(ConfigError, match="n_neighbors is 0"):
        cdis_per_feature(vectors(2, 0), [["F"], ["F"]], n_neighbors=0)
    with pytest.raises(DataError, match="Features are of 1 rows"):
        cdis_per_feature(vectors(2, 0), [["F"]])
    with pytest.raises(BudgetError, match="more than the 2 rows"):
        cdis_per_feature(vectors(2, 0), [["F"], ["F"]], 3)
