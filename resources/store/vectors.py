"""Embedding vectors, keyed by a digest of everything that they depend on."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resources.lake import Lake
from resources.store import keyed
from sluice.core.digests import digest


def input_hashes(text_hashes: list[str], encoder: str) -> list[str]:
    """Return the keys under which the texts' vectors are stored for one encoder."""
    return [digest("embedding", text, encoder) for text in text_hashes]


def missing(lake: Lake, hashes: list[str]) -> set[str]:
    """Return those of `hashes` for which no vector is stored."""
    return keyed.missing(lake, "embeddings", hashes)


def append(lake: Lake, hashes: list[str], encoder: str, vectors: NDArray[np.float32]) -> None:
    """Store one shard of vectors; hashes that are there already keep their first vector.

    Parameters
    ----------
    lake : Lake
    hashes : list of str, length n
    encoder : str
        Identity of the encoder, for people.
    vectors : ndarray of float32, shape (n, d)
    """
    columns = keyed.texts(input_hash=hashes, encoder=encoder)
    keyed.append(lake, "embeddings", pa.table({**columns, "vector": as_lists(vectors)}))


def read(lake: Lake, hashes: list[str]) -> NDArray[np.float32]:
    """Return the vectors of `hashes`, in their order, shape (n, d) float32.

    Raises
    ------
    KeyError
        If a hash has no stored vector.
    """
    rows = keyed.in_order(
        lake, "embeddings", "vector", hashes, "min(vector) AS vector", "stored vector"
    )
    if not hashes:
        return np.empty((0, 0), dtype=np.float32)
    flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(flat.reshape(len(hashes), -1), dtype=np.float32)


def as_lists(vectors: NDArray[Any]) -> pa.LargeListArray:
    """Wrap a matrix as an Arrow list column, one row per list."""
    count, width = vectors.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int64)[: count + 1]
    return pa.LargeListArray.from_arrays(offsets, pa.array(vectors.ravel()))
