"""A row of weight 2 beside rows of weight 1 counts as the row twice, in a step over all rows."""

import json

import numpy as np
import pytest
from tiny_bert import tiny_bert

from sluice.core.errors import DataError
from sluice.language.checkpoint import CausalModel
from sluice.language.pairs import tokenise
from sluice.language.training import lora
from sluice.language.training.fine_tune import FineTune
from sluice.language.training.fine_tune import fine_tune as tune_adapters
from sluice.models.fine_tune import fine_tune
from sluice.models.token_fine_tune import token_fine_tune
from sluice.models.training import TrainingConfig

ONCE = TrainingConfig(epochs=1, batch_size=8, max_length=16)
TWO, THREE = [0, 1], [0, 0, 1]
WEIGHTS = np.array([2.0, 1.0])


@pytest.fixture
def encoder(tmp_path):
    folder = tiny_bert(tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.0}))
    return folder


def test_texts(encoder, tmp_path):
    texts, labels = ["the pool", "play 7"], np.array([0, 1])

    def loss(rows, weights=None):
        chosen = [texts[i] for i in rows]
        made = fine_tune(
            *(chosen, labels[rows], ["a", "b"], ONCE, encoder, tmp_path / "out", "cpu"),
            weights=weights,
        )
        return made.curve[0]["loss"]

    assert loss(TWO, WEIGHTS) == pytest.approx(loss(THREE), rel=1e-5)
    assert loss(TWO, WEIGHTS) != pytest.approx(loss(TWO), rel=1e-3)
    for wrong in ([1.0], [-1.0, 1.0], [0.0, 0.0], [np.nan, 1.0]):
        with pytest.raises(DataError, match="give a finite one"):
            loss(TWO, np.array(wrong))


def test_tagged_sentences(encoder, tmp_path):
    words, tags = [("the", "pool"), ("play", "7")], [("O", "B-a"), ("B-a", "O")]

    def loss(rows, weights=None):
        chosen = [words[i] for i in rows], [tags[i] for i in rows]
        made = token_fine_tune(
            *(*chosen, ["O", "B-a"], ONCE, encoder, tmp_path / "out", "cpu"), weights=weights
        )
        return made.curve[0]["loss"]

    assert loss(TWO, WEIGHTS) == pytest.approx(loss(THREE), rel=1e-5)
    assert loss(TWO, WEIGHTS) != pytest.approx(loss(TWO), rel=1e-3)


def test_responses(tiny_folder):
    loaded = CausalModel(tiny_folder, device="cpu").load()
    pairs = [
        tokenise(
            loaded.tokenizer,
            [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}],
            64,
        )
        for prompt, answer in (("Add 1.", "a"), ("Name it.", "z"))
    ]
    assert len({len(pair.response) for pair in pairs}) == 1

    def trained(rows, weights=None):
        model = lora.attach(loaded.model, rank=2)
        try:
            chosen, ids = [pairs[i] for i in rows], [f"r{i}" for i in range(len(rows))]
            record = tune_adapters(model, chosen, ids, FineTune(dtype="float32"), weights=weights)
            change = {n: w.detach().clone() for n, w in lora.adapter_weights(model).items()}
        finally:
            lora.detach(model)
        return record.losses[0], change

    weighted, twice = trained(TWO, WEIGHTS), trained(THREE)
    assert weighted[0] == pytest.approx(twice[0], rel=1e-5)
    assert weighted[0] != pytest.approx(trained(TWO)[0], rel=1e-3)
    for name, value in weighted[1].items():
        np.testing.assert_allclose(value, twice[1][name], atol=1e-5)
