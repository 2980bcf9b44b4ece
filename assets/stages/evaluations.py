"""What each subset trains: a learner on the rows' vectors, measured on rows it has not seen."""

from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assets.lineage.inputs import Rows, read_rows, read_vectors
from assets.lineage.stage import (
    Outcome,
    Run,
    Stage,
    digest_of,
    stage,
)
from assets.lineage.task import Task
from resources.lake import Lake
from resources.store import evaluations, selections
from resources.tracking import Tracking
from sluice.core.digests import order_free_digest
from sluice.core.drafts import scratch
from sluice.core.errors import DataError
from sluice.core.progress import track
from sluice.data.config import DatasetConfig
from sluice.evaluation.learners import Learner, learner
from sluice.evaluation.learning_curve import evaluate_subset
from sluice.subsets.contract import Selector

VERSION = "1"
ALL_ROWS = "all_rows"
SPLITS = ("validation", "test")
# By task: the family of the learner, None being the logistic head, and its name for people.
_LEARNERS: dict[str, tuple[str | None, str]] = {
    "text": (None, "a logistic head on the frozen embeddings"),
    "tabular": ("random_forest", "a random forest on the encoded features"),
}


def learner_of(task: Task, config: DatasetConfig) -> Learner:
    """Return what a dataset's subsets train: the learner that it names, or the task's."""
    return learner(config.evaluation.learner or _LEARNERS[task.name][0])


def evaluation(task: str, selector: Selector | None) -> Stage:
    """Return the stage `evaluations/<selector>`, or the control `evaluations/all_rows`."""
    method = selector.name if selector else ALL_ROWS
    description = "The control: the same learner trained on every training row."
    if selector:
        description = (
            f"Accuracy of {_LEARNERS[task][1]}, trained on each subset of `{method}`, one "
            "per budget and seed. Validation decides, test is only reported. "
            "A subset is evaluated again where its rows or the held-out rows changed."
        )

    @stage(
        f"evaluations/{method}",
        reads=["instances", "embeddings", *([f"subsets/{method}"] if selector else [])],
        resources=("tracking",),
        kinds=("duckdb", "scikitlearn", "mlflow"),
        version=VERSION,
        tags={"method": method},
        table="evaluations",
        description=description,
        settings=lambda run: {"head": learner_of(run.task, run.config).version},
        when=lambda task, config: not selector or method in task.compared(config),
    )
    def evaluated(run: Run) -> Outcome:
        lake, dataset, trained = run.lake, run.dataset, learner_of(run.task, run.config)
        present = read_rows(lake, dataset)
        jobs = _jobs(run, method, present)
        encoder = run.record("embeddings").details["encoder"]
        keys = _evaluation_ids(jobs, present, encoder, trained.version)
        known = evaluations.known(lake, keys)
        fresh = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in known]
        if fresh:
            _evaluate(lake, run.task, dataset, present, fresh, trained)
        found = evaluations.read(lake, keys)
        facts = {"method": method, "learner": trained.version}
        facts["classes"] = str(len(present.class_names))
        link = _log(run.context, run.tracking, run.task, dataset, facts, found)
        return Outcome(
            content=order_free_digest(keys),
            total=len(keys),
            new=len(fresh),
            reused=len(keys) - len(fresh),
            metadata={"curve": _table(found), **link},
            details={"evaluation_ids": keys, "selections": jobs},
        )

    return evaluated


def _jobs(run: Run, method: str, present: Rows) -> list[dict[str, Any]]:
    """List what is to be evaluated: the method's present selections, or all training rows."""
    if method == ALL_ROWS:
        train = present.of("train")
        pairs = zip(train.ids, train.content_hashes, strict=True)
        rows_digest = order_free_digest(f"{row} {content}" for row, content in pairs)
        whole = {"selection_id": "", "budget": "all", "seed": 0, "size": len(train.ids)}
        return [{**whole, "method": method, "rows_digest": rows_digest}]
    entries = run.record(f"subsets/{method}").details["selections"]
    return [{**entry, "method": method} for entry in entries]


