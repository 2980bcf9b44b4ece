import numpy as np
import pytest
import torch

from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.scores.graph_attention.attention_layer import (
    Pattern,
    attend,
    coefficients,
    received,
    sums,
)
from sluice.scores.graph_attention.gat import forward, initial_weights
from sluice.scores.graph_attention.subgraph_batches import packs_of


def graph_of(n, sources, targets):
    ids = np.array([f"{i:03d}" for i in range(n)])
    sources, targets = np.asarray(sources), np.asarray(targets)
    ones = np.ones(len(sources))
    return InstanceGraph.of_edges(ids, sources, targets, ones, np.zeros(n, dtype=np.int64))


def pattern_of(graph):
    packs = packs_of(graph)
    assert len(packs) == 1
    pack = packs.pack(0)
    return Pattern.of(pack), pack.positions


def random_graph(n=12, edges=25, seed=0):
    """Row n - 1 has no neighbour."""
    rng = np.random.default_rng(seed)
    return graph_of(n, rng.integers(0, n - 1, edges), rng.integers(0, n - 1, edges))


def test_the_worked_path():
    """Path 0-1-2, one head, z = (0, ln 2, 2 ln 2), a takes the neighbour alone."""
    pattern, positions = pattern_of(graph_of(3, [0, 1], [1, 2]))
    assert positions.tolist() == [0, 1, 2]
    z = np.log(2) * torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)
    alpha = coefficients(torch.zeros_like(z), z, pattern)
    expected = [1 / 3, 2 / 3, 1 / 7, 2 / 7, 4 / 7, 1 / 3, 2 / 3]
    np.testing.assert_allclose(alpha[:, 0], expected, rtol=1e-14)
    np.testing.assert_allclose(received(alpha, pattern)[:, 0], [1 / 7, 1, 4 / 7], rtol=1e-14)
    with_self = sums(alpha[pattern.mirror], pattern)[:, 0]
    np.testing.assert_allclose(with_self, [10 / 21, 9 / 7, 26 / 21], rtol=1e-14)
    assert float(with_self.sum()) == pytest.approx(3, abs=1e-14)


def test_every_row_pays_one_and_all_that_is_paid_is_received():
    pattern, _ = pattern_of(random_graph())
    draws = torch.Generator().manual_seed(0)
    # logits of hundreds: without the row's maximum, exp would overflow
    source, target = (300 * torch.randn(12, 5, generator=draws) for _ in range(2))
    alpha = coefficients(source, target, pattern)
    assert bool(torch.isfinite(alpha).all())
    np.testing.assert_allclose(sums(alpha.double(), pattern), 1, atol=1e-6)
    everything = sums(alpha.double()[pattern.mirror], pattern)
    np.testing.assert_allclose(everything.sum(dim=0), 12, atol=1e-5)
    own = alpha.double()[pattern.rows == pattern.columns]
    np.testing.assert_allclose(received(alpha, pattern), everything - own, atol=1e-12)
    assert bool((received(alpha, pattern)[11] == 0).all()), "nobody attends to an isolated row"


def test_gradients_are_those_of_finite_differences():
    pattern, _ = pattern_of(random_graph())
    draws = torch.Generator().manual_seed(1)

    def numbers(*shape):
        values = torch.randn(*shape, generator=draws, dtype=torch.float64)
        return values.requires_grad_(True)

    given = (numbers(3, 12, 4), numbers(12, 3), numbers(12, 3))
    assert torch.autograd.gradcheck(lambda *some: attend(*some, pattern), given)


def layer_by_hand(graph, rows, weights, source, target, bias):
    """One layer of one network, row by row: (heads of width) outputs and attention."""
    heads, width = bias.shape
    n = len(rows)
    z = (rows @ weights).reshape(n, heads, width)
    out, alphas = np.zeros((n, heads, width)), np.zeros((heads, n, n))
    for h in range(heads):
        for i in range(n):
            near = sorted({i, *graph.neighbours[graph.begin[i] : graph.begin[i + 1]].tolist()})
            logits = np.array([z[i, h] @ source[h] + z[j, h] @ target[h] for j in near])
            logits = np.where(logits > 0, logits, 0.2 * logits)
            alpha = np.exp(logits) / np.exp(logits).sum()
            alphas[h, i, near] = alpha
            out[i, h] = alpha @ z[near, h] + bias[h]
    return out, alphas


@pytest.mark.parametrize("silenced", [None, (0, 2)])
def test_the_networks_are_what_their_formula_says(silenced):
    graph = random_graph(seed=3)
    pattern, positions = pattern_of(graph)
    rows = np.random.default_rng(0).normal(size=(12, 7)).astype(np.float32)
    weights = initial_weights(2, 7, 3, seed=5)
    for name, values in weights.items():
        if name.endswith("bias"):
            values += torch.rand(values.shape, generator=torch.Generator().manual_seed(1))
    given = torch.from_numpy(rows[positions])
    found = forward(weights, given, pattern, attention=True, silenced=silenced)
    for k in range(2):
        own = {name: values[k].double().numpy() for name, values in weights.items()}
        parts = [f"_{part}" for part in ("source", "target", "bias")]
        out, first = layer_by_hand(graph, rows, own["first"], *(own["first" + p] for p in parts))
        hidden = np.where(out > 0, out, np.exp(out) - 1)
        if silenced:
            hidden[:, silenced[1]] = 0
        hidden = hidden.reshape(12, -1)
        out, second = layer_by_hand(
            graph, hidden, own["second"], *(own["second" + p] for p in parts)
        )
        np.testing.assert_allclose(found.logits[k], out[positions, 0], atol=1e-5)
        for layer, alphas in enumerate((first, second)):
            i, j = positions[pattern.rows], positions[pattern.columns]
            np.testing.assert_allclose(found.alphas[layer][k].T, alphas[:, i, j], atol=1e-5)
