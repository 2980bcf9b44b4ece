from dataclasses import replace
from math import log

import numpy as np
import pytest
from safetensors.torch import load_file
from tiny_bert import LETTERS, VOCABULARY, tiny_bert, tiny_tokenizer

import sluice.models.adapted_encoder as module
from sluice.core.errors import ConfigError, DataError
from sluice.encoders.text import TextEncoder
from sluice.models.adapted_encoder import ADAPTATION, adapt_encoder
from sluice.models.loop import adamw_of
from sluice.models.masked_lm import Masking, load_masked, loss_at, masked_loss
from sluice.models.token_fine_tune import T_FREX_TRAINING, token_fine_tune
from sluice.tokens.blocks import Blocks, make_blocks

CONFIG = replace(ADAPTATION, epochs=1, learning_rate=5e-3)


def blocks_of(words, n=120, seed=0, alike=False):
    """Blocks of texts of random words, or of one word each."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice([rng.choice(words)] if alike else words, 20)) for _ in range(n)]
    ids = [f"{row:03d}" for row in range(n)]
    return make_blocks(tiny_tokenizer(), texts, ids, length=32, held_out=0.2)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("bert"))


def test_what_can_be_known_is_learnt_and_the_rest_is_an_encoder(encoder, tmp_path):
    # each text repeats one letter: what is hidden is told by its neighbours
    training, evaluation = blocks_of(list("abcdefgh"), alike=True)
    config = replace(CONFIG, epochs=40)
    result = adapt_encoder(training, evaluation, config, encoder, tmp_path / "out", device="cpu")
    assert result.new_head
    assert result.before == pytest.approx(log(len(VOCABULARY)), abs=0.5)
    assert result.after < 0.6 * log(8)
    assert [point["epoch"] for point in result.curve] == list(range(1, 41))
    assert result.curve[-1]["loss"] < result.curve[0]["loss"]
    assert result.steps == 40 * -(-len(training) // 16)
    assert result.masked == pytest.approx(0.15, abs=0.01)
    old, new = (
        load_file(encoder / "model.safetensors"),
        load_file(tmp_path / "out/model.safetensors"),
    )
    assert old.keys() == new.keys()
    changed = {name for name in old if not np.array_equal(old[name], new[name])}
    assert changed == {name for name in old if not name.startswith("pooler.")}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    # the folder is used as any other
    vectors = [
        TextEncoder(str(f), device="cpu").encode(["a b"]) for f in (encoder, tmp_path / "out")
    ]
    assert not np.allclose(*vectors)
    tagging = replace(T_FREX_TRAINING, epochs=1)
    token_fine_tune([["a"]], [["O"]], ["O"], tagging, tmp_path / "out", tmp_path / "t", "cpu")


def test_the_reported_loss_is_not_that_of_copying(encoder, tmp_path):
    """Of random letters nothing can be known: who reports less than ln of their number, copies."""
    letters = list(LETTERS)[:16]
    training, evaluation = blocks_of(letters)
    config = replace(CONFIG, epochs=25)
    result = adapt_encoder(training, evaluation, config, encoder, tmp_path / "out", device="cpu")
    # hidden tokens that stay as they were, one in ten, can be copied
    assert result.after > 0.85 * log(16)

    # the same training with nothing hidden, and every token a label
    _, model, _ = load_masked(encoder, config, "cpu")
    steps = 25 * -(-len(training) // 16)
    optimiser, schedule = adamw_of(model, config, steps)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        rows = rng.choice(len(training), 16, replace=False)
        ids = training.ids[rows]
        loss = loss_at(model, ids, np.where(ids > 4, ids, -100), training.lengths[rows])
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
    model.eval()
    ids = evaluation.ids
    copied = loss_at(model, ids, np.where(ids > 4, ids, -100), evaluation.lengths).item()
    assert copied < 0.1 * result.after
    # and what it learnt is of no use where tokens are hidden
    masking = Masking(tiny_tokenizer(), len(VOCABULARY), 0)
    assert masked_loss(model, evaluation, masking) > 10 * copied


def test_the_loss_is_that_of_transformers(encoder):
    import torch

    training, _ = blocks_of(list(LETTERS))
    _, model, _ = load_masked(encoder, CONFIG, "cpu")
    model.eval()
    inputs, labels = Masking(tiny_tokenizer(), len(VOCABULARY), 3)(training, np.arange(8), 2)
    mask = torch.arange(32)[None] < torch.from_numpy(training.lengths[:8])[:, None]
    theirs = model(
        input_ids=torch.from_numpy(inputs),
        attention_mask=mask.long(),
        labels=torch.from_numpy(labels),
    ).loss
    ours = loss_at(model, inputs, labels, training.lengths[:8])
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_the_head_is_tied_and_the_evaluation_always_hides_the_same(encoder):
    _, model, new = load_masked(encoder, CONFIG, "cpu")
    assert new
    decoder = model.cls.predictions.decoder
    assert decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert not decoder.bias.any()
    _, evaluation = blocks_of(list(LETTERS))
    masking = Masking(tiny_tokenizer(), len(VOCABULARY), 0)
    once = masked_loss(model, evaluation, masking)
    assert masked_loss(model, evaluation, masking) == once
    assert masked_loss(model, evaluation, masking, batch_size=3) == pytest.approx(once, abs=1e-5)


def test_the_same_seed_gives_the_same_weights(encoder, tmp_path):
    blocks = blocks_of(list(LETTERS), n=60)
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        config = replace(CONFIG, seed=seed)
        result = adapt_encoder(*blocks, config, encoder, tmp_path / name, device="cpu")
        found.append((result.after, load_file(tmp_path / name / "model.safetensors")))
    assert found[0][0] == found[1][0] != found[2][0]
    assert all(np.array_equal(found[0][1][key], found[1][1][key]) for key in found[0][1])


def test_an_output_appears_whole_or_not_at_all(encoder, tmp_path, monkeypatch):
    blocks = blocks_of(list(LETTERS), n=40)

    def fails(*_, **__):
        raise OSError("no space left")

    # what the tokenizer writes comes last
    real = load_masked
    with monkeypatch.context() as patch:

        def broken(*given):
            tokenizer, model, new = real(*given)
            tokenizer.save_pretrained = fails
            return tokenizer, model, new

        patch.setattr(module, "load_masked", broken)
        with pytest.raises(OSError, match="no space"):
            adapt_encoder(*blocks, CONFIG, encoder, tmp_path / "out", device="cpu")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    with pytest.raises(ConfigError, match="exists"):
        adapt_encoder(*blocks, CONFIG, encoder, tmp_path / "out", device="cpu")


def test_bad_input(encoder, tmp_path):
    training, evaluation = blocks_of(list(LETTERS), n=40)
    options = {"model_folder": encoder, "output_folder": tmp_path / "x", "device": "cpu"}
    special = np.full((2, 8), 3)
    nothing = Blocks(special, np.array([8, 8]), np.array(["a", "b"]), 1)
    with pytest.raises(DataError, match="can be hidden"):
        adapt_encoder(training, nothing, CONFIG, **options)
    with pytest.raises(DataError, match="can be hidden"):
        adapt_encoder(nothing, evaluation, CONFIG, **options)
    beyond = replace(evaluation, ids=evaluation.ids + 1000)
    with pytest.raises(DataError, match="Token ids"):
        adapt_encoder(training, beyond, CONFIG, **options)
    with pytest.raises(ConfigError, match="learning_rate"):
        adapt_encoder(training, evaluation, replace(CONFIG, learning_rate=0), **options)
    long = make_blocks(tiny_tokenizer(), ["a b c"] * 40, list(map(str, range(40))), length=65)
    with pytest.raises(ConfigError, match=r"Blocks have 65 tokens, and .* reads 64 at once"):
        adapt_encoder(*long, CONFIG, **options)
    other = tiny_bert(tmp_path / "gpt")
    config = (other / "config.json").read_text()
    (other / "config.json").write_text(config.replace('"bert"', '"gpt2"'))
    with pytest.raises(ConfigError, match="only a BERT"):
        adapt_encoder(training, evaluation, CONFIG, other, tmp_path / "x", "cpu")
