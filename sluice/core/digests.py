"""Digests: short names for contents, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.bounded import open_regular

_CHUNK = 1 << 20


def digest(*parts: str) -> str:
    """Digest a sequence of texts without ambiguity.

    Each part is preceded by its length in bytes, so ``digest("ab", "c")`` differs from
    ``digest("a", "bc")``.

    Parameters
    ----------
    *parts : str
        Texts that UTF-8 can hold.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).
    """
    pieces: list[bytes] = []
    for part in parts:
        encoded = part.encode()
        pieces.append(b"%d:" % len(encoded))
        pieces.append(encoded)
    return sha256(b"".join(pieces)).hexdigest()


def array_digest(*arrays: NDArray[Any]) -> str:
    """Digest the shapes, types and bytes of arrays.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).
    """
    hasher = sha256()
    for array in arrays:
        hasher.update(f"{array.dtype.str} {array.shape};".encode())
        hasher.update(np.ascontiguousarray(array).data)
    return hasher.hexdigest()


def order_free_digest(strings: Iterable[str]) -> str:
    """Digest a multiset of texts: any order gives the same digest.

    Sorting rather than adding up the digests keeps the collision resistance of SHA-256.
    Cost: O(n log n) comparisons, all strings in memory.

    Parameters
    ----------
    strings : iterable of str
        A repeated string counts as often as it appears.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return digest(*sorted(strings))


def content_hash(text: str, label: str) -> str:
    """Digest what an instance holds, text and label exactly as they are stored."""
    return digest("content", text, label)


def text_hash(text: str) -> str:
    """Digest the exact text: all that its vector depends on besides the encoder."""
    return digest("text", text)


def file_digest(path: Path) -> str:
    """Digest the bytes of a regular file, read in pieces of 1 MiB.

    Raises
    ------
    DataError
        It is a named pipe, a device or a socket.
    OSError
        Where the file cannot be read.
    """
    hasher = sha256()
    with open_regular(path) as stream:
        while piece := stream.read(_CHUNK):
            hasher.update(piece)
    return hasher.hexdigest()
