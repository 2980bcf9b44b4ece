"""True deletion: rows, the files that held them, and the snapshots that could bring them back."""

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.schema import TABLES
from resources.store import vectors
from sluice.data.digests import text_hash

# The catalogue keeps the least and the greatest value that a column ever had, and never narrows
# them: a purged text may be one. Bounds that no text exceeds are correct and tell nothing.
_WIDEST_BOUNDS = (
    "UPDATE __ducklake_metadata_lake.ducklake_table_column_stats "
    "SET min_value = '', max_value = chr(1114111) WHERE (table_id, column_id) IN "
    "(SELECT (table_id, column_id) FROM __ducklake_metadata_lake.ducklake_column "
    "WHERE column_type = 'varchar')"
)


def known_datasets(lake: Lake) -> list[str]:
    """Return the names of all datasets that the lake has ever held."""
    table = lake.read("SELECT DISTINCT dataset FROM records ORDER BY dataset")
    return table["dataset"].to_pylist()


def purge(lake: Lake, dataset: str) -> dict[str, int]:
    """Delete every row of a dataset and everything that could bring one back.

    A vector goes unless a row of another dataset has the same text. Every older snapshot is
    expired, of all datasets: it may hold purged rows.

    Returns
    -------
    dict of str to int
        Deleted rows by table.
    """
    own = _own_vectors(lake, dataset)

    def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
        cursor.register("own_vectors", own)
        counts = {
            table: _deleted(cursor, f"DELETE FROM {table} WHERE dataset = ?", [dataset])
            for table, columns in TABLES.items()
            if "dataset VARCHAR" in columns
        }
        counts["embeddings"] = _deleted(
            cursor,
            "DELETE FROM embeddings WHERE input_hash IN (SELECT input_hash FROM own_vectors)",
        )
        return {table: count for table, count in counts.items() if count}

    counts = lake.write(work)
    lake.maintain(
        [
            "CALL ducklake_flush_inlined_data('lake')",
            *(
                f"CALL ducklake_rewrite_data_files('lake', '{table}', delete_threshold => 0.0)"
                for table in TABLES
            ),
            "CALL ducklake_merge_adjacent_files('lake')",
            "CALL ducklake_expire_snapshots('lake', older_than => now())",
            "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)",
            _WIDEST_BOUNDS,
        ]
    )
    return counts


def _own_vectors(lake: Lake, dataset: str) -> pa.Table:
    """Return the keys of the vectors that no other dataset's text has, in any encoder."""
    contents = lake.read("SELECT DISTINCT dataset = ? AS own, text FROM contents", [dataset])
    hashes: dict[bool, set[str]] = {True: set(), False: set()}
    for own, text in zip(contents["own"].to_pylist(), contents["text"].to_pylist(), strict=True):
        hashes[own].add(text_hash(text))
    alone = sorted(hashes[True] - hashes[False])
    encoders = lake.read("SELECT DISTINCT encoder FROM embeddings")["encoder"].to_pylist()
    keys = [key for encoder in encoders for key in vectors.input_hashes(alone, encoder)]
    return pa.table({"input_hash": pa.array(keys, pa.string())})


def _deleted(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[str] | None = None
) -> int:
    row = cursor.execute(sql, parameters or []).fetchone()
    return int(row[0]) if row else 0
