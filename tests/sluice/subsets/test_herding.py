import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import blobs, grids, pool_of

from sluice.core.errors import ConfigError
from sluice.subsets.covering.herding import fourier_features, herd, herding
from sluice.subsets.quotas import class_sequence


def drawn(d, half, seed):
    return np.random.default_rng(seed).normal(size=(d, half))


def by_definition(phi, count):
    """Greedy herding over distinct rows, in float64."""
    mean, weight, picks, gains = phi.mean(axis=0), phi.mean(axis=0), [], []
    for _ in range(count):
        scores = phi @ weight
        scores[picks] = -np.inf
        picks.append(int(np.argmax(scores)))
        gains.append(scores[picks[-1]])
        weight = weight + mean - phi[picks[-1]]
    return picks, gains


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 999), st.data())
def test_greedy_by_definition(n, d, seed, data):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    count = data.draw(st.integers(1, n))
    frequencies = drawn(d, 16, seed)
    picks, gains = herd(rows, frequencies, count)
    phi = fourier_features(rows, frequencies).astype(np.float64)
    expected, values = by_definition(phi, count)
    # float32 scores decide: where they part, the definition's two scores are as good as equal
    for step in range(count):
        if picks[step] != expected[step]:
            before = phi[picks[:step]].sum(axis=0)
            weight = (step + 1) * phi.mean(axis=0) - before
            assert phi[picks[step]] @ weight == pytest.approx(values[step], abs=1e-5)
            break
        assert gains[step] == pytest.approx(values[step], abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(grids(), st.integers(0, 999))
def test_copies_tie_exactly_and_go_by_id(content, seed):
    rows, _ = content
    picks, _ = herd(rows, drawn(rows.shape[1], 8, seed), len(rows))
    assert sorted(picks.tolist()) == list(range(len(rows)))
    for value in np.unique(rows, axis=0):
        copies = picks[(rows[picks] == value).all(axis=1)]
        assert (np.diff(copies) > 0).all()


def test_features_estimate_the_kernel():
    rows = blobs(40, 3, 2, 0)[0]
    phi = fourier_features(rows, drawn(3, 5_000, 1) / 2.0).astype(np.float64)
    squared = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    assert np.abs(phi @ phi.T - np.exp(-squared / 8)).max() < 0.08
    assert (phi**2).sum(axis=1) == pytest.approx(np.ones(40), abs=1e-4)


def test_mean_of_the_picks_is_nearer_the_class_mean_than_random_rows():
    rows = blobs(600, 4, 6, 1)[0]
    picks = herding(pool_of(rows, np.zeros(600, dtype=int)), 30, 0).positions
    width = np.median(np.linalg.norm(rows[:, None] - rows[None], axis=2)[np.triu_indices(600, 1)])
    phi = fourier_features(rows, drawn(4, 2000, 5) / width).astype(np.float64)
    rng = np.random.default_rng(0)
    some = [rng.choice(600, 30, replace=False) for _ in range(20)]
    error = [np.linalg.norm(phi[s].mean(axis=0) - phi.mean(axis=0)) for s in [picks, *some]]
    assert error[0] < 0.5 * min(error[1:])


def test_classes_take_turns_and_reasons_count():
    rows, _ = blobs(60, 3, 3, 2)
    labels = np.repeat([0, 1, 2], [40, 19, 1])
    picks = herding(pool_of(rows, labels, ("a", "b", "c")), 9, 0)
    assert labels[picks.positions].tolist() == class_sequence(np.array([40, 19, 1]), 9).tolist()
    assert picks.reasons[0] == (
        "Number 1 of class 'a': closest to what the mean of its 40 rows has and those before it "
        f"lack ({picks.gains[0]:.4f})."
    )
    assert [reason.split(":")[0] for reason in picks.reasons[1:4]] == [
        "Number 1 of class 'b'", "Number 1 of class 'c'", "Number 2 of class 'a'"
    ]  # fmt: skip


def test_constant_columns_and_classes_of_one_row():
    assert herding(pool_of(np.ones((1, 2)), [0]), 1, 0).positions.tolist() == [0]
    equal = herding(pool_of(np.ones((6, 2)), [0, 1, 0, 1, 0, 1]), 6, 0)
    assert equal.positions.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_row_scale_of_any_size_gives_the_same_picks():
    rows, labels = blobs(200, 3, 2, 3)
    small, large = (
        herding(pool_of(rows * np.float32(scale), labels), 20, 0) for scale in (2.0**-20, 2.0**20)
    )
    assert small.positions.tolist() == large.positions.tolist()


@pytest.mark.parametrize("features", [0, -2, 7, 2.0, True, "512"])
def test_wrong_features(features):
    with pytest.raises(ConfigError, match="give a positive even integer"):
        herding(pool_of(np.arange(4.0), [0, 0, 1, 1]), 2, 0, features=features)
