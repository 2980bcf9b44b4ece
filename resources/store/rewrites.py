"""What a language model made of texts for their labels, keyed by everything that it depends on."""

from collections.abc import Sequence

import pyarrow as pa

from resources.lake import Lake
from resources.store import keyed
from sluice.core.digests import digest


def rewrite_hashes(text_hashes: Sequence[str], labels: Sequence[str], writer: str) -> list[str]:
    """Return the keys under which the rewritten texts are stored.

    Parameters
    ----------
    text_hashes, labels : sequence of str, length n
        Of each row: the digest of its text, and the name of its given label.
    writer : str
        A digest of the prompt and of whatever answers it.
    """
    pairs = zip(text_hashes, labels, strict=True)
    return [digest("rewrite", text, label, writer) for text, label in pairs]


def append(
    lake: Lake,
    hashes: Sequence[str],
    text_hashes: Sequence[str],
    labels: Sequence[str],
    writer: str,
    texts: Sequence[str],
) -> None:
    """Store one shard of rewritten texts; hashes that are there already keep their first text."""
    columns = keyed.texts(
        input_hash=hashes, text_hash=text_hashes, label=labels, writer=writer, rewritten=texts
    )
    keyed.append(lake, "rewrites", pa.table(columns))


def read(lake: Lake, hashes: Sequence[str]) -> dict[str, str]:
    """Return the rewritten texts of those of `hashes` that have one, by hash."""
    return keyed.by_hash(lake, "rewrites", "rewritten", hashes)
