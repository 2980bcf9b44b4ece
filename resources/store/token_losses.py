"""Losses of response tokens, keyed by a digest of everything that they depend on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from resources.lake import Lake
from resources.store import keyed
from sluice.core.digests import digest
from sluice.scores.s_ifd import TokenValues

_LISTS = ("conditional", "unconditional")


@dataclass(frozen=True)
class StoredLosses:
    """Token losses of some rows or copies, in the order that was asked for.

    Attributes
    ----------
    conditional, unconditional : TokenValues of float32
    windowed : ndarray of bool, shape (n,)
        Whether a row was cut to the model's longest row.
    """

    conditional: TokenValues
    unconditional: TokenValues
    windowed: np.ndarray


def clean_hashes(text_hashes: Sequence[str], model: str) -> list[str]:
    """Return the keys of rows as they are, for one model with its settings."""
    return [digest("token losses", text, model) for text in text_hashes]


def noisy_hashes(
    text_hashes: Sequence[str], model: str, ids: Sequence[str], noise: str, copy: int
) -> list[str]:
    """Return the keys of one noisy copy of each row: the noise hangs on the id."""
    pairs = zip(text_hashes, ids, strict=True)
    return [digest("noisy losses", text, model, row, noise, str(copy)) for text, row in pairs]


def missing(lake: Lake, hashes: Sequence[str]) -> set[str]:
    """Return those of `hashes` for which no losses are stored."""
    return keyed.missing(lake, "token_losses", hashes)


def append(lake: Lake, shard: pa.Table) -> None:
    """Store one shard, columns as in the table; hashes that are there keep their first losses."""
    keyed.append(lake, "token_losses", shard)


def read(lake: Lake, hashes: Sequence[str]) -> StoredLosses:
    """Return the losses of `hashes`, in their order.

    Raises
    ------
    KeyError
        If a hash has no stored losses.
    """
    rows = keyed.in_order(
        lake,
        "token_losses",
        "windowed, conditional, unconditional",
        hashes,
        "unnest(min({'conditional': conditional, 'windowed': windowed, "
        "'unconditional': unconditional}))",
        "stored token losses",
    )
    lists = [_values(rows[name].combine_chunks()) for name in _LISTS]
    windowed = np.array(rows["windowed"].to_pylist(), dtype=bool)
    return StoredLosses(lists[0], lists[1], windowed)


def _values(column: pa.Array) -> TokenValues:
    """Return an Arrow column of lists as one array and where each list begins."""
    sizes = np.array([len(item) for item in column], dtype=np.int64)
    begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return TokenValues(np.asarray(flat, dtype=np.float32), begin)
