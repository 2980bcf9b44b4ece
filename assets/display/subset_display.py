"""What the Dagster UI shows of a method's subsets: rows, turnover, steps and pictures."""

from collections.abc import Mapping

import dagster as dg
import numpy as np
import pyarrow as pa

from assets.display.plots import plots
from assets.lineage.inputs import Rows
from assets.lineage.task import Task
from assets.stages.map import read_map
from resources.lake import Lake
from resources.store import history, records, selections
from sluice.data.config import DatasetConfig
from sluice.reports.figures import class_balance
from sluice.reports.maps import selection_map
from sluice.subsets.contract import Pool

SAMPLE_ROWS = 10
CHANGED_ROWS = 10
MOST_STEPS = 500
Trace = tuple[Mapping[str, object], ...]


def changes_of(
    lake: Lake, previous: records.Record | None, heads: list[selections.SelectionHeader]
) -> dict[str, int]:
    """Count what became of the rows of all selections since the last ones."""
    entries = previous.details["selections"] if previous else []
    before = {(entry["budget"], entry["seed"]): entry["selection_id"] for entry in entries}
    pairs = [(before.get((head.budget, head.seed), ""), head.selection_id) for head in heads]
    counts = history.count(lake, pairs)
    return {change: sum(count[change] for count in counts) for change in history.CHANGES}


def turnover_of(
    lake: Lake, previous: records.Record | None, head: selections.SelectionHeader
) -> dict[str, object]:
    """Tell what entered and left the shown subset since its last selection; ids, no texts."""
    before = [
        entry["selection_id"]
        for entry in (previous.details["selections"] if previous else [])
        if (entry["budget"], entry["seed"]) == (head.budget, head.seed)
    ]
    if not before:
        return {"entered": head.size, "left": 0}
    changes = history.compare(lake, before[0], head.selection_id)
    counts = history.count_of(changes)
    columns = {
        "entered": {"instance_id": "instance_id", "rank": "rank", "reason": "reason"},
        "left": {
            "instance_id": "instance_id",
            "had been kept for": "reason_before",
            "why it is gone": "why_gone",
        },
    }
    shown: dict[str, object] = {change: counts[change] for change in columns}
    for change, named in columns.items():
        rows = history.only(changes, [change]).slice(0, CHANGED_ROWS).to_pylist()
        if rows:
            shown[f"{change}_rows"] = dg.MetadataValue.table(
                [dg.TableRecord({name: row[key] for name, key in named.items()}) for row in rows]
            )
    return shown


def steps_of(trace: Trace) -> dict[str, object]:
    """Show what a method that learns while it picks did, step by step."""
    if not trace:
        return {}
    rows = [
        dg.TableRecord({k: _plain(value) for k, value in step.items()})
        for step in trace[:MOST_STEPS]
    ]
    return {"steps": len(trace), "trace": dg.MetadataValue.table(rows)}


def _plain(value: object) -> str | int | float | bool:
    if isinstance(value, bool | int | str):
        return value
    return round(float(value), 6) if isinstance(value, float) else str(value)


def shown_of(
    lake: Lake,
    task: Task,
    config: DatasetConfig,
    train: Rows,
    pool: Pool,
    chosen: tuple[selections.SelectionHeader, pa.Table],
) -> dict[str, object]:
    """Show the first rows of one subset with their reasons, and where it lies among all rows."""
    head, table = chosen
    kept = np.isin(pool.ids, table["instance_id"].to_pylist())
    place = read_map(lake, head.dataset, train.ids)
    names = train.class_names
    pool_counts = np.bincount(train.labels, minlength=len(names))
    kept_counts = np.bincount(train.labels[kept], minlength=len(names))
    texts = dict(zip(train.ids, train.texts, strict=True))
    sample = [
        {
            **row,
            "gain": round(row["gain"], 6),
            "text": task.spec.rows.display(texts[row["instance_id"]])[:160],
        }
        for row in table.slice(0, SAMPLE_ROWS).drop_columns(["content_hash"]).to_pylist()
    ]
    return {
        "shown": f"{head.budget}, seed {head.seed}, selection {head.selection_id}",
        "seed": head.seed,
        "first_rows": dg.MetadataValue.table([dg.TableRecord(row) for row in sample]),
        **plots(
            config,
            map=lambda: selection_map(place, kept, train.labels, names),
            classes=lambda: class_balance(pool_counts, kept_counts, names),
        ),
    }
