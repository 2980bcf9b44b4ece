"""What a language model made of texts for their labels, keyed by everything that it depends on."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from resources.lake import Lake
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
    shard = pa.table(
        {
            "input_hash": pa.array(hashes, pa.string()),
            "text_hash": pa.array(text_hashes, pa.string()),
            "label": pa.array(labels, pa.string()),
            "rewritten": pa.array(texts, pa.string()),
        }
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("shard", shard)
        cursor.execute(
            "INSERT INTO rewrites SELECT input_hash, text_hash, label, ?, rewritten FROM shard "
            "WHERE input_hash NOT IN (SELECT input_hash FROM rewrites "
            "WHERE input_hash IN (SELECT input_hash FROM shard))",
            [writer],
        )

    lake.write(work)


def read(lake: Lake, hashes: Sequence[str]) -> dict[str, str]:
    """Return the rewritten texts of those of `hashes` that have one, by hash."""
    wanted = pa.table({"input_hash": pa.array(hashes, pa.string())})
    rows = lake.read(
        "SELECT r.input_hash, min(r.rewritten) AS rewritten FROM rewrites r "
        "SEMI JOIN wanted USING (input_hash) GROUP BY r.input_hash",
        given={"wanted": wanted},
    )
    return dict(zip(rows["input_hash"].to_pylist(), rows["rewritten"].to_pylist(), strict=True))
