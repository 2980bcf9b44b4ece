"""Row-wise scores of a dataset, by method."""

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resources import held
from resources.lake import Lake
from sluice.errors import SluiceError


class ScoresError(SluiceError):
    """Rows have no score of a method."""


def replace(
    lake: Lake, dataset: str, ids: list[str], values: dict[str, NDArray[np.float64]]
) -> None:
    """Replace the stored values of the given methods.

    Parameters
    ----------
    lake : Lake
    dataset : str
    ids : list of str, length n
    values : dict of str to ndarray of float64, shape (n,)
        Values by method name.
    """
    table = pa.table({"instance_id": pa.array(ids, pa.string()), **values})

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("scored", table)
        for method in values:
            cursor.execute("DELETE FROM scores WHERE dataset = ? AND method = ?", [dataset, method])
            cursor.execute(
                f'INSERT INTO scores SELECT ?, ?, instance_id, "{method}" FROM scored',
                [dataset, method],
            )

    held.forget(lake, dataset, *map(_what, values))
    lake.write(work)


def read(lake: Lake, dataset: str, method: str, ids: list[str]) -> NDArray[np.float64]:
    """Return one method's values for `ids`, in their order, shape (n,)."""
    stored_ids, values = held.remembered(
        lake, dataset, _what(method), lambda: (ids, _read(lake, dataset, method, ids))
    )
    return values if stored_ids == ids else _read(lake, dataset, method, ids)


def _what(method: str) -> str:
    return f"score {method}"


def _read(lake: Lake, dataset: str, method: str, ids: list[str]) -> NDArray[np.float64]:
    order = pa.table({"instance_id": pa.array(ids, pa.string()), "position": np.arange(len(ids))})
    rows = lake.read(
        "SELECT p.position, s.value FROM place p JOIN scores s USING (instance_id) "
        "WHERE s.dataset = ? AND s.method = ? ORDER BY p.position",
        [dataset, method],
        given={"place": order},
    )
    if rows.num_rows != len(ids):
        raise ScoresError(
            f"{len(ids) - rows.num_rows:,} rows of {dataset} have no {method} score: its lineage "
            f"stopped half way. `sluice run {dataset}` carries it to the end."
        )
    return rows["value"].to_numpy()
