"""The rows of a dataset that are to be labelled next: its present queue."""

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.store.repeats import without_repeats

COLUMNS = "rank, instance_id, content_hash, gain, reason, strategy"


def replace(lake: Lake, dataset: str, queue: pa.Table) -> None:
    """Make the stored queue equal to `queue`.

    Parameters
    ----------
    lake : Lake
    dataset : str
    queue : pyarrow.Table
        rank, instance_id, content_hash, gain, reason, strategy; none or more rows.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("asked", queue)
        cursor.execute("DELETE FROM queries WHERE dataset = ?", [dataset])
        cursor.execute(
            f"INSERT INTO queries SELECT ?, {COLUMNS} FROM asked ORDER BY rank", [dataset]
        )

    lake.write(work)


def read(lake: Lake, dataset: str) -> pa.Table:
    """Return the queue with the texts of its rows, in order of rank."""
    found = lake.read(
        "SELECT q.rank, q.instance_id, q.content_hash, c.text, q.gain, q.reason, q.strategy "
        "FROM queries q LEFT JOIN contents c "
        "ON c.dataset = q.dataset AND c.content_hash = q.content_hash "
        "WHERE q.dataset = ? ORDER BY q.rank",
        [dataset],
    )
    return without_repeats(found, "rank")
