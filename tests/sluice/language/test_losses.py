import numpy as np
import pytest
import torch
from plain_losses import plain_losses

from sluice.core.errors import DataError
from sluice.language.losses import conditional, start_tokens, unconditional
from sluice.language.pairs import Pair

MODELS = pytest.mark.parametrize("name", ["tiny", "gpt2"])


@MODELS
@pytest.mark.parametrize("max_tokens", [1, 100, 2048])
def test_losses_are_those_of_one_row_at_a_time(name, request, pairs, max_tokens):
    model = request.getfixturevalue(name).model
    found = conditional(model, pairs, max_tokens=max_tokens)
    alone = unconditional(model, pairs, max_tokens=max_tokens)
    for pair, given, bare in zip(pairs, found, alone, strict=True):
        assert given.dtype == bare.dtype == np.float32
        assert given.shape == (len(pair.response),)
        assert bare.shape == (len(pair.response) - 1,)
        expected = plain_losses(model, pair.prompt, pair.response)
        np.testing.assert_allclose(given, expected, atol=1e-5)
        np.testing.assert_allclose(bare, plain_losses(model, [], pair.response), atol=1e-5)


def test_chunks_of_logits_change_nothing(tiny, pairs, monkeypatch):
    from sluice.language import losses

    expected = conditional(tiny.model, pairs)
    monkeypatch.setattr(losses, "_LOGITS_BYTES", {"cpu": 4 * 400 * 3})
    for found, other in zip(conditional(tiny.model, pairs), expected, strict=True):
        np.testing.assert_allclose(found, other, atol=1e-5)


def test_a_start_token_gives_the_first_token_a_loss(tiny, pairs):
    found = unconditional(tiny.model, pairs, start=(1,))
    for pair, losses in zip(pairs, found, strict=True):
        assert losses.shape == pair.response.shape
        np.testing.assert_allclose(losses, plain_losses(tiny.model, [1], pair.response), atol=1e-5)


def test_start_tokens_are_the_tokenizers_own(tiny):
    import copy

    from tokenizers.processors import TemplateProcessing

    assert start_tokens(tiny.tokenizer) == ()
    started = copy.deepcopy(tiny.tokenizer)
    started.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A <|im_end|>",
        special_tokens=[("<|im_start|>", 1), ("<|im_end|>", 2)],
    )
    assert start_tokens(started) == (1,)


def test_bfloat16_is_close(tiny, pairs):
    import copy

    model = copy.deepcopy(tiny.model).to(torch.bfloat16)
    for found, exact in zip(conditional(model, pairs), conditional(tiny.model, pairs), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, atol=0.05)


def test_nothing_gives_nothing(tiny):
    assert conditional(tiny.model, []) == unconditional(tiny.model, []) == []


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (Pair(np.array([1]), np.array([], dtype=np.int64)), "Pair 1 has no response"),
        (Pair(np.array([], dtype=np.int64), np.array([1])), "Pair 1 has no prompt"),
        (Pair(np.ones(200, np.int64), np.ones(57, np.int64)), r"Row 1 has 257 .* at most 256"),
        (Pair(np.array([1]), np.array([5000])), "Row 1 has a token that the model does not know"),
    ],
)
def test_what_cannot_be_read_is_refused(gpt2, pairs, pair, message):
    with pytest.raises(DataError, match=message):
        conditional(gpt2.model, [pairs[0], pair])


def test_a_row_as_long_as_the_context_is_read(gpt2):
    pair = Pair(np.ones(200, np.int64), np.ones(56, np.int64))
    assert conditional(gpt2.model, [pair])[0].shape == (56,)