def _evaluation_ids(
    jobs: list[dict[str, Any]], present: Rows, encoder: str, trained: str
) -> list[str]:
    held_out = [
        order_free_digest(f"{i} {c}" for i, c in zip(part.ids, part.content_hashes, strict=True))
        for part in map(present.of, SPLITS)
    ]
    shared = [VERSION, trained, encoder, *present.class_names, *held_out]
    return [
        digest_of([*shared, job["method"], job["budget"], job["seed"], job["rows_digest"]])
        for job in jobs
    ]


def _evaluate(
    lake: Lake,
    task: Task,
    dataset: str,
    present: Rows,
    fresh: list[tuple[str, dict[str, Any]]],
    trained: Learner,
) -> None:
    parts = {split: present.of(split) for split in ("train", *SPLITS)}
    check_held_out(dataset, parts)
    vectors = {name: read_vectors(lake, task, dataset, part) for name, part in parts.items()}
    train = parts["train"]
    wanted = [job["selection_id"] for _, job in fresh if job["selection_id"]]
    at = selections.positions(lake, wanted, train.ids)
    everything = np.arange(len(train.ids))
    done: list[dict[str, Any]] = []
    with track(f"evaluating {fresh[0][1]['method']}", len(fresh)) as advance:
        for key, job in fresh:
            kept = at[job["selection_id"]] if job["selection_id"] else everything
            measured = evaluate_subset(
                vectors["train"][kept],
                train.labels[kept],
                {split: (vectors[split], parts[split].labels) for split in SPLITS},
                len(present.class_names),
                learner=trained,
            )
            done.append(
                {
                    "evaluation_id": key,
                    "dataset": dataset,
                    **{name: job[name] for name in ("method", "budget", "seed", "size")},
                    "selection_id": job["selection_id"],
                    "learner": trained.version,
                    **{f"{split}_accuracy": measured.accuracy[split] for split in SPLITS},
                    **{f"{split}_macro_f1": measured.macro_f1[split] for split in SPLITS},
                    **{
                        f"{split}_predicted": measured.predictions[split].tolist()
                        for split in SPLITS
                    },
                    "seconds": measured.seconds,
                }
            )
            advance()
    evaluations.append(lake, done)


def check_held_out(dataset: str, parts: dict[str, Rows]) -> None:
    """Refuse a dataset that has no rows to measure on, with what to do about it."""
    empty = [split for split in SPLITS if not parts[split].ids]
    if empty:
        raise DataError(
            f"Dataset {dataset} has no {' and no '.join(empty)} rows, so no subset can be "
            "measured. Add rows, or change the split column or the shares under `split` in its "
            "dataset.yaml."
        )


def _log(
    context: dg.AssetExecutionContext,
    tracking: Tracking,
    task: Task,
    dataset: str,
    facts: dict[str, str],
    found: list[dict[str, Any]],
) -> dict[str, Any]:
    """Log one MLflow run with the method's curve, and return the links to it."""
    tags = tracking.tags_of(context) | {"sluice.method": facts["method"]}
    with tracking.run(f"sluice.{task.name}.{dataset}", facts["method"], tags) as run:
        run.parameters(facts)
        sizes = sorted({row["size"] for row in found})
        for size in sizes:
            rows = [row for row in found if row["size"] == size]
            names = [f"{split}_{kind}" for split in SPLITS for kind in ("accuracy", "macro_f1")]
            means = {name: float(np.mean([row[name] for row in rows])) for name in names}
            run.metrics({**means, "rows": size}, step=size)
        with scratch() as folder:
            path = folder / "evaluations.parquet"
            kept = [{k: v for k, v in row.items() if not k.endswith("_predicted")} for row in found]
            pq.write_table(pa.Table.from_pylist(kept), path)
            run.artifact(path)
    return {"mlflow_run_id": run.run_id, "mlflow_run": dg.MetadataValue.url(run.url)}


def _table(found: list[dict[str, Any]]) -> dg.MetadataValue:
    shown = ("budget", "seed", "size", "validation_accuracy", "test_accuracy", "seconds")
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {k: round(row[k], 4) if isinstance(row[k], float) else row[k] for k in shown}
            )
            for row in found
        ]
    )
