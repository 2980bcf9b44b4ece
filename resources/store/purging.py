"""True deletion: rows, the files that held them, and the snapshots that could bring them back."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.schema import TABLES
from resources.sql import identifier, literal
from resources.store import vectors
from resources.store.maintenance import compact, expire
from sluice.core.digests import text_hash
from sluice.data.payloads.conversations import messages_text

# Kept under a digest of a row's messages.
READINGS = ("token_losses", "tags")

# The catalogue keeps the least and the greatest value that a column ever had, and never narrows
# them: a purged text may be one. Bounds that no text exceeds are correct and tell nothing.
_WIDEST_BOUNDS = (
    "UPDATE __ducklake_metadata_lake.ducklake_table_column_stats "
    "SET min_value = '', max_value = chr(1114111) WHERE (table_id, column_id) IN "
    "(SELECT (table_id, column_id) FROM __ducklake_metadata_lake.ducklake_column "
    "WHERE column_type = 'varchar')"
)

_ORPHANS = "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)"
_ORPHANS_OF_A_DAY = (
    "CALL ducklake_delete_orphaned_files('lake', older_than => now() - INTERVAL 1 DAY)"
)
_ALL_BUT_NEWEST = (
    "SELECT snapshot_id FROM ducklake_snapshots('lake') "
    "WHERE snapshot_id < (SELECT max(snapshot_id) FROM ducklake_snapshots('lake'))"
)


def known_datasets(lake: Lake) -> list[str]:
    """Return the names of all datasets of which the lake holds rows, also in older snapshots.

    A purge that was interrupted leaves a dataset in older snapshots alone; it can be asked again.
    """
    table = lake.read(
        "SELECT dataset FROM records UNION SELECT dataset FROM instances "
        f"UNION SELECT dataset FROM {deleted_rows(lake, 'records')} ORDER BY dataset"
    )
    return table["dataset"].to_pylist()


def deleted_rows(lake: Lake, table: str) -> str:
    """Return the SQL source of the rows that a table has lost since the oldest snapshot."""
    ends = lake.read(
        "SELECT min(snapshot_id) AS first, max(snapshot_id) AS last FROM ducklake_snapshots('lake')"
    ).to_pylist()[0]
    # The bounds are no bound parameters: a table function takes constants only.
    first, last = int(ends["first"]), int(ends["last"])
    return f"ducklake_table_deletions('lake', 'main', {literal(table)}, {first}, {last})"


def purge(lake: Lake, dataset: str) -> dict[str, int]:
    """Delete every row of a dataset and everything that could bring one back.

    A vector goes unless a row of another dataset has the same text. Every older snapshot is
    expired, of all datasets: it may hold purged rows.

    Returns
    -------
    dict of str to int
        Deleted rows by table.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
        texts = cursor.execute(
            "SELECT text FROM contents WHERE dataset = ?", [dataset]
        ).to_arrow_table()["text"]
        counts = {
            table: deleted(cursor, f"DELETE FROM {identifier(table)} WHERE dataset = ?", [dataset])
            for table, columns in TABLES.items()
            if "dataset VARCHAR" in columns
        }
        counts["embeddings"] = delete_vectors(cursor, texts)
        return {table: count for table, count in counts.items() if count}

    counts = lake.write(work)
    rewrite(lake)
    return counts


def delete_vectors(cursor: duckdb.DuckDBPyConnection, texts: pa.ChunkedArray) -> int:
    """Delete the vectors of those texts that no content has any more, in any encoder.

    With them goes what was read of their messages, token losses and key phrases, and what a
    language model made of the texts, with its vectors.
    """
    cursor.register("texts_gone", pa.table({"text": texts}))
    alone = cursor.execute(
        "SELECT DISTINCT text FROM texts_gone ANTI JOIN contents USING (text)"
    ).fetchall()
    written = _delete_rewrites(cursor, [text_hash(text) for (text,) in alone])
    hashes = [text_hash(text) for text in _unsaid(cursor, [*(t for (t,) in alone), *written])]
    encoders = cursor.execute("SELECT DISTINCT encoder FROM embeddings").fetchall()
    keys = [key for (encoder,) in encoders for key in vectors.input_hashes(hashes, encoder)]
    cursor.register("keys_gone", pa.table({"input_hash": pa.array(keys, pa.string())}))
    _delete_readings(cursor, [text for (text,) in alone])
    return deleted(
        cursor, "DELETE FROM embeddings WHERE input_hash IN (SELECT input_hash FROM keys_gone)"
    )


def _delete_rewrites(cursor: duckdb.DuckDBPyConnection, hashes: Sequence[str]) -> list[str]:
    """Delete what was made of the texts with these digests; return it."""
    cursor.register("rewrites_gone", pa.table({"text_hash": pa.array(hashes, pa.string())}))
    mine = "FROM rewrites WHERE text_hash IN (SELECT text_hash FROM rewrites_gone)"
    written = [text for (text,) in cursor.execute(f"SELECT DISTINCT rewritten {mine}").fetchall()]
    cursor.execute(f"DELETE {mine}")
    return written


def _unsaid(cursor: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> list[str]:
    """Return those of some texts that are no row's, nor made of one."""
    cursor.register("said", pa.table({"text": pa.array(texts, pa.string())}))
    return [
        text
        for (text,) in cursor.execute(
            "SELECT DISTINCT text FROM said ANTI JOIN contents USING (text) "
            "WHERE text NOT IN (SELECT rewritten FROM rewrites)"
        ).fetchall()
    ]


def _delete_readings(cursor: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> None:
    """Delete what is stored under the messages of some texts, unless a content still has them."""
    gone = messages_hashes(texts)
    if not gone:
        return
    kept = cursor.execute("SELECT DISTINCT text FROM contents").fetchall()
    gone -= messages_hashes([text for (text,) in kept if text not in set(texts)])
    cursor.register("readings_gone", pa.table({"text_hash": pa.array(sorted(gone), pa.string())}))
    for table in READINGS:
        cursor.execute(
            f"DELETE FROM {identifier(table)} "
            "WHERE text_hash IN (SELECT text_hash FROM readings_gone)"
        )


def messages_hashes(texts: Sequence[str]) -> set[str]:
    """Return the digests of the messages of those texts that are conversations."""
    found: set[str] = set()
    for text in texts:
        if text.startswith('{"messages":'):
            try:
                found.add(text_hash(messages_text(text)))
            except (ValueError, KeyError, TypeError):
                continue
    return found


def rewrite(lake: Lake) -> None:
    """Write every file anew without what was deleted, and remove all that could bring it back."""

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        compact(cursor)
        # Not by their times: one of a clock that was ahead would stay.
        expire(cursor, _ALL_BUT_NEWEST, {})

    lake.alone(work)
    lake.maintain(
        [
            "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)",
            # A writer that was killed leaves files that no catalogue knows. With a Postgres
            # catalogue a machine that lost its lock may be writing one right now.
            _ORPHANS_OF_A_DAY if lake.catalog else _ORPHANS,
            _WIDEST_BOUNDS,
        ]
    )


def deleted(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] | None = None
) -> int:
    """Run one deletion and return how many rows went."""
    row = cursor.execute(sql, list(parameters or [])).fetchone()
    return int(row[0]) if row else 0
