"""Embedding vectors, keyed by a digest of everything that they depend on."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resources.lake import Lake
from sluice.core.digests import digest


def input_hashes(text_hashes: list[str], encoder: str) -> list[str]:
    """Return the keys under which the texts' vectors are stored for one encoder."""
    return [digest("embedding", text, encoder) for text in text_hashes]


def missing(lake: Lake, hashes: list[str]) -> set[str]:
    """Return those of `hashes` for which no vector is stored."""
    wanted = pa.table({"input_hash": pa.array(hashes, pa.string())})
    rows = lake.read(
        "SELECT DISTINCT input_hash FROM wanted ANTI JOIN embeddings USING (input_hash)",
        given={"wanted": wanted},
    )
    return set(rows["input_hash"].to_pylist())


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
    shard = pa.table({"input_hash": pa.array(hashes, pa.string()), "vector": as_lists(vectors)})

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("shard", shard)
        cursor.execute(
            "INSERT INTO embeddings SELECT input_hash, ?, vector FROM shard "
            "WHERE input_hash NOT IN (SELECT input_hash FROM embeddings "
            "WHERE input_hash IN (SELECT input_hash FROM shard))",
            [encoder],
        )

    lake.write(work)


def read(lake: Lake, hashes: list[str]) -> NDArray[np.float32]:
    """Return the vectors of `hashes`, in their order, shape (n, d) float32.

    Raises
    ------
    KeyError
        If a hash has no stored vector.
    """
    wanted = pa.table(
        {"position": np.arange(len(hashes)), "input_hash": pa.array(hashes, pa.string())}
    )
    rows = one_a_position(
        lake,
        wanted,
        "SELECT w.position, e.vector FROM wanted w JOIN embeddings e USING (input_hash)",
        "min(vector) AS vector",
        "stored vector",
    )
    if not hashes:
        return np.empty((0, 0), dtype=np.float32)
    flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(flat.reshape(len(hashes), -1), dtype=np.float32)


def one_a_position(lake: Lake, wanted: pa.Table, sql: str, least: str, what: str) -> pa.Table:
    """Run a query that finds one row for each position of `wanted`, in their order.

    Two machines once stored the same key twice; of such rows the least is read, always the same.

    Parameters
    ----------
    lake : Lake
    wanted : pyarrow.Table
        With a column position, 0 to n - 1.
    sql : str
        Of `wanted`, with a column position.
    least : str
        The other columns, where there are several rows of a position.
    what : str
        What was looked for, for the error.

    Raises
    ------
    KeyError
        If nothing is found for a position.
    """
    rows = lake.read(f"{sql} ORDER BY position", given={"wanted": wanted})
    if not rows["position"].equals(wanted["position"]):
        rows = lake.read(
            f"SELECT position, {least} FROM ({sql}) GROUP BY position ORDER BY position",
            given={"wanted": wanted},
        )
    if rows.num_rows != wanted.num_rows:
        raise KeyError(f"{wanted.num_rows - rows.num_rows} rows have no {what}")
    return rows


def as_lists(vectors: NDArray[Any]) -> pa.LargeListArray:
    """Wrap a matrix as an Arrow list column, one row per list."""
    count, width = vectors.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int64)[: count + 1]
    return pa.LargeListArray.from_arrays(offsets, pa.array(vectors.ravel()))
