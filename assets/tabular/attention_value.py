"""What attention is worth here: rows are deleted, heads are silenced, and it is said plainly."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import numpy as np

from assets.lineage.inputs import read_rows, read_vectors
from assets.lineage.stage import Outcome, digest_of, inputs_of, name_of, run_stage
from assets.lineage.task import Task
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import records, scores
from sluice.core.errors import DataError
from sluice.evaluation.attention_value import AttentionValue, attention_value
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.head_ablation import Head, HeadValue
from sluice.reports.tables import format_difference

VERSION = "1"
FAMILY = "random_forest"
COLUMNS = ("without", "rows or layer", "loss of accuracy, or change of the error")


def attention_value_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, attention_value]`."""
    gat = task.key("scores", "gat")
    inputs = [task.key("instances"), task.key("embeddings"), gat]

    @task.asset(
        "evaluations",
        "attention_value",
        deps=inputs,
        kinds={"duckdb", "scikitlearn"},
        version=VERSION,
        description=(
            "Attention under a causal test. The training rows with the most attention are deleted, "
            "and beside them as many of the highest degree and as many at random, at 5, 10 and "
            "20 % of each class; what a classifier then loses on the test rows is measured over "
            "five seeds. Each head of the network is silenced in turn. It decides nothing."
        ),
    )
    def value(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        family = datasets.config(dataset).evaluation.learner or FAMILY

        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=VERSION,
            parameters={"family": family},
            compute=_measuring(lake, task, dataset, gat, family),
        )

    return value


def _measuring(
    lake: Lake, task: Task, dataset: str, gat: dg.AssetKey, family: str
) -> Callable[[records.Record | None], Outcome]:
    def run(previous: records.Record | None) -> Outcome:
        present, trained = read_rows(lake, dataset), inputs_of(lake, dataset, [gat])[name_of(gat)]
        train, held = present.of("train"), present.of("test")
        if not held.ids:
            raise DataError(
                f"Dataset {dataset} has no test rows, so attention cannot be put to the test. Add "
                "rows, or change the split column or the shares under `split`."
            )
        found = attention_value(
            np.array(train.ids),
            read_vectors(lake, task, dataset, train),
            train.labels,
            scores.read(lake, dataset, "attention", train.ids),
            scores.read(lake, dataset, "degree", train.ids),
            read_vectors(lake, task, dataset, held),
            held.labels,
            family=family,
            heads=heads_from(trained.details["heads"]),
        )
        lines = _lines(found)
        table = [dg.TableRecord(dict(zip(COLUMNS, line, strict=True))) for line in lines]
        return Outcome(
            content=digest_of([found.sentence, lines]),
            total=found.rows,
            new=found.rows,
            metadata={
                "says": dg.MetadataValue.md(found.sentence),
                "gate": trained.details["gate"],
                "worth": dg.MetadataValue.table(table),
            },
            details={
                "gate": trained.details["gate"],
                "sentence": found.sentence,
                "columns": list(COLUMNS),
                "rows": lines,
            },
        )

    return run


def _lines(found: AttentionValue) -> list[list[str]]:
    """Return what was taken away, how much, and what that cost."""
    lines = [
        [f"{of}, top {deletion.share:.0%}", f"{deletion.rows:,} rows", _text(worth)]
        for deletion in found.deletions
        for of, worth in (
            ("attention", deletion.attention_worth),
            ("degree", deletion.degree_worth),
        )
    ]
    heads = found.heads.heads if found.heads else ()
    return lines + [[f"head {h.head}", f"layer {h.layer}", _text(h.error)] for h in heads]


def _text(interval: Interval) -> str:
    return format_difference(interval.mean, interval.low, interval.high)


def heads_to(value: HeadValue | None) -> dict[str, Any] | None:
    """Return what the heads are worth as JSON."""
    if value is None:
        return None
    heads = [
        {**vars(head), "error": [head.error.mean, head.error.low, head.error.high]}
        for head in value.heads
    ]
    return {**vars(value), "heads": heads}


def heads_from(stored: dict[str, Any] | None) -> HeadValue | None:
    """Return what the heads are worth from its JSON."""
    if stored is None:
        return None
    heads = tuple(Head(**{**head, "error": Interval(*head["error"])}) for head in stored["heads"])
    return HeadValue(**{**stored, "heads": heads})
