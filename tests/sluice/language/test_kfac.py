"""K-FAC against explicit inverses, and influence against gradients that are formed whole."""

import numpy as np
import pytest
import torch
from plain_losses import pair_of
from tiny_language_model import SENTENCES

from sluice.core.errors import ConfigError, DataError
from sluice.language.checkpoint import CausalModel
from sluice.language.training.kfac import KfacInfluence
from sluice.language.training.kfac_factors import LayerCurvature
from sluice.language.training.linear_layers import block_layers, row_factors, row_gradients


def curved(inputs, outputs, damping):
    """A layer whose factors are given."""
    layer = LayerCurvature()
    layer.inputs, layer.outputs = inputs.clone(), outputs.clone()
    layer._tokens = layer._rows = 1
    layer.decompose()
    layer.damp(damping, relative=False)
    return layer


def inverse_product(layer, gradient):
    """The damped inverse of the curvature times the gradient of a row with a token an output."""
    each = torch.eye(len(gradient)).double()
    return layer.returned(layer.divided(layer.rotated(gradient[None], each[None])))[0]


def test_worked_example():
    a, s = (
        torch.diag(torch.tensor([2.0, 1.0])).double(),
        torch.diag(torch.tensor([4.0, 1.0])).double(),
    )
    v = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()
    found = inverse_product(curved(a, s, 0.0), v)
    assert torch.allclose(found, torch.tensor([[0.125, 0.5], [1.5, 4.0]]).double())


@pytest.mark.parametrize("damping", [1e-3, 0.5])
def test_the_eigen_form_is_the_explicit_inverse(damping):
    rng = torch.Generator().manual_seed(0)
    x, d = (torch.randn(9, k, generator=rng).double() for k in (3, 2))
    a, s = x.T @ x / 9, d.T @ d / 9
    layer = curved(a, s, damping)
    v, w = (torch.randn(2, 3, generator=rng).double() for _ in range(2))
    # vec by rows: (S kron A + lambda I) vec(V)
    whole = torch.kron(s, a) + damping * torch.eye(6).double()
    expected = torch.linalg.solve(whole, v.flatten()).view(2, 3)
    assert torch.allclose(inverse_product(layer, v), expected, atol=1e-8)
    both = inverse_product(layer, 2 * v - 3 * w)
    assert torch.allclose(both, 2 * inverse_product(layer, v) - 3 * inverse_product(layer, w))
    assert (v * inverse_product(layer, v)).sum() > 0
    assert torch.allclose(
        (w * inverse_product(layer, v)).sum(), (v * inverse_product(layer, w)).sum()
    )


@pytest.fixture(scope="module")
def model(tiny_folder):
    return CausalModel(tiny_folder, device="cpu").load().model.double()


@pytest.fixture(scope="module")
def pairs(tiny):
    return [
        pair_of(tiny, a * (1 + i % 3), b)
        for i, (a, b) in enumerate(zip(SENTENCES, SENTENCES[::-1], strict=True))
    ]


def gradients(model, layers, rows):
    """Each row's gradient by layer, formed whole."""
    found = {}
    row_factors(model, rows, layers, lambda n, x, d: found.__setitem__(n, row_gradients(x, d)))
    return found


def brute_force(model, layers, rows, references, eigenvalues, damping):
    """The mean cosine of inverse products and gradients, with the curvature written out."""
    inverse = {}
    factors = {}
    row_factors(model, references, layers, lambda n, x, d: factors.__setitem__(n, (x, d)))
    of_references = gradients(model, layers, references)
    for name, (x, d) in factors.items():
        tokens = sum(len(pair) for pair in references)
        real = torch.tensor([[t < len(p) for t in range(x.shape[1])] for p in references])
        a = (x[real].T @ x[real]) / tokens
        s = (d.flatten(0, 1).T @ d.flatten(0, 1)) / len(references)
        (la, qa), (ls, qs) = torch.linalg.eigh(a), torch.linalg.eigh(s)
        g = of_references[name]
        rotated = qs.T @ g @ qa
        values = torch.outer(ls.clamp(min=0), la.clamp(min=0))
        if eigenvalues == "fitted":
            values = rotated.square().mean(0)
        inverse[name] = qs @ (rotated / (values + damping * values.mean())) @ qa.T
    flat = lambda by_name: torch.cat([g.flatten(1) for g in by_name.values()], dim=1)  # noqa: E731
    order = list(inverse)
    one = flat({n: inverse[n] for n in order})
    mine = gradients(model, layers, rows)
    other = flat({n: mine[n] for n in order})
    one, other = (m / m.norm(dim=1, keepdim=True) for m in (one, other))
    return (other @ one.T).mean(1).numpy()


