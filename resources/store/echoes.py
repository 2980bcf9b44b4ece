"""How close each training row is to its version for its given label: the present state."""

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.store.repeats import without_repeats

COLUMNS = "instance_id, content_hash, echo_hash, similarity, trusted, reason"


def replace(lake: Lake, dataset: str, echoes: pa.Table) -> None:
    """Make the stored echoes equal to `echoes`.

    Parameters
    ----------
    lake : Lake
    dataset : str
    echoes : pyarrow.Table
        instance_id, content_hash, echo_hash, similarity, trusted, reason; none or more rows.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("found", echoes)
        cursor.execute("DELETE FROM echoes WHERE dataset = ?", [dataset])
        cursor.execute(f"INSERT INTO echoes SELECT ?, {COLUMNS} FROM found", [dataset])

    lake.write(work)


def read(lake: Lake, dataset: str) -> pa.Table:
    """Return the echoes in order of id, columns as in `replace`."""
    found = lake.read(
        f"SELECT {COLUMNS} FROM echoes WHERE dataset = ? ORDER BY instance_id", [dataset]
    )
    return without_repeats(found, "instance_id")
