"""LoRA on the tiny model: gradients against full logits, order, accumulation, learning."""

import numpy as np
import pytest
import torch
from plain_losses import pair_of
from tiny_language_model import SENTENCES

from sluice.core.errors import ConfigError, DataError
from sluice.language.checkpoint import CausalModel
from sluice.language.response_loss import backward, response_batch
from sluice.language.training import lora
from sluice.language.training.fine_tune import FineTune, fine_tune

PLAIN = FineTune(epochs=2, batch_size=4, learning_rate=1e-2, dtype="float32")


@pytest.fixture
def own(tiny_folder):
    """A model of this test's own: training changes it."""
    return CausalModel(tiny_folder, device="cpu").load()


@pytest.fixture
def rows(tiny):
    return [
        pair_of(tiny, a * (1 + i % 3), b)
        for i, (a, b) in enumerate(zip(SENTENCES, SENTENCES[1:] + SENTENCES[:1], strict=True))
    ]


def ids_of(rows):
    return [f"row {i}" for i in range(len(rows))]


def weights(model):
    return {n: p.detach().clone() for n, p in lora.adapter_weights(model).items()}


def by_full_logits(model, pair):
    """The same in float64 from the logits of every token; transformers' own loss is float32."""
    ids = torch.tensor([[*pair.prompt, *pair.response]])
    chances = model(input_ids=ids).logits[0, :-1].log_softmax(dim=1)
    losses = -chances.gather(1, ids[0, 1:, None])[:, 0]
    return losses[len(pair.prompt) - 1 :].sum()


def all_by_full_logits(model, pairs):
    with torch.no_grad():
        return torch.stack([by_full_logits(model, pair) for pair in pairs])


def test_losses_and_gradients_are_those_of_full_logits(own, rows):
    model = lora.attach(own.model, rank=4, seed=1).double()
    with torch.no_grad():  # B is 0 at first, and A's gradient with it
        for i, weight in enumerate(lora.adapter_weights(model).values()):
            weight += 0.01 * torch.sin(torch.arange(weight.numel()) + i).view_as(weight)
    expected = [by_full_logits(model, pair) for pair in rows]
    torch.stack(expected).sum().backward()
    grads = {n: p.grad.clone() for n, p in lora.adapter_weights(model).items()}
    model.zero_grad()
    total = backward(model, response_batch(rows), 1.0)
    assert total == pytest.approx(float(sum(expected)))
    for name, weight in lora.adapter_weights(model).items():
        assert torch.allclose(weight.grad, grads[name], atol=1e-8), name


@pytest.mark.parametrize("micro_tokens", [1, 60, 10_000])
def test_micro_batches_give_the_gradient_of_the_whole_batch(tiny_folder, rows, micro_tokens):
    ends = []
    for tokens in (micro_tokens, 10_000):
        own = CausalModel(tiny_folder, device="cpu").load()
        model = lora.attach(own.model, rank=4).double()
        fine_tune(model, rows, ids_of(rows), PLAIN, micro_tokens=tokens)
        ends.append(weights(model))
    for name, weight in ends[0].items():
        assert torch.allclose(weight, ends[1][name], atol=1e-6), name


def test_the_order_of_rows_does_not_matter_and_the_seed_does(tiny_folder, rows):
    ids, back = ids_of(rows), np.arange(len(rows))[::-1]
    ends = []
    for order, seed in ((np.arange(len(rows)), 0), (back, 0), (back, 1)):
        own = CausalModel(tiny_folder, device="cpu").load()
        model = lora.attach(own.model)
        config = FineTune(epochs=1, batch_size=2, learning_rate=1e-2, seed=seed, dtype="float32")
        fine_tune(model, [rows[i] for i in order], [ids[i] for i in order], config)
        ends.append(weights(model))
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert not all(torch.equal(ends[0][name], ends[2][name]) for name in ends[0])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_learns_and_the_base_stays(own, rows, dtype):
    before = {n: p.clone() for n, p in own.model.named_parameters()}
    model = lora.attach(own.model)
    config = FineTune(epochs=40, batch_size=3, learning_rate=1e-2, dtype=dtype)
    done = []
    record = fine_tune(model, rows, ids_of(rows), config, done.append)
    assert record.steps == 40 * 2
    assert sum(done) == 40 * len(rows)
    # the head is frozen and its logits are small: from the uniform 5.92 it can go so far only
    first, last = np.mean(record.losses[:2]), np.mean(record.losses[-2:])
    assert last < first - 0.1
    assert record.tokens == 40 * sum(map(len, rows))
    assert record.moments.keys() == lora.adapter_weights(model).keys()
    assert all(second.min() >= 0 for _, second in record.moments.values())
    plain = lora.detach(model)
    assert all(torch.equal(p, before[n]) for n, p in plain.named_parameters())


def test_saved_adapters_give_the_same_logits(own, tiny_folder, rows, tmp_path):
    model = lora.attach(own.model, rank=2)
    fine_tune(model, rows, ids_of(rows), PLAIN)
    expected = all_by_full_logits(model, rows)
    name = lora.save(model, tmp_path / "adapter")
    assert name == lora.identity(tmp_path / "adapter")
    again = CausalModel(tiny_folder, device="cpu").load()
    loaded = lora.load(again.model, tmp_path / "adapter")
    assert torch.allclose(all_by_full_logits(loaded, rows), expected, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"], "no draft is left"
    with pytest.raises(ConfigError, match="adapters already"):
        lora.attach(loaded)


def test_adapters_start_as_the_model_itself_and_by_their_seed(own, tiny_folder, rows):
    plain = all_by_full_logits(own.model, rows)
    model = lora.attach(own.model, seed=3)
    assert torch.allclose(all_by_full_logits(model, rows), plain, atol=1e-6)
    first = weights(model)
    lora.reset(model, 4)
    assert not torch.equal(*(next(iter(w.values())) for w in (first, weights(model))))
    lora.reset(model, 3)
    assert all(torch.equal(first[n], w) for n, w in weights(model).items())


def test_bad_input(own, rows, tmp_path):
    model = lora.attach(own.model)
    with pytest.raises(DataError, match="id of its own"):
        fine_tune(model, rows, ["a"] * len(rows), PLAIN)
    with pytest.raises(DataError, match="more than max_length=5"):
        fine_tune(model, rows, ids_of(rows), FineTune(max_length=5))
    with pytest.raises(DataError, match="no rows"):
        fine_tune(model, [], [], PLAIN)
    with pytest.raises(ConfigError, match="holds no adapters"):
        lora.identity(tmp_path)
    with pytest.raises(ConfigError, match="rank"):
        lora.attach(lora.detach(model), rank=0)
    with pytest.raises(ConfigError, match="Unknown dtype"):
        FineTune(dtype="float16")


@pytest.mark.parametrize("known", [False, True])
def test_auto_takes_the_type_that_the_device_multiplies(known, tiny_folder, rows, monkeypatch):
    monkeypatch.setattr("sluice.language.response_loss.multiplies_bfloat16", lambda device: known)
    ends = []
    for dtype in ("auto", "bfloat16" if known else "float32"):
        model = lora.attach(CausalModel(tiny_folder, device="cpu").load().model)
        config = FineTune(batch_size=4, learning_rate=1e-2, dtype=dtype)
        ends.append(fine_tune(model, rows, ids_of(rows), config).losses)
    assert ends[0] == ends[1]
