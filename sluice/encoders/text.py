"""Sentence vectors: mean of the last hidden states over the attention mask, L2-normalised.

Reimers & Gurevych 2019 (arXiv:1908.10084), section 3, mean pooling. Ours: all texts are tokenised
first, sorted by token count, and cut into batches of about equal token count, so that hardly any
arithmetic is spent on padding and a batch's activations stay in cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.progress import Advance
from sluice.data.values.one_column import texts_of
from sluice.encoders.batches import longest_first, padded, token_batches, tokenise
from sluice.encoders.bert import PackedBert, is_supported
from sluice.encoders.bert_files import read_bert
from sluice.encoders.device import check_device, pick_device, quiet_loading
from sluice.encoders.folder import (
    changed,
    check_pooling,
    default_encoder_folder,
    files_digest,
    read_json,
    resolve_model,
)
from sluice.encoders.pretrained import pretrained

if TYPE_CHECKING:
    import torch

__all__ = ["TextEncoder", "default_encoder_folder"]

METHOD_VERSION = "mean-pool-1"
TOKENS_PER_ROW = 16
"""A batch of `batch_size` rows is as many tokens as that many texts of this length."""


class TextEncoder:
    """A frozen sentence encoder.

    Parameters
    ----------
    model : str, optional
        None for all-MiniLM-L6-v2 from its package, else a model folder or a hub name.
    max_length : int
        Most tokens of a text that are read, special tokens included.
    batch_size : int
        Batches hold up to ``batch_size * 16`` tokens, padding included (and at least one text).
        It trades memory for speed and moves the last bits of a vector; it is no part of
        `identity`.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    ConfigError
        If the model cannot be found, pools in another way, or a number is not positive.

    Notes
    -----
    The model is loaded at the first encode. The last bits of a vector depend on its batch-mates
    (about 1e-7): who needs equality between runs keeps the vectors.
    """

    def __init__(
        self,
        model: str | None = None,
        max_length: int = 256,
        batch_size: int = 64,
        device: str = "auto",
    ) -> None:
        if max_length < 3 or batch_size < 1:
            raise ConfigError(
                "An encoder needs max_length of at least 3 and batch_size of at least 1, got "
                f"{max_length} and {batch_size}."
            )
        check_device(device)
        self.folder: Path = resolve_model(model)
        check_pooling(self.folder)
        self.max_length = max_length
        self.batch_size = batch_size
        self.device = device

    @cached_property
    def identity(self) -> str:
        """Short digest of everything that a vector depends on, but its text.

        Method version, pooling, `max_length`, and the contents of weights, configuration and
        tokenizer files, as they were when it was first asked for. Neither the model nor torch is
        loaded for it.
        """
        return self._identity()

    def _identity(self) -> str:
        text = f"{METHOD_VERSION}\x1fmean\x1f{self.max_length}\x1f{files_digest(self.folder)}"
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        size = read_json(self.folder / "config.json").get("hidden_size")
        if not isinstance(size, int):
            raise ConfigError(f"{str(self.folder)!r}: config.json gives no hidden_size.")
        return size

    def encode(self, texts: Sequence[str], advance: Advance | None = None) -> NDArray[np.float32]:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str, length n
        advance : callable, optional
            Called with the number of rows done, after each batch.

        Returns
        -------
        ndarray of float32, shape (n, d)
            Unit rows in the order given.

        Raises
        ------
        DataError
            If it is no sequence of texts, see `sluice.data.values.one_column.texts_of`.
        """
        texts = texts_of(texts, "texts")
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for positions, part in self.encode_shards(texts, max(len(texts), 1), advance):
            vectors[positions] = part
        return vectors

    def encode_shards(
        self, texts: Sequence[str], shard_rows: int = 1024, advance: Advance | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Encode texts shard by shard, so that a caller can keep what is finished.

        Parameters
        ----------
        texts : sequence of str, length n
        shard_rows : int
            Rows of a shard; the last one may be shorter.
        advance : callable, optional
            Called with the number of rows done, after each batch.

        Yields
        ------
        positions : ndarray of int64, shape (s,)
            Where the shard's rows are in `texts`.
        vectors : ndarray of float32, shape (s, d)

        Notes
        -----
        Shards are cut from the texts sorted by length, longest first: over all shards each
        position comes once.
        """
        if shard_rows < 1:
            raise ConfigError(f"shard_rows must be at least 1, got {shard_rows}.")
        texts = texts_of(texts, "texts")
        if not len(texts):
            return
        tokens, lengths = tokenise(self._loaded.tokenizer, texts, self.max_length)
        order = longest_first(lengths)
        for start in range(0, len(order), shard_rows):
            positions = order[start : start + shard_rows]
            vectors = np.empty((len(positions), self.dim), dtype=np.float32)
            for part in token_batches(lengths[positions], self.batch_size * TOKENS_PER_ROW):
                vectors[part] = self._loaded([tokens[p] for p in positions[part]])
                if advance is not None:
                    advance(part.stop - part.start)
            yield positions, vectors

    def load(self) -> None:
        """Load tokenizer and model now, and not with the first text."""
        _ = self._loaded

    @cached_property
    def _loaded(self) -> _Loaded:
        expected = self.identity
        loaded = _Loaded(self.folder, self.device)
        if self._identity() != expected:
            raise changed(self.folder)
        return loaded


class _Loaded:
    """Tokenizer and model in memory; called with token lists, gives their vectors."""

    def __init__(self, folder: Path, device: str) -> None:
        import torch

        self.device = torch.device(pick_device(device))
        light = read_bert(folder) if self.device.type == "cpu" else None
        self.tokenizer: Any
        self.tokenizer, self.forward = light or _through_transformers(folder, self.device)
        self.pad = int(self.tokenizer.pad_token_id or 0)

    def __call__(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        import torch

        ids, lengths = padded(tokens, self.pad)
        with torch.inference_mode():
            length = torch.from_numpy(lengths).to(self.device)
            hidden = self.forward(torch.from_numpy(ids).to(self.device), length)
            if int(lengths.min()) < ids.shape[1]:
                beyond = torch.arange(ids.shape[1], device=self.device)[None] >= length[:, None]
                hidden = hidden.masked_fill(beyond[..., None], 0.0)
            mean = hidden.sum(1) / length[:, None]
            return torch.nn.functional.normalize(mean, dim=1).cpu().numpy()


def _through_transformers(
    folder: Path, device: torch.device
) -> tuple[Any, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    with quiet_loading():
        model = pretrained(
            AutoModel, folder, dtype=torch.float32, attn_implementation="sdpa"
        ).eval()
    packed = device.type == "cpu" and is_supported(model.config)
    forward = PackedBert(model) if packed else _as_forward(model.to(device))
    return pretrained(AutoTokenizer, folder), forward


def _as_forward(model: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    import torch

    def forward(ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mask = torch.arange(ids.shape[1], device=ids.device)[None] < lengths[:, None]
        return model(input_ids=ids, attention_mask=mask.long()).last_hidden_state

    return forward
