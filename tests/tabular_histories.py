"""Random histories of a table's folder: a refresh equals a rebuild under the same encoder."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from histories import History
from tables import FEATURES, TYPES, tumours
from workshop import Case

from assets.tabular import TABULAR

METHODS = ["random_stratified", "gais", "facility_location"]
GRAPHS = ["minibatch", "multiview"]
TABLES = Case(
    TABULAR,
    {
        "task": "tabular",
        "files": ["*.parquet"],
        "budgets": [0.2],
        "chosen_budget": 0.2,
        "seeds": [0],
        "selectors": METHODS[1:],
        "options": {"gais": {"graph": "multiview", "networks": 2, "epochs": 3}},
        "encoding": {"refit_drift": 0.3},
        "evaluation": {"resamples": 50, "folds": 3, "learner": "tree"},
        "training": {"enabled": False},
        "plots": False,
    },
    [
        *(TABULAR.key(name) for name in ("instances", "encoder", "embeddings", "map")),
        *(TABULAR.key("graphs", name) for name in GRAPHS),
        *(TABULAR.key("scores", name) for name in ("out_of_fold", "gat")),
        *(TABULAR.key("subsets", name) for name in METHODS),
        *(TABULAR.key("evaluations", name) for name in (*METHODS, "all_rows", "comparison")),
    ],
    {"embeddings": "input_hash", "encoders": "encoder"},
)


@dataclass
class Pool:
    """Rows of a real table that come and go, without their ids."""

    rows: list[tuple[Any, ...]]
    labels: list[str]


def pool() -> Pool:
    """Return 360 rows of the table."""
    table = tumours(360)
    columns = [table[name].to_pylist() for name in FEATURES]
    return Pool(list(zip(*columns, strict=True)), table["label"].to_pylist())


class TableHistory(History):
    """The life of a table."""

    content = FEATURES
    columns = {"label": "label"}  # noqa: RUF012

    def _row(self, i: int) -> tuple[Any, ...]:
        return f"row-{i:04d}", *self.workshop.pool.rows[i], self.workshop.pool.labels[i]

    def _array(self, name: str, values: tuple[Any, ...]) -> pa.Array:
        kinds = dict(zip(FEATURES, TYPES, strict=True))
        return pa.array(values, kinds.get(name, pa.string()))
