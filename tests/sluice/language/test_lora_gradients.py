"""Per-row gradients from one backward pass, against autograd on each row by itself."""

import numpy as np
import pytest
import torch
from plain_losses import pair_of
from tiny_language_model import SENTENCES

from sluice.core.errors import ConfigError, DataError
from sluice.language.checkpoint import CausalModel
from sluice.language.training import lora
from sluice.language.training.adam import AdamMoments, adam_direction
from sluice.language.training.fine_tune import FineTune, fine_tune
from sluice.language.training.linear_layers import block_layers, lora_layers
from sluice.language.training.lora_gradients import GradientFeatures
from sluice.language.training.sparse_projection import SparseProjection, placement


@pytest.fixture(scope="module")
def pairs(tiny):
    pairs = [
        pair_of(tiny, a * (1 + i), b)
        for i, (a, b) in enumerate(zip(SENTENCES, SENTENCES[::-1], strict=True))
    ]
    return [*pairs, pair_of(tiny, "One letter.", "a")]


def adapted(tiny_folder, dtype):
    model = lora.attach(CausalModel(tiny_folder, device="cpu").load().model, rank=3).to(dtype)
    with torch.no_grad():
        for i, weight in enumerate(lora.adapter_weights(model).values()):
            weight += 0.02 * torch.sin(torch.arange(weight.numel()) + i).view_as(weight)
    return model


def by_autograd(model, pair, projection, change=lambda name, gradient: gradient):
    """One row's mean response loss, its gradient by autograd, projected."""
    model.zero_grad()
    ids = torch.tensor([[*pair.prompt, *pair.response]])
    logits = model(input_ids=ids).logits[0, len(pair.prompt) - 1 : -1]
    chances = logits.log_softmax(dim=1)
    (-chances.gather(1, ids[0, len(pair.prompt) :, None]).mean()).backward()
    total = torch.zeros(1, projection.dimension, dtype=logits.dtype)
    for name, layer in lora_layers(model).items():
        gradient = change(name, layer.weight.grad.detach())
        projection.add(name, gradient[None], total)
    return total[0].numpy()


@pytest.mark.parametrize(("dtype", "most"), [(torch.float64, 1e-5), (torch.float32, 1e-3)])
@pytest.mark.parametrize("max_tokens", [1, 200, 10_000])
def test_a_batch_gives_the_gradients_of_each_row_by_itself(
    tiny_folder, pairs, dtype, most, max_tokens
):
    model = adapted(tiny_folder, dtype)
    features = GradientFeatures(model, dimension=256, seed=3)
    found = features.of(pairs, max_tokens=max_tokens)
    assert found.shape == (len(pairs), 256)
    for pair, row in zip(pairs, found, strict=True):
        expected = by_autograd(model, pair, SparseProjection(256, 3))
        assert np.linalg.norm(row - expected) <= most * np.linalg.norm(expected)
        assert np.linalg.norm(row) > 0
    assert all(p.requires_grad for p in lora.adapter_weights(model).values()), "as it was"


@pytest.mark.parametrize("formula", ["less", "corrected"])
def test_the_features_of_training_rows_are_adam_steps(tiny_folder, pairs, formula):
    model = adapted(tiny_folder, torch.float32)
    ids = [str(i) for i in range(len(pairs))]
    config = FineTune(batch_size=2, learning_rate=1e-3, dtype="float32")
    record = fine_tune(model, pairs, ids, config)
    moments = AdamMoments(record.moments, record.steps)
    features = GradientFeatures(model, 128, 0, moments, formula)

    def stepped(name, gradient):
        m, v = moments.moments[f"{name}.weight"]
        return adam_direction(gradient, m, v, record.steps, formula)

    for pair, row in zip(pairs, features.of(pairs), strict=True):
        expected = by_autograd(model, pair, SparseProjection(128, 0), stepped)
        assert np.linalg.norm(row - expected) <= 5e-3 * np.linalg.norm(expected)


def test_adam_direction_by_hand():
    g, m, v = (torch.tensor([x], dtype=torch.float64) for x in (2.0, 0.5, 4.0))
    first, second = 0.9 * 0.5 + 0.1 * 2.0, 0.999 * 4.0 + 0.001 * 4.0
    assert adam_direction(g, m, v, 3).item() == pytest.approx(first / (second + 1e-8) ** 0.5)
    hat = (first / (1 - 0.9**4), second / (1 - 0.999**4))
    corrected = adam_direction(g, m, v, 3, "corrected").item()
    assert corrected == pytest.approx(hat[0] / (hat[1] ** 0.5 + 1e-8))
    # Adam's own step from the same state
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimiser = torch.optim.Adam([weight], lr=1.0)
    optimiser.state[weight] = {
        "step": torch.tensor(3.0),
        "exp_avg": m.clone(),
        "exp_avg_sq": v.clone(),
    }
    weight.grad = g.clone()
    optimiser.step()
    assert weight.item() == pytest.approx(-corrected)


def test_moments_are_saved_whole(tmp_path):
    given = AdamMoments({"a.weight": (torch.ones(2, 3), torch.full((2, 3), 2.0))}, 7)
    given.save(tmp_path / "m.safetensors")
    again = AdamMoments.load(tmp_path / "m.safetensors")
    assert again.step == 7
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.moments["a.weight"], given.moments["a.weight"], strict=True)
    )
    (tmp_path / "broken").write_bytes(b"no")
    with pytest.raises(DataError, match="Run the warm-up again"):
        AdamMoments.load(tmp_path / "broken")


def test_the_projection_keeps_inner_products():
    rng = np.random.default_rng(0)
    size, dimension = 3000, 512
    x = rng.normal(size=(6, size))
    x[1] = x[0] + 0.3 * x[1]
    errors = []
    for seed in range(40):
        out = torch.zeros(6, dimension, dtype=torch.float64)
        projection = SparseProjection(dimension, seed)
        # two blocks: their projections add up
        projection.add("a", torch.from_numpy(x[:, :1000]), out)
        projection.add("b", torch.from_numpy(x[:, 1000:]), out)
        errors.append((out @ out.T).numpy() - x @ x.T)
    spread, inner = np.array(errors), x @ x.T
    norms = np.diag(inner)
    bound = np.sqrt((norms[:, None] * norms[None] + inner**2) / dimension)
    assert (np.abs(spread.mean(axis=0)) < 4 * bound / np.sqrt(40)).all(), "without bias"
    assert (spread.std(axis=0) < 1.5 * bound).all()
    places, signs = placement(0, "a", 1000, dimension)
    assert set(signs.tolist()) == {-1.0, 1.0}
    assert np.bincount(places).max() <= 2
    assert not np.array_equal(places, placement(1, "a", 1000, dimension)[0])


def test_bad_input(tiny_folder, tiny):
    with pytest.raises(ConfigError, match="no active LoRA layers"):
        GradientFeatures(CausalModel(tiny_folder, device="cpu").load().model)
    model = adapted(tiny_folder, torch.float32)
    with pytest.raises(ConfigError, match="run the warm-up again"):
        GradientFeatures(model, moments=AdamMoments({}, 1))
    with pytest.raises(ConfigError, match="Unknown formula"):
        GradientFeatures(model, formula="more")
    with pytest.raises(ConfigError, match="at least 1"):
        block_layers(tiny.model, 0)
    assert len(block_layers(tiny.model, 1)) == 7
    assert len(block_layers(tiny.model)) == 14
