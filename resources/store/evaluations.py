"""What trained models did: a header each, and one outcome a held-out row, keyed by all behind them.

Append-only. Models that were measured before there were outcomes stand in the tables
`evaluations`, `language_evaluations` and `token_evaluations`, with arrays in their rows: they are
read as outcomes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resources.lake import Lake
from resources.sql import identifier

TABLE = "evaluations"
OUTCOMES = "outcomes"
HEADER = (
    *("evaluation_id", "dataset", "method", "budget", "seed", "selection_id", "size", "learner"),
    "seconds",
)
# Tables of before, with a column that only a row with arrays has.
_WITH_ARRAYS = {
    "evaluations": "test_predicted",
    "language_evaluations": "test_losses",
    "token_evaluations": "test_spans",
}
_BEFORE = " UNION ALL ".join(
    f"SELECT evaluation_id FROM {identifier(table)} WHERE {identifier(column)} IS NOT NULL"
    for table, column in _WITH_ARRAYS.items()
)

Outcomes = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""By split and kind of outcome, each of shape (n, k), in order of id."""


@dataclass(frozen=True)
class Evaluated:
    """One trained model and what it did on held-out rows."""

    evaluation_id: str
    dataset: str
    method: str
    budget: str
    seed: int
    selection_id: str
    size: int
    learner: str
    seconds: float
    outcomes: Outcomes = field(default_factory=dict)


def known(lake: Lake, evaluation_ids: Sequence[str], outcomes: int) -> set[str]:
    """Return those of the ids that have been evaluated, with as many outcomes as there must be."""
    found = lake.read(
        f"SELECT evaluation_id FROM ({_BEFORE}) SEMI JOIN wanted USING (evaluation_id) UNION "
        "SELECT evaluation_id FROM outcomes SEMI JOIN wanted USING (evaluation_id) "
        "SEMI JOIN evaluations USING (evaluation_id) GROUP BY ALL HAVING count(*) >= ?",
        [outcomes],
        given={"wanted": _wanted(evaluation_ids)},
    )
    return set(found["evaluation_id"].to_pylist())


def append(lake: Lake, models: Sequence[Evaluated], ids: Mapping[str, Sequence[str]]) -> None:
    """Store evaluated models, header and outcomes in one transaction.

    Parameters
    ----------
    lake : Lake
    models : sequence of Evaluated
        Headers that are there already stay; outcomes of which some are gone are stored again.
    ids : mapping of split to sequence of str
        The held-out rows, in order of id.
    """
    if not models:
        return
    heads = pa.table({name: [getattr(model, name) for model in models] for name in HEADER})
    fresh = pa.concat_tables(
        _rows(model, split, kind, ids[split], values)
        for model in models
        for split, kinds in model.outcomes.items()
        for kind, values in kinds.items()
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("heads", heads)
        cursor.register("fresh", fresh)
        cursor.execute(
            "DELETE FROM outcomes WHERE evaluation_id IN (SELECT evaluation_id FROM heads)"
        )
        cursor.execute("INSERT INTO outcomes BY NAME SELECT * FROM fresh")
        cursor.execute(
            "INSERT INTO evaluations BY NAME SELECT * FROM heads "
            "ANTI JOIN evaluations USING (evaluation_id)"
        )

    lake.write(work)


def read(
    lake: Lake, evaluation_ids: Sequence[str], labels: Mapping[str, NDArray[np.int64]]
) -> list[Evaluated]:
    """Return the models with the given ids and their outcomes, by method, size and seed.

    Parameters
    ----------
    lake : Lake
    evaluation_ids : sequence of str
    labels : mapping of split to ndarray of int64
        Label codes of the held-out rows, in order of id: tables of before do not hold them.
    """
    given = {"wanted": _wanted(evaluation_ids)}
    stored = lake.read(
        "SELECT evaluation_id, split, metric, list(value ORDER BY instance_id) AS found FROM "
        "(SELECT DISTINCT ON (evaluation_id, split, metric, instance_id) * FROM outcomes "
        "SEMI JOIN wanted USING (evaluation_id) ORDER BY rowid) GROUP BY ALL",
        given=given,
    )
    outcomes: dict[str, dict[str, dict[str, NDArray[np.float64]]]] = {}
    for i in range(stored.num_rows):
        key, split, kind = (stored[c][i].as_py() for c in ("evaluation_id", "split", "metric"))
        values = stored["found"][i].values
        by_kind = outcomes.setdefault(key, {}).setdefault(split, {})
        by_kind[kind] = values.flatten().to_numpy().reshape(len(values), -1)
    found: dict[str, Evaluated] = {}
    for table in _WITH_ARRAYS:
        rows = lake.read(
            f"SELECT e.* FROM {identifier(table)} e SEMI JOIN wanted USING (evaluation_id)",
            given=given,
        )
        for row in rows.to_pylist():
            key = row["evaluation_id"]
            made = outcomes.get(key) or of_before(table, row, labels)
            model = Evaluated(**{name: row[name] for name in HEADER}, outcomes=made)
            if key not in found or (model.seconds or 0) < (found[key].seconds or 0):
                found[key] = model
    return sorted(found.values(), key=lambda m: (m.method, m.size, m.seed))


def _wanted(evaluation_ids: Sequence[str]) -> pa.Table:
    return pa.table({"evaluation_id": pa.array(evaluation_ids, pa.string())})


def _rows(
    model: Evaluated, split: str, kind: str, ids: Sequence[str], values: NDArray[np.float64]
) -> pa.Table:
    n, width = values.shape
    offsets = np.arange(0, n * width + 1, width, dtype=np.int32)
    same = {
        name: pa.DictionaryArray.from_arrays(np.zeros(n, np.int8), pa.array([text]))
        for name, text in (
            ("evaluation_id", model.evaluation_id),
            ("dataset", model.dataset),
            ("split", split),
            ("metric", kind),
        )
    }
    return pa.table(
        {
            **{name: column.cast(pa.string()) for name, column in same.items()},
            "instance_id": pa.array(ids, pa.string()),
            "value": pa.ListArray.from_arrays(offsets, np.ascontiguousarray(values).ravel()),
        }
    )


def of_before(
    table: str, row: Mapping[str, Any], labels: Mapping[str, NDArray[np.int64]]
) -> Outcomes:
    """Return the arrays in a row of a table of before as outcomes."""

    def columns(*values: Any) -> NDArray[np.float64]:
        return np.column_stack([np.asarray(each, dtype=np.float64) for each in values])

    if table == "language_evaluations":
        return {
            split: {
                "loss": columns(row[f"{split}_losses"], codes),
                "exact": columns(row[f"{split}_matches"]),
            }
            for split, codes in labels.items()
        }
    if table == "token_evaluations":
        return {
            split: {
                kind: np.asarray(row[f"{split}_{kind}"], dtype=np.float64).reshape(-1, 3)
                for kind in ("spans", "words")
            }
            for split in labels
        }
    return {
        split: {"classes": columns(row[f"{split}_predicted"], codes)}
        for split, codes in labels.items()
        if row[f"{split}_predicted"] is not None
    }
