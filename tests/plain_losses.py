"""The oracle of all losses: one row at a time through transformers, full logits, full softmax."""

import numpy as np

from sluice.core.randomness import keyed_bits, uniform_of
from sluice.language.checkpoint import Loaded
from sluice.language.noise import noise_scale
from sluice.language.pairs import Pair, tokenise


def plain_losses(model, prompt, response, noise=None):
    """Losses of `response` after `prompt`, which may be empty: then its first token has none."""
    import torch

    tokens = torch.tensor([[*prompt, *response]])
    embeddings = model.get_input_embeddings()(tokens)
    if noise is not None:
        embeddings = embeddings + torch.from_numpy(noise)[None]
    with torch.no_grad():
        logits = model(inputs_embeds=embeddings).logits[0].double()
    losses = -logits.log_softmax(-1)[:-1].gather(1, tokens[0, 1:, None])[:, 0]
    return losses[max(len(prompt) - 1, 0) :].numpy()


def plain_noise(seed, name, copy, length, width, alpha):
    """Noise of a whole row, number by number from keyed bits, shape (length, width)."""
    bits = keyed_bits(seed, np.array([f"{copy}:{name}"]))
    uniform = np.array([uniform_of(bits, step)[0] for step in range(length * width)])
    # The upper 24 bits, at the middle of their cell.
    unit = 2 * (np.floor(uniform * 2**24) + 0.5) / 2**24 - 1
    scale = np.float32(noise_scale(alpha, length, width))
    return (unit.astype(np.float32) * scale).reshape(length, width)


def pair_of(model: Loaded, prompt: str, response: str, max_length: int = 250) -> Pair:
    messages = [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": response},
    ]
    return tokenise(model.tokenizer, messages, max_length)
