"""Key phrases of rows, keyed by a digest of the messages and of how they were mined."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from resources.lake import Lake
from sluice.core.digests import digest


def tag_hashes(text_hashes: Sequence[str], tagger: str) -> list[str]:
    """Return the keys under which the rows' phrases are stored."""
    return [digest("tags", text, tagger) for text in text_hashes]


def append(
    lake: Lake, hashes: list[str], text_hashes: list[str], tagger: str, tags: list[list[str]]
) -> None:
    """Store the phrases of some rows; hashes that are there already keep their first ones."""
    shard = pa.table(
        {
            "input_hash": pa.array(hashes, pa.string()),
            "text_hash": pa.array(text_hashes, pa.string()),
            "tags": pa.array(tags, pa.list_(pa.string())),
        }
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("shard", shard)
        cursor.execute(
            "INSERT INTO tags SELECT input_hash, text_hash, ?, tags FROM shard WHERE input_hash "
            "NOT IN (SELECT input_hash FROM tags)",
            [tagger],
        )

    lake.write(work)


def read(lake: Lake, hashes: Sequence[str]) -> dict[str, list[str]]:
    """Return the stored phrases of those of `hashes` that have some, by hash."""
    wanted = pa.table({"input_hash": pa.array(hashes, pa.string())})
    rows = lake.read(
        "SELECT t.input_hash, min(t.tags) AS tags FROM tags t SEMI JOIN wanted USING (input_hash) "
        "GROUP BY t.input_hash",
        given={"wanted": wanted},
    )
    return dict(zip(rows["input_hash"].to_pylist(), rows["tags"].to_pylist(), strict=True))
