"""How much a row's label would move the vectors of its words, through encoder and head.

Zhang, Lease and Wallace, Active Discriminative Text Representation Learning (AAAI 2017), for an
encoder whose sentence vector is the normalised mean of its last hidden states.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.encoders.batches import longest_first, padded, token_batches, tokenise
from sluice.encoders.device import pick_device, quiet_loading
from sluice.encoders.pretrained import pretrained
from sluice.heads.logistic import Head

if TYPE_CHECKING:
    import torch

TOKENS = 512
"""Padded tokens of a batch. No parameter of the result, but for the last bits."""


def expected_word_gradients(
    folder: Path, texts: Sequence[str], head: Head, *, max_length: int = 256, device: str = "auto"
) -> NDArray[np.float64]:
    """Greatest expected length of the loss's gradient by the vector of a row's word.

    ``max_{w in x} sum_y p(y|x) |grad_w loss(x, y)|``: a word is a token, special ones left out;
    where it occurs more than once its gradients are added up, for it has one vector.

    Parameters
    ----------
    folder : Path
        Of the encoder, as `sluice.encoders.text.TextEncoder` has it.
    texts : sequence of str, length n
    head : Head
        Trained on that encoder's vectors.
    max_length : int
        Most tokens of a text that are read.
    device : str

    Returns
    -------
    ndarray of float64, shape (n,)

    Notes
    -----
    A forward and one backward pass a class.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer: Any = pretrained(AutoTokenizer, folder)
    with quiet_loading():
        model: Any = pretrained(AutoModel, folder, dtype=torch.float32).eval()
    model = model.to(pick_device(device)).requires_grad_(False)
    tokens, lengths = tokenise(tokenizer, texts, max_length)
    order, special = longest_first(lengths), set(tokenizer.all_special_ids)
    found = np.zeros(len(texts))
    with track("word gradients", len(texts)) as advance:
        for part in token_batches(lengths[order], TOKENS):
            at = order[part]
            rows = [tokens[i] for i in at.tolist()]
            norms = _norms(model, rows, head, int(tokenizer.pad_token_id or 0), special)
            found[at] = norms
            advance(len(at))
    return found


def _norms(
    model: Any, rows: list[list[int]], head: Head, pad: int, special: set[int]
) -> NDArray[np.float64]:
    import torch

    ids, lengths = padded(rows, pad)
    device: torch.device = model.device
    length = torch.from_numpy(lengths).to(device)
    mask = torch.arange(ids.shape[1], device=device)[None] < length[:, None]
    words = model.get_input_embeddings()(torch.from_numpy(ids).to(device)).requires_grad_()
    hidden = model(inputs_embeds=words, attention_mask=mask.long()).last_hidden_state
    mean = (hidden * mask[..., None]).sum(1) / length[:, None]
    vectors = torch.nn.functional.normalize(mean, dim=1).double()
    weights = torch.from_numpy(head.weights).to(device)
    logits = vectors @ weights.T + torch.from_numpy(head.intercepts).to(device)
    chances = logits.log_softmax(1)
    expected = [np.zeros(len(set(row) - special)) for row in rows]
    for label in range(len(weights)):
        last = label == len(weights) - 1
        (gradient,) = torch.autograd.grad(-chances[:, label].sum(), words, retain_graph=not last)
        p = chances[:, label].exp().tolist()
        for i, row in enumerate(rows):
            expected[i] += p[i] * _by_word(gradient[i], row, special)
    return np.array([each.max(initial=0.0) for each in expected])


def _by_word(gradient: torch.Tensor, row: list[int], special: set[int]) -> NDArray[np.float64]:
    """Length of the summed gradient of each of a row's words, in order of the token's number."""
    names, codes = np.unique(np.array(row), return_inverse=True)
    sums = np.zeros((len(names), gradient.shape[1]))
    np.add.at(sums, codes, gradient[: len(row)].double().cpu().numpy())
    kept = [i for i, name in enumerate(names.tolist()) if name not in special]
    return np.linalg.norm(sums[kept], axis=1)