@pytest.mark.parametrize("eigenvalues", ["fitted", "product"])
@pytest.mark.parametrize("max_tokens", [1, 10_000])
def test_influence_is_the_mean_cosine_without_forming_gradients(
    model, pairs, eigenvalues, max_tokens
):
    references, rows = pairs[:3], pairs[2:]
    layers = block_layers(model, 1)
    fitted = KfacInfluence.fit(
        model, references, last_blocks=1, eigenvalues=eigenvalues, max_tokens=max_tokens
    )
    found = fitted.of(rows, max_tokens=max_tokens)
    expected = brute_force(model, layers, rows, references, eigenvalues, 0.1)
    assert found == pytest.approx(expected, abs=1e-8)
    assert (np.abs(found) <= 1).all()
    assert fitted.of([rows[1], rows[1]]) == pytest.approx([found[1], found[1]])


def test_much_damping_leaves_the_cosine_of_plain_gradients(model, pairs):
    layers = block_layers(model, 2)
    fitted = KfacInfluence.fit(model, pairs[:2], last_blocks=2, damping=1e12, relative=False)
    found = fitted.of(pairs)
    of_rows = gradients(model, layers, pairs)
    flat = torch.cat([g.flatten(1) for g in of_rows.values()], dim=1)
    unit = flat / flat.norm(dim=1, keepdim=True)
    assert found == pytest.approx((unit @ unit[:2].T).mean(1).numpy(), abs=1e-6)


def test_a_step_on_a_row_of_positive_influence_helps(model, pairs):
    """Against the loss of the references after a plain step on each row: most signs agree."""
    references, rows = pairs[:2], pairs
    fitted = KfacInfluence.fit(model, references, last_blocks=2, damping=1e12, relative=False)
    layers = block_layers(model, 2)
    found = fitted.of(rows)
    of_rows = gradients(model, layers, rows)

    def loss():
        total = 0.0
        for pair in references:
            ids = torch.tensor([[*pair.prompt, *pair.response]])
            chances = model(input_ids=ids).logits[0, len(pair.prompt) - 1 : -1].log_softmax(1)
            mean = -chances.gather(1, ids[0, len(pair.prompt) :, None]).mean()
            total += float(mean.detach())
        return total

    before, changes = loss(), []
    for i in range(len(rows)):
        with torch.no_grad():
            for name, layer in layers.items():
                layer.weight -= 1e-3 * of_rows[name][i]
        changes.append(loss() - before)
        with torch.no_grad():
            for name, layer in layers.items():
                layer.weight += 1e-3 * of_rows[name][i]
    assert (
        np.corrcoef(np.argsort(np.argsort(-np.array(changes))), np.argsort(np.argsort(found)))[0, 1]
        > 0.5
    )
    clear = np.abs(found) > 0.2
    assert ((np.array(changes)[clear] < 0) == (found[clear] > 0)).all()


def test_bad_input(model, pairs):
    with pytest.raises(DataError, match="no reference row"):
        KfacInfluence.fit(model, [])
    with pytest.raises(ConfigError, match="Unknown eigenvalues"):
        KfacInfluence.fit(model, pairs[:1], eigenvalues="exact")
    with pytest.raises(ConfigError, match="at least 0"):
        KfacInfluence.fit(model, pairs[:1], damping=-1)
    fitted = KfacInfluence.fit(model, pairs[:1], last_blocks=1)
    assert fitted.of([]).shape == (0,)
