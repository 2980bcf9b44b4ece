"""Selections: each method, at each budget and seed, with the reason of every kept row."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets.display.subset_display import Trace, changes_of, shown_of, steps_of, turnover_of
from assets.lineage import checks
from assets.lineage.inputs import (
    Rows,
    input_settings,
    options_of,
    read_pool,
    selector_may_read,
    selector_reads,
)
from assets.lineage.stage import Outcome, Run, Stage, digest_of, logger, stage
from resources.paths import searches_root
from resources.store import selections
from sluice.core.budgets import budget_label
from sluice.core.digests import order_free_digest
from sluice.core.progress import track
from sluice.data.config import DatasetConfig
from sluice.subsets import runner
from sluice.subsets.contract import Ask, Selection, Selector

# Above, a method that compares all pairs says that it takes its time (ours).
MANY_ROWS = 20_000


def seeds_of(selector: Selector, config: DatasetConfig) -> list[int]:
    """Return the seeds of a method; one without randomness has one subset, not copies of it."""
    return list(config.seeds) if selector.stochastic else [config.seeds[0]]


@dataclass(frozen=True)
class OracleProvider:
    """What a selector asks while it picks.

    Attributes
    ----------
    identity : str
        Of everything but the rows that the answers depend on.
    oracles : callable
        Takes the training rows and returns functions by name, as `Pool.asks` holds them.
    """

    identity: str
    oracles: Callable[[Rows], Mapping[str, Ask]]


Provide = Callable[[Run], OracleProvider]


def subset(selector: Selector, provide: Provide | None = None) -> Stage:
    """Return the stage `subsets/<selector>`.

    Parameters
    ----------
    selector : Selector
    provide : callable, optional
        For a method that asks while it picks: returns what it asks.
    """

    def settings(run: Run) -> Mapping[str, Any]:
        config = run.config
        asked = {"asks": run.once(provide).identity} if provide else {}
        return {
            "budgets": config.budgets,
            "chosen": config.chosen_budget,
            "seeds": seeds_of(selector, config),
            "options": options_of(selector, config),
            **input_settings(selector, config),
            **asked,
        }

    @stage(
        f"subsets/{selector.name}",
        # The map is shown, and no part of a selection's identity.
        reads=lambda task, config: [*selector_reads(task, selector, config), "map"],
        may_read=lambda task: [*selector_may_read(task, selector), "map"],
        resources=("compute", "language_models") if provide else (),
        version=selector.version,
        tags={"method": selector.name},
        table="subsets",
        checks=[checks.of_subset(selector)],
        description=(
            f"{selector.summary}\n\nFormula: {selector.formula}\n\nSource: {selector.paper}\n\n"
            f"Cost: {selector.cost}"
        ),
        settings=settings,
        when=lambda task, config: selector.name in task.compared(config),
    )
    def made(run: Run) -> Outcome:
        names = selector_reads(run.task, selector, run.config)
        read = {f"{run.task.name}/{name}": run.record(name).data_version for name in names}
        read |= input_settings(selector, run.config)
        asking = run.once(provide) if provide else None
        if asking:
            read["asks"] = asking.identity
        return _select(run, selector, digest_of(read), asking)

    return made


def _select(run: Run, selector: Selector, versions: str, asking: OracleProvider | None) -> Outcome:
    lake, task, dataset, config = run.lake, run.task, run.dataset, run.config
    pool, train = read_pool(run, selector)
    if asking:
        pool = pool.having({"asks": asking.oracles(train)})
    contents = dict(zip(train.ids, train.content_hashes, strict=True))
    pairs = [(b, s) for b in config.budgets for s in seeds_of(selector, config)]
    options = options_of(selector, config)
    if len(train.ids) > MANY_ROWS and selector.all_pairs:
        logger.warning(
            "%s compares all pairs of %d rows, %d times over (cost %s). Leave it out of "
            "`selectors` in dataset.yaml, or ask for fewer budgets and seeds, if that is too "
            "long.",
            *(selector.name, len(train.ids), len(pairs), selector.cost),
        )
    chosen: list[tuple[selections.SelectionHeader, pa.Table]] = []
    traces: list[Trace] = []
    with track(f"selecting by {selector.name}", len(pairs)) as advance:
        for budget, seed in pairs:
            head = header_of(dataset, selector, budget, seed, options, versions)
            given = {**options, **_resumable(options, head.selection_id)}
            picked = runner.run(
                selector, pool, budget, seed, strict_floor=task.spec.strict_floor, **given
            )
            chosen.append((_filled(head, picked, contents), _table(picked, contents)))
            traces.append(picked.trace)
            advance()
    selections.append(lake, chosen)
    heads = [head for head, _ in chosen]
    for head in heads:
        _search_of(head.selection_id).unlink(missing_ok=True)
    shown_at = pairs.index((config.chosen_budget, seeds_of(selector, config)[0]))
    seen = changes_of(lake, run.previous, heads)
    return Outcome(
        content=order_free_digest(f"{h.budget} {h.seed} {h.rows_digest}" for h in heads),
        total=sum(head.size for head in heads),
        new=seen["entered"] + seen["edited"],
        reused=seen["stayed"],
        removed=seen["left"],
        metadata={
            **shown_of(lake, task, config, train, pool, chosen[shown_at]),
            **turnover_of(lake, run.previous, heads[shown_at]),
            **steps_of(traces[shown_at]),
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


def _resumable(options: dict[str, Any], selection_id: str) -> dict[str, str]:
    """Return where a method that can be resumed remembers how far it is; no part of its identity.

    A killed run leaves the file, and the next one goes on from it.
    """
    if options.get("checkpoint", "") is not None:
        return {}
    return {"checkpoint": str(_search_of(selection_id))}


def _search_of(selection_id: str) -> Path:
    return searches_root() / f"{selection_id}.npz"


def header_of(
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
