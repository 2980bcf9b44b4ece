import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.noise.small_loss import keep_fraction, small_loss, warm_up_losses


def names(n):
    return np.array([f"id-{i:03d}" for i in range(n)])


def test_worked_fractions():
    assert keep_fraction(0.5) == pytest.approx(0.40)
    assert keep_fraction(0.2) == pytest.approx(0.72)
    assert keep_fraction(0.0) == 0.9
    assert keep_fraction(0.9) == 0.0
    assert keep_fraction(1.0) == 0.0
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(ConfigError, match="noise rate"):
            keep_fraction(rate)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0, 1))
def test_equals_a_sort_of_each_class(seed, n, rate):
    rng = np.random.default_rng(seed)
    losses, y = rng.integers(0, 6, (3, n)) / 4, rng.integers(0, 3, n)
    ids = rng.permutation(names(n))
    kept = small_loss(losses, y, rate, ids=ids)
    for one in range(3):
        members = sorted(np.flatnonzero(y == one), key=lambda i: (losses[:, i].mean(), ids[i]))
        count = int(keep_fraction(rate) * len(members) + 1e-9)
        assert set(np.flatnonzero(kept & (y == one))) == set(members[:count])
    order = rng.permutation(n)
    again = small_loss(losses[:, order], y[order], rate, ids=ids[order])
    assert np.array_equal(again, kept[order])


def test_a_share_that_binary_numbers_miss_is_not_rounded_down_by_one():
    assert keep_fraction(0.65) * 100 < 22
    assert small_loss(np.arange(100.0), np.zeros(100, int), 0.65, ids=names(100)).sum() == 22


def groups(n=240, wrong=0.2, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    x = 2.0 * np.eye(3)[truth] @ rng.normal(size=(3, 8)) + 0.3 * rng.normal(size=(n, 8))
    flipped = rng.uniform(size=n) < wrong
    given_labels = np.where(flipped, (truth + 1) % 3, truth)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), given_labels, flipped


def test_wrong_labels_have_the_greater_losses():
    x, y, flipped = groups()
    losses = warm_up_losses(x, y, ids=names(len(y)), epochs=10, batch=32)
    assert losses.shape == y.shape
    kept = small_loss(losses, y, 0.2, ids=names(len(y)))
    assert flipped[kept].mean() < 0.02
    assert losses[flipped].mean() > 2 * losses[~flipped].mean()


def test_the_order_of_rows_changes_nothing_and_the_seed_does():
    x, y, _ = groups(100)
    ids = names(100)
    losses = warm_up_losses(x, y, ids=ids, epochs=3, batch=16)
    order = np.random.default_rng(1).permutation(100)
    again = warm_up_losses(x[order], y[order], ids=ids[order], epochs=3, batch=16)
    assert np.array_equal(again, losses[order])
    other = warm_up_losses(x, y, ids=ids, epochs=3, batch=16, seed=1)
    assert not np.array_equal(other, losses)


def test_one_full_batch_epoch_is_log_classes():
    x, y, _ = groups(50)
    losses = warm_up_losses(x, y, ids=names(50), epochs=1, batch=50)
    assert losses == pytest.approx(np.full(50, np.log(3)))


def test_two_epochs_equal_gradient_descent_by_hand():
    x, y, _ = groups(40)
    wide, hot = np.column_stack([x.astype(float), np.ones(40)]), np.eye(3)[y]
    gradient = (np.full((40, 3), 1 / 3) - hot).T @ wide / 40
    logits = wide @ (-0.1 * gradient).T
    second = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(40), y]
    losses = warm_up_losses(x, y, ids=names(40), epochs=2, batch=64)
    assert losses == pytest.approx((np.log(3) + second) / 2, abs=1e-5)


def test_bad_input():
    with pytest.raises(DataError, match="loss of row 1 is nan"):
        small_loss([0.1, np.nan], [0, 0], 0.1, ids=names(2))
    with pytest.raises(DataError, match=r"\(T, n\)"):
        small_loss(np.zeros((1, 1, 1)), [0], 0.1, ids=names(1))
    with pytest.raises(DataError, match="Labels hold -1 in row 1"):
        small_loss([0.1, 0.2], [0, -1], 0.1, ids=names(2))
    with pytest.raises(DataError, match="'a' occurs twice"):
        small_loss([0.1, 0.2], [0, 1], 0.1, ids=["a", "a"])
    with pytest.raises(DataError, match="give an array of numbers"):
        small_loss(["x"], [0], 0.1, ids=names(1))
    with pytest.raises(ConfigError, match="epochs"):
        warm_up_losses(np.ones((2, 2)), [0, 1], ids=names(2), epochs=0)
    with pytest.raises(DataError, match="from 0 to 1"):
        warm_up_losses(np.ones((2, 2)), [0, 2], ids=names(2), n_classes=2)
