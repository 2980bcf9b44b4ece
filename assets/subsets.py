"""Selections: each method, at each budget and seed, with the reason of every kept row."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from assets import checks
from assets.inputs import Rows, options_of, read_pool, selector_deps, selector_inputs
from assets.map import read_map
from assets.plots import plots
from assets.stage import Outcome, digest_of, inputs_of, logger, run_stage
from assets.task import Task
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.paths import searches_root
from resources.store import history, records, selections
from sluice.data.config import DatasetConfig
from sluice.data.digests import order_free_digest
from sluice.data.shown import shown_text
from sluice.progress import track
from sluice.reports.figures import class_balance
from sluice.reports.maps import selection_map
from sluice.subsets import shell
from sluice.subsets.contract import Pool, Selection, Selector

SAMPLE_ROWS = 10
CHANGED_ROWS = 10
# Above, a method that compares all pairs says that it takes its time (ours).
MANY_ROWS = 20_000


def budget_label(budget: float) -> str:
    """Return how a budget is spelt: `10%` for a share, `500` for a count."""
    return f"{100 * budget:g}%" if isinstance(budget, float) else str(budget)


def seeds_of(selector: Selector, config: DatasetConfig) -> list[int]:
    """Return the seeds of a method; one without randomness has one subset, not copies of it."""
    return list(config.seeds) if selector.stochastic else [config.seeds[0]]


def subset_asset(task: Task, selector: Selector) -> dg.AssetsDefinition:
    """Build the asset `[task, subsets, <selector>]`."""
    # Shown, and no part of a selection's identity.
    flat_map = task.key("map")

    @task.asset(
        "subsets",
        selector.name,
        deps=[*selector_deps(task, selector), flat_map],
        kinds={"duckdb", "numpy"},
        version=selector.version,
        tags={"method": selector.name},
        table="subsets",
        checks=checks.of_subset(task, selector),
        description=(
            f"{selector.summary}\n\nFormula: {selector.formula}\n\nSource: {selector.paper}\n\n"
            f"Cost: {selector.cost}"
        ),
    )
    def subset(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        config = datasets.config(dataset)
        inputs = selector_inputs(task, selector, config)
        parameters = {
            "budgets": config.budgets,
            "chosen": config.chosen_budget,
            "seeds": seeds_of(selector, config),
            "options": options_of(selector, config),
        }
        consumed = inputs_of(lake, dataset, inputs)
        versions = digest_of({key: record.data_version for key, record in consumed.items()})
        return run_stage(
            context,
            lake,
            inputs=[*inputs, flat_map],
            version=selector.version,
            parameters=parameters,
            compute=_selecting(lake, task, dataset, config, selector, versions),
        )

    return subset


def _selecting(
    lake: Lake,
    task: Task,
    dataset: str,
    config: DatasetConfig,
    selector: Selector,
    versions: str,
) -> Callable[[records.Record | None], Outcome]:
    def run(previous: records.Record | None) -> Outcome:
        pool, train = read_pool(lake, task, dataset, config, selector)
        contents = dict(zip(train.ids, train.content_hashes, strict=True))
        pairs = [(b, s) for b in config.budgets for s in seeds_of(selector, config)]
        options = options_of(selector, config)
        if len(train.ids) > MANY_ROWS and selector.cost.startswith("n^2"):
            logger.warning(
                "%s compares all pairs of %d rows, %d times over (cost %s). Leave it out of "
                "`selectors` in dataset.yaml, or ask for fewer budgets and seeds, if that is too "
                "long.",
                *(selector.name, len(train.ids), len(pairs), selector.cost),
            )
        chosen: list[tuple[selections.SelectionHeader, pa.Table]] = []
        with track(f"selecting by {selector.name}", len(pairs)) as advance:
            for budget, seed in pairs:
                # A table of few rows and many classes: too small a budget is said, not evaded.
                strict = task.name == "tabular"
                head = _header(dataset, selector, budget, seed, options, versions)
                given = {**options, **_resumable(options, head.selection_id)}
                picked = shell.run(selector, pool, budget, seed, strict_floor=strict, **given)
                chosen.append((_filled(head, picked, contents), _table(picked, contents)))
                advance()
        selections.append(lake, chosen)
        heads = [head for head, _ in chosen]
        for head in heads:
            _search_of(head.selection_id).unlink(missing_ok=True)
        shown_at = pairs.index((config.chosen_budget, seeds_of(selector, config)[0]))
        seen = _seen(lake, previous, heads)
        return Outcome(
            content=order_free_digest(f"{h.budget} {h.seed} {h.rows_digest}" for h in heads),
            total=sum(head.size for head in heads),
            new=seen["entered"] + seen["edited"],
            reused=seen["stayed"],
            removed=seen["left"],
            metadata={
                **_shown(lake, task, config, train, pool, chosen[shown_at]),
                **_turnover(lake, previous, heads[shown_at]),
                "notes": "; ".join(sorted({h.note for h in heads if h.note})) or "none",
            },
            details={
                "selections": [
                    {
                        "selection_id": head.selection_id,
                        "budget": head.budget,
                        "seed": head.seed,
                        "size": head.size,
                        "rows_digest": head.rows_digest,
                    }
                    for head in heads
                ],
                "shown": chosen[shown_at][0].selection_id,
            },
        )

    return run


def _resumable(options: dict[str, Any], selection_id: str) -> dict[str, str]:
    """Return where a method that can be resumed remembers how far it is; no part of its identity.

    A killed run leaves the file, and the next one goes on from it.
    """
    if options.get("checkpoint", "") is not None:
        return {}
    return {"checkpoint": str(_search_of(selection_id))}


def _search_of(selection_id: str) -> Path:
    return searches_root() / f"{selection_id}.npz"


def _header(
    dataset: str,
    selector: Selector,
    budget: float,
    seed: int,
    options: dict[str, Any],
    versions: str,
) -> selections.SelectionHeader:
    """Return what is known of a selection before it is made."""
    parameters = {"version": selector.version, "options": options}
    identity = [dataset, selector.name, parameters, budget_label(budget), seed, versions]
    return selections.SelectionHeader(
        selection_id=digest_of(identity)[:16],
        dataset=dataset,
        method=selector.name,
        budget=budget_label(budget),
        seed=seed,
        size=0,
        parameters=json.loads(json.dumps(parameters)),
        inputs=versions,
        rows_digest="",
        note="",
    )


def _filled(
    head: selections.SelectionHeader, picked: Selection, contents: dict[str, str]
) -> selections.SelectionHeader:
    ids = picked.ids.tolist()
    rows_digest = order_free_digest(f"{row} {contents[row]}" for row in ids)
    return replace(head, size=len(ids), rows_digest=rows_digest, note=picked.note)


def _table(picked: Selection, contents: dict[str, str]) -> pa.Table:
    ids = picked.ids.tolist()
    return pa.table(
        {
            "rank": np.arange(1, len(ids) + 1),
            "instance_id": pa.array(ids, pa.string()),
            "content_hash": pa.array([contents[row] for row in ids], pa.string()),
            "gain": picked.gains,
            "reason": pa.array(picked.reasons, pa.string()),
        }
    )


def _seen(
    lake: Lake, previous: records.Record | None, heads: list[selections.SelectionHeader]
) -> dict[str, int]:
    """Count what became of the rows of all selections since the last ones."""
    entries = previous.details["selections"] if previous else []
    before = {(entry["budget"], entry["seed"]): entry["selection_id"] for entry in entries}
    pairs = [(before.get((head.budget, head.seed), ""), head.selection_id) for head in heads]
    counts = history.count(lake, pairs)
    return {change: sum(count[change] for count in counts) for change in history.CHANGES}


def _turnover(
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


def _shown(
    lake: Lake,
    task: Task,
    config: DatasetConfig,
    train: Rows,
    pool: Pool,
    chosen: tuple[selections.SelectionHeader, pa.Table],
) -> dict[str, object]:
    head, table = chosen
    kept = np.isin(pool.ids, table["instance_id"].to_pylist())
    place = read_map(lake, head.dataset, train.ids)
    names = train.class_names
    counts = [np.bincount(train.labels[mask], minlength=len(names)) for mask in (kept | True, kept)]
    texts = dict(zip(train.ids, train.texts, strict=True))
    sample = [
        {
            **row,
            "gain": round(row["gain"], 6),
            "text": shown_text(texts[row["instance_id"]], task.name)[:160],
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
            classes=lambda: class_balance(*counts, names),
        ),
    }
