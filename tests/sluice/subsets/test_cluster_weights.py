import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.subsets.clustered.cluster_weights import cluster_means, updated

numbers = st.floats(-1e6, 1e6)


@st.composite
def clusters(draw):
    k = draw(st.integers(1, 8))
    weights = np.array(draw(st.lists(st.floats(1e-3, 1), min_size=k, max_size=k)))
    rewards = draw(st.lists(numbers | st.just(np.nan), min_size=k, max_size=k))
    return weights / weights.sum(), np.array(rewards)


def test_worked_example():
    first = updated(np.full(3, 1 / 3), np.array([0.2, 0.6, 0.2]))
    assert first == pytest.approx([0.2, 0.6, 0.2])
    second = updated(first, np.array([0.5, 0.25, 0.25]))
    assert second == pytest.approx([1 / 3, 1 / 2, 1 / 6])


def test_softmax_is_of_the_rewards_alone():
    for weights in ([0.5, 0.5], [0.9, 0.1]):
        got = updated(np.array(weights), np.array([np.log(3.0), 0.0]), update="softmax")
        assert got == pytest.approx([0.75, 0.25])


@settings(max_examples=200, deadline=None)
@given(clusters(), st.sampled_from(["paper", "softmax"]), st.sampled_from([0.0, 1e-6]))
def test_weights_are_a_distribution(content, update, floor):
    weights, rewards = content
    after = updated(weights, rewards, update=update, floor=floor)
    assert (after >= 0).all()
    assert after.sum() == pytest.approx(1)


@settings(max_examples=100, deadline=None)
@given(clusters(), numbers)
def test_equal_rewards_leave_the_weights(content, reward):
    weights, _ = content
    assert updated(weights, np.full(len(weights), reward)) == pytest.approx(weights)


@settings(max_examples=200, deadline=None)
@given(clusters())
def test_a_cluster_without_a_reward_keeps_its_weight(content):
    weights, rewards = content
    after = updated(weights, rewards)
    unknown = np.isnan(rewards)
    assert after[unknown] == pytest.approx(weights[unknown])
    known = ~unknown
    if known.any():  # and the others share theirs by equation 6
        products = weights[known] * np.maximum(rewards[known], 1e-6)
        expected = products / products.sum() * weights[known].sum()
        assert after[known] == pytest.approx(expected, abs=1e-12)


def test_softmax_gives_a_cluster_without_a_reward_the_mean_of_the_others():
    after = updated(np.array([0.5, 0.25, 0.25]), np.array([1.0, np.nan, 4.0]), update="softmax")
    assert after == pytest.approx(np.exp([1, 2, 4]) / np.exp([1, 2, 4]).sum())


def test_floor():
    after = updated(np.full(3, 1 / 3), np.array([-5.0, 1.0, 0.0]), floor=1e-6)
    assert after == pytest.approx(np.array([1e-6, 1, 1e-6]) / (1 + 2e-6))
    assert updated(np.full(2, 0.5), np.array([-5.0, -1.0])).tolist() == [0.5, 0.5]
    assert updated(np.full(2, 0.5), np.array([0.0, 2.0]), floor=0).tolist() == [0, 1]
    assert updated(np.array([0.3, 0.7]), np.zeros(2), floor=0).tolist() == [0.3, 0.7]
    # what has weight 0 never comes back, even if only it was seen
    assert updated(np.array([0.0, 1.0]), np.array([3.0, np.nan]), floor=0).tolist() == [0, 1]


def test_cluster_means_leave_out_what_is_not_finite():
    labels = np.array([0, 0, 0, 2, 2])
    means = cluster_means(labels, np.array([1.0, 3.0, np.nan, np.inf, np.nan]), 4)
    assert means[0] == 2
    assert np.isnan(means[1:]).all()
