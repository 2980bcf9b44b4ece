"""Texts joined and cut into blocks of equal length, some texts held out.

As T-FREX (arXiv:2408.01063) trains an encoder further: blocks of 128 tokens, 1 % held out. Ours:
the texts that are held out are chosen by a hash of their ids and joined by themselves, so that no
block holds both; each text ends in the separator; and the last block is kept, with padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import check_unique
from sluice.core.digests import array_digest
from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_uniform
from sluice.data.values.one_column import id_array, texts_of


@dataclass(frozen=True)
class Blocks:
    """Blocks of tokens.

    Attributes
    ----------
    ids : ndarray of int64, shape (b, t)
        Each begins with the tokenizer's first special token and ends with its separator; the last
        one may be filled with padding.
    lengths : ndarray of int64, shape (b,)
        Tokens of each that are no padding.
    names : ndarray of str, shape (b,)
        A digest of what a block holds: equal blocks have equal names.
    texts : int
        Texts that they are made of.
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    names: NDArray[np.str_]
    texts: int

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.ids)


def make_blocks(
    tokenizer: Any,
    texts: Sequence[str],
    ids: Sequence[str],
    *,
    length: int = 128,
    held_out: float = 0.01,
    seed: int = 0,
) -> tuple[Blocks, Blocks]:
    """Join texts and cut them into blocks.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        With a first token, a separator and a padding, as those of BERT.
    texts : sequence of str, length n
        Joined by ascending id.
    ids : sequence of str, length n
        Unique.
    length : int
        Tokens of a block, special ones included.
    held_out : float
        Expected share of the texts that are held out: those whose uniform number, keyed by
        (seed, id), is below it. So a text stays where it is, whatever texts are added.
    seed : int

    Returns
    -------
    training, evaluation : Blocks
        At least one block each.

    Raises
    ------
    DataError
        Ids do not fit the texts or repeat, or one of the two parts holds no token.
    ConfigError
        `length` or `held_out` is out of range, or the tokenizer lacks a special token.

    Notes
    -----
    Cost: one pass of the tokenizer; all tokens in memory.
    """
    texts = texts_of(texts, "texts")
    names = _checked_ids(texts, ids, length, held_out)
    specials = _specials(tokenizer)
    out = keyed_uniform(seed, names) < held_out
    order = np.argsort(names, kind="stable")
    parts: list[Blocks] = []
    for part, what in ((order[~out[order]], "trained on"), (order[out[order]], "held out")):
        blocks = _cut(tokenizer, [texts[int(i)] for i in part], length, *specials)
        if not len(blocks):
            raise DataError(
                f"Of {len(names)} texts those that are {what} hold no token. Give more texts, or "
                f"another share than held_out={held_out:g}."
            )
        parts.append(blocks)
    return parts[0], parts[1]


def _cut(
    tokenizer: Any, texts: list[str], length: int, first: int, separator: int, padding: int
) -> Blocks:
    found: list[list[int]] = (
        tokenizer(
            texts,
            add_special_tokens=False,
            truncation=False,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        if texts
        else []
    )
    stream = list(chain.from_iterable([*row, separator] for row in found if row))
    room = length - 2
    count = -(-len(stream) // room)
    ids = np.full((count, length), padding, dtype=np.int64)
    lengths = np.empty(count, dtype=np.int64)
    for row in range(count):
        part = stream[row * room : (row + 1) * room]
        # a text that ends with the block has its separator already
        whole = [first, *part] if part[-1] == separator else [first, *part, separator]
        ids[row, : len(whole)] = whole
        lengths[row] = len(whole)
    names = np.array([array_digest(row)[:16] for row in ids], dtype=np.str_)
    return Blocks(ids, lengths, names, len(texts))


def _specials(tokenizer: Any) -> tuple[int, int, int]:
    names = ("cls_token_id", "sep_token_id", "pad_token_id")
    found = [getattr(tokenizer, name, None) for name in names]
    for name, value in zip(names, found, strict=True):
        if value is None:
            raise ConfigError(f"The tokenizer has no {name}; blocks need one, as of a BERT.")
    return int(found[0]), int(found[1]), int(found[2])  # pyright: ignore[reportArgumentType]


def _checked_ids(
    texts: Sequence[str], ids: Sequence[str], length: int, held_out: float
) -> NDArray[np.str_]:
    names = id_array(ids)
    if length < 3:
        raise ConfigError(f"length is {length}; give at least 3, for a token and two specials.")
    if not 0 < held_out < 1:
        raise ConfigError(f"held_out is {held_out!r}; give a share between 0 and 1, such as 0.01.")
    if not len(texts) or names.shape != (len(texts),):
        raise DataError(f"There are {len(texts)} texts and {len(ids)} ids; give one id a text.")
    check_unique(names, " among the texts")
    return names
