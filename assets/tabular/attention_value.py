"""What attention is worth here: rows are deleted, heads are silenced, and it is said plainly."""

from typing import Any

import dagster as dg
import numpy as np

from assets.lineage.inputs import read_rows, read_vectors, score_names
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.lineage.task import Task
from resources.store import scores
from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.evaluation.attention_value import AttentionValue, attention_value
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.head_ablation import Head, HeadValue
from sluice.reports.narrative import difference
from sluice.subsets.registry import selectors_for

# 2: intervals know how few the seeds are.
VERSION = "2"
FAMILY = "random_forest"
COLUMNS = ("without", "rows or layer", "loss of accuracy, or change of the error")


def reads_attention(task: Task, config: DatasetConfig) -> bool:
    """Whether a selector that a dataset compares reads what the network gives."""
    compared = task.compared(config)
    chosen = [selector for selector in selectors_for(task.name) if selector.name in compared]
    return any(
        task.score_stage(name) == "scores/gat" for each in chosen for name in score_names(each)
    )


@stage(
    "evaluations/attention_value",
    reads=("instances", "embeddings", "scores/gat"),
    kinds=("duckdb", "scikitlearn"),
    version=VERSION,
    description=(
        "Attention under a causal test. The training rows with the most attention are deleted, "
        "and beside them as many of the highest degree and as many at random, at 5, 10 and "
        "20 % of each class; what a classifier then loses on the test rows is measured over "
        "five seeds. Each head of the network is silenced in turn. It decides nothing."
    ),
    settings=lambda run: {"family": run.config.evaluation.learner or FAMILY},
    when=reads_attention,
)
def value(run: Run) -> Outcome:
    """Delete rows and silence heads, and measure what is lost."""
    lake, task, dataset = run.lake, run.task, run.dataset
    present, trained = read_rows(lake, dataset), run.record("scores/gat")
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
        family=run.config.evaluation.learner or FAMILY,
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


def _lines(found: AttentionValue) -> list[list[str]]:
    """Return what was taken away, how much, and what that cost."""
    lines = [
        [f"{of}, top {deletion.share:.0%}", f"{deletion.rows:,} rows", difference(worth)]
        for deletion in found.deletions
        for of, worth in (
            ("attention", deletion.attention_worth),
            ("degree", deletion.degree_worth),
        )
    ]
    heads = found.heads.heads if found.heads else ()
    return lines + [[f"head {h.head}", f"layer {h.layer}", difference(h.error)] for h in heads]


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
    heads: list[Any] = [{**head, "error": Interval(*head["error"])} for head in stored["heads"]]
    whole: dict[str, Any] = {**stored, "heads": tuple(Head(**head) for head in heads)}
    return HeadValue(**whole)
