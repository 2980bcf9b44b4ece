import numpy as np
import pytest
import torch
from plain_losses import plain_losses

from sluice.core.errors import ConfigError
from sluice.language.losses import conditional
from sluice.language.pairs import Pair
from sluice.language.reader import reader_of

PAIR = Pair(np.array([1, 5, 7]), np.array([9, 2, 4, 6]))
SMALL = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "pad_token_id": 0,
}


def test_a_model_is_left_as_it_was(tiny):
    model = tiny.model
    model.train()
    try:
        with reader_of(model):
            assert not model.training
            assert "forward" in vars(model.lm_head)
        assert model.training
        assert not any("forward" in vars(module) for module in model.modules())
    finally:
        model.eval()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Gemma2", {"final_logit_softcapping": 0.5, "head_dim": 8}),
        ("Granite", {"logits_scaling": 0.25}),
        ("Cohere", {"logit_scale": 4.0}),
    ],
)
def test_what_a_model_does_to_its_logits_is_done(name, options):
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SMALL, **options)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    found = conditional(model, [PAIR])[0]
    expected = plain_losses_of_ids(model, PAIR)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def plain_losses_of_ids(model, pair):
    """As `plain_losses`, by ids: Gemma scales embeddings inside."""
    tokens = torch.tensor([[*pair.prompt, *pair.response]])
    with torch.no_grad():
        logs = model(input_ids=tokens).logits[0].double().log_softmax(-1)
    return -logs[:-1].gather(1, tokens[0, 1:, None])[len(pair.prompt) - 1 :, 0].numpy()


def test_an_encoder_with_a_head_is_refused():
    from transformers import BertConfig, BertLMHeadModel

    sizes = {k: v for k, v in SMALL.items() if k != "num_key_value_heads"}
    torch.manual_seed(0)
    model = BertLMHeadModel(BertConfig(**sizes, initializer_range=0.3)).eval()
    with pytest.raises(ConfigError, match="BertLMHeadModel is not causal"):
        conditional(model, [PAIR])


def test_a_model_that_does_something_else_to_its_logits_is_refused(gpt2, monkeypatch):
    original = type(gpt2.model).forward

    def doubled(self, *args, **options):
        output = original(self, *args, **options)
        output.logits = output.logits * 2
        return output

    monkeypatch.setattr(type(gpt2.model), "forward", doubled)
    with pytest.raises(ConfigError, match="does more to its logits"):
        conditional(gpt2.model, [PAIR])


def test_a_lora_model_is_read_with_its_adapter(tiny):
    import copy

    peft = pytest.importorskip("peft")
    torch.manual_seed(0)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "up_proj"], init_lora_weights=False)
    model = peft.get_peft_model(copy.deepcopy(tiny.model), config).eval()
    found = conditional(model, [PAIR])[0]
    np.testing.assert_allclose(found, plain_losses(model, PAIR.prompt, PAIR.response), atol=1e-5)
    assert np.abs(found - conditional(tiny.model, [PAIR])[0]).max() > 1e-3
