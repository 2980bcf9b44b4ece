"""Row-wise scores of a dataset, by method."""

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resources import run_cache
from resources.lake import Lake
from sluice.core.errors import SluiceError


class ScoresError(SluiceError):
    """Rows have no score of a method."""


def replace(
    lake: Lake,
    dataset: str,
    ids: list[str],
    values: dict[str, NDArray[np.float64]],
    family: str | None = None,
) -> None:
    """Replace the stored values of the given methods.

    Parameters
    ----------
    lake : Lake
    dataset : str
    ids : list of str, length n
    values : dict of str to ndarray of float64, shape (n,)
        Values by method name.
    family : str, optional
        How the names of these methods begin, where they are the only ones that begin so: what is
        stored under another such name goes, for example that of a class that is no more.
    """
    methods, count = list(values), len(ids)
    table = pa.table(
        {
            "method": _repeated(methods, np.repeat(np.arange(len(methods)), count)),
            "instance_id": _repeated(ids, np.tile(np.arange(count), len(methods))),
            "value": np.concatenate([*values.values(), np.empty(0)]),
        }
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("scored", table)
        cursor.execute(
            "DELETE FROM scores WHERE dataset = ? "
            "AND (list_contains(?::VARCHAR[], method) OR starts_with(method, ?))",
            [dataset, methods, family],
        )
        cursor.execute(
            "INSERT INTO scores SELECT ?, method, instance_id, value FROM scored", [dataset]
        )

    run_cache.invalidate(lake, dataset, *map(_what, values))
    lake.write(work)


def _repeated(names: list[str], places: NDArray[np.int64]) -> pa.DictionaryArray:
    """Return the names at some places, each kept once."""
    return pa.DictionaryArray.from_arrays(places, pa.array(names, pa.string()))


def read(lake: Lake, dataset: str, method: str, ids: list[str]) -> NDArray[np.float64]:
    """Return one method's values for `ids`, in their order, shape (n,)."""
    stored_ids, values = run_cache.get_or_load(
        lake, dataset, _what(method), lambda: (ids, _read(lake, dataset, method, ids))
    )
    return values if stored_ids == ids else _read(lake, dataset, method, ids)


def _what(method: str) -> str:
    return f"score {method}"


def _read(lake: Lake, dataset: str, method: str, ids: list[str]) -> NDArray[np.float64]:
    # DuckLake writes what a plain column is compared with into a query of its catalogue, which a
    # NUL character ends. A method's files are told by its name, so other names stay as they are.
    named = "s.method || ''" if "\0" in method else "s.method"
    order = pa.table({"instance_id": pa.array(ids, pa.string()), "position": np.arange(len(ids))})
    rows = lake.read(
        "SELECT p.position, min(s.value) AS value FROM place p "
        "JOIN scores s ON s.instance_id || '' = p.instance_id "
        f"WHERE s.dataset = ? AND {named} = ? GROUP BY p.position ORDER BY p.position",
        [dataset, method],
        given={"place": order},
    )
    if rows.num_rows != len(ids):
        raise ScoresError(
            f"{len(ids) - rows.num_rows:,} rows of {dataset} have no {method} score: its lineage "
            f"stopped half way. `sluice run {dataset}` carries it to the end."
        )
    return rows["value"].to_numpy()
