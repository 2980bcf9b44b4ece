import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

from sluice.core.errors import ConfigError, DataError
from sluice.heads.logistic import fit_head
from sluice.heads.network import Network, NetworkConfig, fit_network, softmax
from sluice.heads.perturbation import deep_fool, separations


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x.astype(np.float32), y


@pytest.fixture(scope="module")
def network(iris):
    return fit_network(*iris, 3, seed=0, config=NetworkConfig(width=16))


def test_it_learns_and_is_the_same_again(iris, network):
    x, y = iris
    assert (network.predict_proba(x).argmax(axis=1) == y).mean() > 0.93
    again = fit_network(x, y, 3, seed=0, config=NetworkConfig(width=16))
    assert np.array_equal(again.first, network.first)
    other = fit_network(x, y, 3, seed=1, config=NetworkConfig(width=16))
    assert not np.array_equal(other.first, network.first)


def test_gradient_lengths_are_autograds(iris, network):
    x = iris[0][::30]
    lengths = network.gradient_lengths(x)
    for row in range(len(x)):
        for label in range(3):
            parts = [
                torch.tensor(w, requires_grad=True)
                for w in (network.first, network.first_bias, network.last, network.last_bias)
            ]
            hidden = torch.relu(torch.tensor(x[row], dtype=torch.float64) @ parts[0].T + parts[1])
            loss = -(hidden @ parts[2].T + parts[3]).log_softmax(0)[label]
            g = torch.autograd.grad(loss, parts)
            first = torch.cat([g[0].ravel(), g[1]]).norm().item()
            last = torch.cat([g[2].ravel(), g[3]]).norm().item()
            assert lengths["first"][row, label] == pytest.approx(first, rel=1e-9)
            assert lengths["last"][row, label] == pytest.approx(last, rel=1e-9)


def test_passes_average_to_the_network_and_do_not_know_other_rows(iris, network):
    x = iris[0]
    passes = network.passes(x, 400, seed=3)
    assert passes.shape == (400, 150, 3)
    np.testing.assert_allclose(passes.sum(axis=2), 1)
    assert abs(passes.mean(axis=0) - network.predict_proba(x)).mean() < 0.06
    np.testing.assert_allclose(network.passes(x[5:6], 400, seed=3)[:, 0], passes[:, 5])
    none = Network(network.first, network.first_bias, network.last, network.last_bias, 0.0)
    np.testing.assert_allclose(none.passes(x, 2, 0)[1], network.predict_proba(x))


def test_deep_fool_finds_the_boundary(iris, network):
    x = iris[0]
    lengths = deep_fool(network, x)
    assert (lengths > 0).all()
    # no shorter change in many random directions may change the class
    rng = np.random.default_rng(0)
    best = network.logits(x).argmax(axis=1)
    for _ in range(50):
        way = rng.normal(size=x.shape)
        way *= 0.5 * lengths[:, None] / np.linalg.norm(way, axis=1, keepdims=True)
        assert (network.logits(x + way).argmax(axis=1) == best).mean() > 0.97


def test_deep_fool_on_a_linear_network_is_the_closed_form(iris):
    x, y = iris
    head = fit_head(x, y, 3)
    # relu(t) - relu(-t) = t: a network that is the linear head
    eye = np.eye(4)
    network = Network(
        np.vstack([eye, -eye]),
        np.zeros(8),
        np.hstack([head.weights, -head.weights]),
        head.intercepts,
        0.0,
    )
    logits = x.astype(np.float64) @ head.weights.T + head.intercepts
    np.testing.assert_allclose(softmax(logits), head.predict_proba(x), atol=1e-12)
    closed = separations(logits, head.weights).min(axis=1)
    np.testing.assert_allclose(deep_fool(network, x), closed, rtol=1e-5)
    best = logits.argmax(axis=1)
    for row in range(0, 150, 10):
        gaps = [
            (logits[row, best[row]] - logits[row, k])
            / np.linalg.norm(head.weights[best[row]] - head.weights[k])
            for k in range(3)
            if k != best[row]
        ]
        assert closed[row] == pytest.approx(min(gaps))


def test_a_class_that_never_changes_is_farthest_of_all():
    network = Network(np.zeros((2, 2)), np.zeros(2), np.zeros((2, 2)), np.array([1.0, 0]), 0.5)
    assert deep_fool(network, np.ones((1, 2)))[0] == np.finfo(np.float64).max


def test_bad_settings_and_rows():
    with pytest.raises(ConfigError, match="dropout"):
        NetworkConfig(dropout=1.0)
    with pytest.raises(DataError, match="each of at least one row"):
        fit_network(np.empty((0, 2)), np.empty(0, int), 2, 0)
