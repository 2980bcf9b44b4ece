"""What each subset trains: the task's learner, measured on rows that it has not seen.

A model is trained once: its key is a digest of everything that its outcomes depend on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assets.lineage.inputs import Rows, read_rows, read_vectors
from assets.lineage.stage import Outcome, Run, Stage, digest_of, logger, stage
from resources.paths import encoders_root
from resources.store import encoders, evaluations
from resources.store.evaluations import Evaluated
from resources.store.selections import positions
from sluice.core.digests import order_free_digest
from sluice.core.drafts import scratch
from sluice.core.progress import track
from sluice.evaluation.comparison import ALL_ROWS
from sluice.evaluation.evaluate import (
    SPLITS,
    Job,
    all_rows_jobs,
    check_held_out,
    evaluate,
    held_out_positions,
    subset_jobs,
)
from sluice.evaluation.learner import Examples, Given, Learner
from sluice.subsets.contract import Selector

RESOURCES = ("compute", "language_models", "tracking")
Learners = type[Learner]


def evaluation(learner: Learners, selector: Selector | None) -> Stage:
    """Return the stage `evaluations/<selector>`, or the control `evaluations/all_rows`."""
    name = selector.name if selector else ALL_ROWS
    subset = [f"subsets/{name}"] if selector else []
    trained_on = f"each subset of `{name}`, one per budget and seed" if selector else "every row"
    make = maker(learner)
    # The estimate decides whether to start and is no part of what comes out.
    before = ["evaluations/estimate"] if learner.on_demand else []

    @stage(
        f"evaluations/{name}",
        reads=lambda task, config: ["instances", *subset, *learner.reads(config)],
        may_read=["instances", *subset, *learner.may_read, *before],
        resources=RESOURCES,
        kinds=("duckdb", "mlflow", *learner.kinds),
        gpu=learner.heavy,
        version=learner.version,
        tags={"method": name},
        table=evaluations.OUTCOMES,
        description=(
            f"{learner.summary}, trained on {trained_on}. Validation decides, test is only "
            "reported. A subset is evaluated again where its rows, the held-out rows or the "
            "settings changed; what was measured is stored, so a killed run resumes."
        ),
        settings=lambda run: run.once(make).parameters,
        when=lambda task, config: not selector or name in task.compared(config),
        on_demand=learner.on_demand,
    )
    def evaluated(run: Run) -> Outcome:
        measuring = Measuring.of(run, run.once(make))
        jobs = measuring.jobs([selector] if selector else [], all_rows=selector is None)
        keys = measuring.keys(jobs)
        fresh = measuring.unknown(keys, jobs)
        if fresh:
            _train(measuring, fresh)
        found = evaluations.read(run.lake, keys, measuring.labels)
        numbers = [{**_head(model), **numbers_of(learner, model)} for model in found]
        return Outcome(
            content=order_free_digest(keys),
            total=len(keys),
            new=len(fresh),
            reused=len(keys) - len(fresh),
            metadata={
                "models": _table(numbers),
                **_log(run, name, measuring, numbers),
            },
            details={"evaluation_ids": keys, "rows": sum(map(len, measuring.held_out.values()))},
            device=run.device if learner.heavy else "cpu",
        )

    return evaluated


def maker(learner: Learners) -> Callable[[Run], Learner]:
    """Return what makes a task's learner for the dataset of a run."""
    return lambda run: learner(given_of(run, learner.reads(run.config)))


def given_of(run: Run, reads: Sequence[str] = ()) -> Given:
    """Return what a learner is made with, for the dataset of a run."""
    return Given(
        config=run.config,
        details={name: run.record(name).details for name in reads},
        device=lambda: run.device,
        language_model=lambda settings: run.language_models.of(settings, run.compute),
        fitted_encoder=lambda identity: encoders.artifact(run.lake, run.dataset, identity),
        encoders=encoders_root(),
    )


def examples_of(rows: Rows, vectors: Any = None) -> Examples:
    """Return rows of the lake as learners take them."""
    return Examples(rows.ids, rows.texts, rows.labels, rows.class_names, vectors)


@dataclass(frozen=True)
class Measuring:
    """A learner, and the rows of one dataset that it is measured on.

    Attributes
    ----------
    held_out : dict of str to list of int
        Positions among the present rows by split, in order of id.
    names : list of str
        What its models tell apart.
    """

    run: Run
    learner: Learner
    present: Rows
    held_out: dict[str, list[int]]
    names: list[str]

    @classmethod
    def of(cls, run: Run, learner: Learner) -> "Measuring":
        """Return it for the present rows of a run's dataset.

        Raises
        ------
        DataError
            There is no row to measure on.
        """
        present = read_rows(run.lake, run.dataset)
        held_out = held_out_positions(learner, present.ids, present.splits)
        check_held_out({split: len(at) for split, at in held_out.items()}, run.dataset)
        return cls(run, learner, present, held_out, learner.names(examples_of(present.of("train"))))

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """Label codes of the held-out rows by split."""
        return {split: self.present.labels[at] for split, at in self.held_out.items()}

    def part(self, split: str) -> Rows:
        """Return the rows of a split that are measured."""
        return self.present.at(self.held_out[split])

    def examples(self, rows: Rows) -> Examples:
        """Return rows with all that the learner reads of them."""
        if "embeddings" not in self.learner.may_read:
            return examples_of(rows)
        return examples_of(rows, read_vectors(self.run.lake, self.run.task, self.run.dataset, rows))

    def jobs(self, selectors: Sequence[Selector], *, all_rows: bool) -> list[Job]:
        """Return the models that some methods, and the control, are to have."""
        train, seeds, kind = self.present.of("train"), self.run.config.seeds, type(self.learner)
        jobs: list[Job] = []
        if all_rows:
            pairs = zip(train.ids, train.content_hashes, strict=True)
            jobs += all_rows_jobs(kind, [f"{row} {content}" for row, content in pairs], seeds)
        for each in selectors:
            entries = self.run.record(f"subsets/{each.name}").details["selections"]
            jobs += subset_jobs(kind, each.name, entries, seeds, stochastic=each.stochastic)
        return jobs

    def keys(self, jobs: Sequence[Job]) -> list[str]:
        """Return a key for each model: a digest of everything that its outcomes depend on."""
        return evaluation_ids(self.learner, self.names, jobs, self.present, self.held_out)

    def unknown(self, keys: Sequence[str], jobs: Sequence[Job]) -> list[tuple[str, Job]]:
        """Return the models that are not measured yet, with their keys."""
        kinds = len({metric.outcome for metric in self.learner.metrics})
        outcomes = kinds * sum(map(len, self.held_out.values()))
        known = evaluations.known(self.run.lake, keys, outcomes)
        return [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in known]


