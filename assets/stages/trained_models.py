"""What evaluations that train a model on each subset share: their checks, and what they show."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np

from assets.instructions.tuning import SPLITS
from assets.lineage.stage import Run
from sluice.core.errors import DataError


def check_held_out(dataset: str, chosen: Mapping[str, Sequence[int]]) -> None:
    """Refuse a dataset without rows to measure a model on.

    Raises
    ------
    DataError
        If so.
    """
    empty = [split for split in SPLITS if not chosen[split]]
    if empty:
        raise DataError(
            f"Dataset {dataset} has no {' and no '.join(empty)} rows, so no subset can be "
            "measured. Add rows, or change the split column or the shares under `split` in its "
            "dataset.yaml."
        )


def logged_models(
    of: Run, method: str, found: list[dict[str, Any]], numbers: Sequence[str]
) -> dict[str, Any]:
    """Log one MLflow run with the method's numbers by size, and return the links to it."""
    tags = of.tracking.tags_of(of.context) | {"sluice.method": method}
    with of.tracking.run(of.task.model_name(of.dataset), method, tags) as run:
        run.parameters({"method": method, "learner": found[0]["learner"]})
        for size in sorted({row["size"] for row in found}):
            rows = [row for row in found if row["size"] == size]
            means = {name: float(np.mean([row[name] for row in rows])) for name in numbers}
            finite = {name: value for name, value in means.items() if np.isfinite(value)}
            run.metrics({**finite, "rows": size}, step=size)
    return {"mlflow_run_id": run.run_id, "mlflow_run": dg.MetadataValue.url(run.url)}


def models_table(found: list[dict[str, Any]], numbers: Sequence[str]) -> dg.MetadataValue:
    """Show the numbers of each trained model."""

    def shown(value: Any) -> Any:
        return round(value, 4) if isinstance(value, float) else value

    names = ("budget", "seed", "size", *numbers)
    return dg.MetadataValue.table(
        [dg.TableRecord({name: shown(row[name]) for name in names}) for row in found]
    )
