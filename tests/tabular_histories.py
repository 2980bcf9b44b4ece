"""Random histories of a table's folder: a refresh equals a rebuild under the same encoder."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from histories import History
from tables import FEATURES, TYPES, tumours
from workshop import Case

from assets.tabular.lineage import TABULAR

METHODS = ["gais", "facility_location"]
TABLES = Case(
    TABULAR,
    {
        "task": "tabular",
        "files": ["*.parquet"],
        "budgets": [0.2],
        "chosen_budget": 0.2,
        "seeds": [0],
        "selectors": METHODS,
        "options": {"gais": {"graph": "multiview", "networks": 2, "epochs": 3}},
        "encoding": {"refit_drift": 0.3},
        "evaluation": {"resamples": 50, "folds": 3, "learner": "tree"},
        "training": {"enabled": False},
        "plots": False,
    },
    {
        "selectors": [["gais", "facility_location"], ["enn"], ["herding", "gais"]],
        "budgets": [[0.2], [0.1, 0.2], [10, 0.2]],
        "seeds": [[0], [1, 0]],
        "options": [
            {"gais": {"graph": kind, "networks": 2, "epochs": 2}}
            for kind in ("multiview", "minibatch", "multilevel")
        ],
        "encoding": [{"refit_drift": 0.3}, {"refit_drift": 0.0}, {"categorical": "ordinal"}],
        "split": [{"validation": 0.2, "test": 0.1}, None],
    },
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
    types = {  # noqa: RUF012
        **History.types,
        **{name: [kind] for name, kind in zip(FEATURES, TYPES, strict=True)},
        "band": History.types["text"],
        "seen": [pa.date32(), pa.timestamp("s"), pa.timestamp("us")],
    }

    def _row(self, i: int) -> tuple[Any, ...]:
        return f"row-{i:04d}", *self.workshop.pool.rows[i], self.workshop.pool.labels[i]