def evaluation_ids(
    learner: Learner,
    names: Sequence[str],
    jobs: Sequence[Job],
    present: Rows,
    held_out: dict[str, list[int]],
) -> list[str]:
    """Return a key for each model: a digest of everything that its outcomes depend on."""
    held = [
        order_free_digest(f"{present.ids[i]} {present.content_hashes[i]}" for i in at)
        for at in held_out.values()
    ]
    shared = [*learner.settings, *names, *held]
    return [digest_of([*shared, j.method, j.budget, j.seed, j.rows_digest]) for j in jobs]


def numbers_of(learner: Learners, model: Evaluated) -> dict[str, float]:
    """Return every metric of a model on every split, such as ``validation_accuracy``."""
    return {
        f"{split}_{metric.name}": metric.value(model.outcomes[split][metric.outcome])
        for metric in learner.metrics
        for split in SPLITS
    }


def _train(measuring: Measuring, fresh: list[tuple[str, Job]]) -> None:
    run, learner = measuring.run, measuring.learner
    train = measuring.examples(measuring.present.of("train"))
    held = {split: measuring.examples(measuring.part(split)) for split in SPLITS}
    at = positions(run.lake, [j.selection_id for _, j in fresh if j.selection_id], list(train.ids))
    ids = {split: part.ids for split, part in held.items()}
    waiting: list[Evaluated] = []
    rows = sum(job.size for _, job in fresh)
    with track(f"training on {fresh[0][1].method}", rows) as advance:
        for key, job in fresh:
            chosen = train.at(at[job.selection_id]) if job.selection_id else train
            made = evaluate(learner, chosen, measuring.names, held, job.seed, advance)
            head = {name: getattr(job, name) for name in ("method", "budget", "seed")}
            waiting.append(
                Evaluated(
                    evaluation_id=key,
                    dataset=run.dataset,
                    **head,
                    selection_id=job.selection_id,
                    size=job.size,
                    learner=learner.trained,
                    seconds=made.seconds,
                    outcomes=made.outcomes,
                )
            )
            if learner.on_demand:
                number = numbers_of(type(learner), waiting[-1])
                logger.info(
                    "%s at %s, seed %d: validation %s %.4f",
                    *(job.method, job.budget, job.seed, learner.metric().label),
                    number[f"validation_{learner.metric().name}"],
                )
                # Each took minutes: a killed run must not lose it.
                evaluations.append(run.lake, waiting, ids)
                waiting = []
    evaluations.append(run.lake, waiting, ids)


def _head(model: Evaluated) -> dict[str, Any]:
    names = ("budget", "seed", "size", "selection_id", "learner", "seconds")
    return {name: getattr(model, name) for name in names}


def _log(
    run: Run, method: str, measuring: Measuring, numbers: list[dict[str, Any]]
) -> dict[str, Any]:
    """Log one MLflow run with the method's numbers by size, and return the links to it."""
    tracking = run.tracking
    tags = tracking.tags_of(run.context) | {"sluice.method": method}
    with tracking.run(run.task.model_name(run.dataset), method, tags) as logged:
        about = {"method": method, "learner": measuring.learner.trained}
        logged.parameters({**about, "classes": len(measuring.names)})
        for size in sorted({row["size"] for row in numbers}):
            rows = [row for row in numbers if row["size"] == size]
            means = {
                name: float(np.mean([row[name] for row in rows]))
                for name in rows[0]
                if name.startswith(SPLITS)
            }
            finite = {name: value for name, value in means.items() if np.isfinite(value)}
            logged.metrics({**finite, "rows": size}, step=size)
        with scratch() as folder:
            path = folder / "evaluations.parquet"
            pq.write_table(pa.Table.from_pylist(numbers), path)
            logged.artifact(path)
    return {"mlflow_run_id": logged.run_id, "mlflow_run": dg.MetadataValue.url(logged.url)}


def _table(numbers: list[dict[str, Any]]) -> dg.MetadataValue:
    hidden = ("selection_id", "learner")
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    name: round(value, 4) if isinstance(value, float) else value
                    for name, value in row.items()
                    if name not in hidden
                }
            )
            for row in numbers
        ]
    )
