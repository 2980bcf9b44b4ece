"""Key phrases of rows, keyed by a digest of the messages and of how they were mined."""

from collections.abc import Sequence

import pyarrow as pa

from resources.lake import Lake
from resources.store import keyed
from sluice.core.digests import digest


def tag_hashes(text_hashes: Sequence[str], tagger: str) -> list[str]:
    """Return the keys under which the rows' phrases are stored."""
    return [digest("tags", text, tagger) for text in text_hashes]


def append(
    lake: Lake, hashes: list[str], text_hashes: list[str], tagger: str, tags: list[list[str]]
) -> None:
    """Store the phrases of some rows; hashes that are there already keep their first ones."""
    columns = keyed.texts(input_hash=hashes, text_hash=text_hashes, tagger=tagger)
    phrases = pa.array(tags, pa.list_(pa.string()))
    keyed.append(lake, "tags", pa.table({**columns, "tags": phrases}))


def read(lake: Lake, hashes: Sequence[str]) -> dict[str, list[str]]:
    """Return the stored phrases of those of `hashes` that have some, by hash."""
    return keyed.by_hash(lake, "tags", "tags", hashes)
