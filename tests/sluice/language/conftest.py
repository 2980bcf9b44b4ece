from pathlib import Path

import pytest
from plain_losses import pair_of
from tiny_language_model import SENTENCES

from sluice.language.checkpoint import CausalModel, Loaded
from sluice.language.pairs import Pair


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Loaded:
    return CausalModel(tiny_folder, device="cpu").load()


@pytest.fixture(scope="session")
def gpt2(tiny: Loaded) -> Loaded:
    """A GPT-2 of random weights; it shares the tiny Llama's tokenizer."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    size = len(tiny.tokenizer)
    config = GPT2Config(vocab_size=size, n_positions=256, n_embd=32, n_layer=2, n_head=4)
    return Loaded(GPT2LMHeadModel(config).eval(), tiny.tokenizer)


@pytest.fixture(scope="session")
def smollm2(smollm2_folder: Path) -> Loaded:
    return CausalModel(smollm2_folder, device="cpu").load()


@pytest.fixture(scope="session")
def pairs(tiny: Loaded) -> list[Pair]:
    """Of all lengths, one windowed and one with a response of one token."""
    made = []
    for i, sentence in enumerate(SENTENCES):
        prompt, response = sentence * (1 + i), SENTENCES[(2 * i + 1) % len(SENTENCES)]
        made.append(pair_of(tiny, prompt, response))
    made.append(pair_of(tiny, "Say it. " * 40, "The sea is wide. " * 3, max_length=60))
    made.append(pair_of(tiny, "One letter.", "a"))
    assert made[-2].windowed
    assert len(made[-1].response) == 1
    return made
