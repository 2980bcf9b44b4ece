"""Tables of row-wise values, keyed by `input_hash`: a digest of everything that a value depends on.

They are append-only: what is stored under a key stays, and no row is made twice.
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from resources.lake import Lake


def missing(lake: Lake, table: str, hashes: Sequence[str]) -> set[str]:
    """Return those of `hashes` that a table does not have."""
    rows = lake.read(
        f"SELECT DISTINCT input_hash FROM wanted ANTI JOIN {table} USING (input_hash)",
        given={"wanted": pa.table({"input_hash": pa.array(hashes, pa.string())})},
    )
    return set(rows["input_hash"].to_pylist())


def append(lake: Lake, table: str, shard: pa.Table) -> None:
    """Store one shard, columns by name; hashes that are there already keep their first values."""

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("shard", shard)
        cursor.execute(
            f"INSERT INTO {table} BY NAME SELECT * FROM shard WHERE input_hash NOT IN "
            f"(SELECT input_hash FROM {table} WHERE input_hash IN (SELECT input_hash FROM shard))"
        )

    lake.write(work)


def texts(**columns: Sequence[str]) -> dict[str, pa.Array]:
    """Return columns of texts; one text alone is repeated as often as the first column is long."""
    count = len(next(iter(columns.values())))
    return {
        name: pa.array([values] * count if isinstance(values, str) else values, pa.string())
        for name, values in columns.items()
    }


def by_hash(lake: Lake, table: str, column: str, hashes: Sequence[str]) -> dict[str, Any]:
    """Return the values of a column for those of `hashes` that are there, by hash."""
    rows = lake.read(
        f"SELECT input_hash, min({column}) AS found FROM {table} SEMI JOIN wanted "
        "USING (input_hash) GROUP BY input_hash",
        given={"wanted": pa.table({"input_hash": pa.array(hashes, pa.string())})},
    )
    return dict(zip(rows["input_hash"].to_pylist(), rows["found"].to_pylist(), strict=True))


def in_order(
    lake: Lake, table: str, columns: str, hashes: Sequence[str], least: str, what: str
) -> pa.Table:
    """Return a row for each of `hashes`, in their order.

    Two machines once stored the same key twice; of such rows the least is read, always the same.

    Parameters
    ----------
    lake : Lake
    table, columns : str
    hashes : sequence of str, length n
    least : str
        The columns, where there are several rows of a key.
    what : str
        What was looked for, for the error.

    Raises
    ------
    KeyError
        A hash is not there.
    """
    wanted = pa.table(
        {"position": np.arange(len(hashes)), "input_hash": pa.array(hashes, pa.string())}
    )
    sql = f"SELECT position, {columns} FROM wanted JOIN {table} USING (input_hash)"
    rows = lake.read(f"{sql} ORDER BY position", given={"wanted": wanted})
    if not rows["position"].equals(wanted["position"]):
        rows = lake.read(
            f"SELECT position, {least} FROM ({sql}) GROUP BY position ORDER BY position",
            given={"wanted": wanted},
        )
    if rows.num_rows != wanted.num_rows:
        raise KeyError(f"{wanted.num_rows - rows.num_rows} rows have no {what}")
    return rows
