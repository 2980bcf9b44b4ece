"""What each subset trains, in a task that trains a model on each: one asset a method."""

from assets.instructions.tuning import all_rows_jobs, subset_jobs
from assets.lineage.inputs import read_rows
from assets.lineage.stage import Outcome, Run, Stage, stage
from assets.stages.trained_models import check_held_out, logged_models, models_table
from assets.stages.trainers import Kind, evaluation_ids
from resources.store import evaluations
from sluice.core.digests import order_free_digest
from sluice.evaluation.comparison import ALL_ROWS
from sluice.subsets.contract import Selector


def trained_evaluation(kind: Kind, selector: Selector | None) -> Stage:
    """Return the stage `evaluations/<selector>`, or the control `evaluations/all_rows`."""
    name = selector.name if selector else ALL_ROWS
    subset = [f"subsets/{name}"] if selector else []
    trained_on = f"each subset of `{name}`" if selector else "every training row"

    @stage(
        f"evaluations/{name}",
        reads=lambda task, config: ["instances", *subset, *kind.reads(config)],
        # The estimate decides whether to start and is no part of what comes out.
        may_read=["instances", *subset, *kind.may_read, "evaluations/estimate"],
        resources=("compute", "language_models", "tracking"),
        kinds=("duckdb", "torch", "mlflow"),
        gpu=True,
        version=kind.version,
        tags={"method": name},
        table=kind.table,
        description=kind.description.format(rows=trained_on),
        settings=lambda run: {
            "settings": run.once(kind.trainer).settings,
            "seeds": run.config.seeds,
            **run.once(kind.trainer).parameters,
        },
        when=lambda task, config: not selector or name in task.compared(config),
        on_demand=True,
    )
    def evaluated(run: Run) -> Outcome:
        lake, trainer, present = run.lake, run.once(kind.trainer), read_rows(run.lake, run.dataset)
        if selector:
            entries = run.record(f"subsets/{name}").details["selections"]
            jobs = subset_jobs(selector, entries, run.config)
        else:
            jobs = all_rows_jobs(present.of("train"), run.config)
        held_out = trainer.held_out(present)
        check_held_out(run.dataset, held_out)
        keys = evaluation_ids(trainer, jobs, present, held_out)
        known = evaluations.known(lake, keys, kind.table)
        fresh = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in known]
        if fresh:
            trainer.train(present, held_out, fresh)
        found = evaluations.read(lake, keys, kind.table)
        return Outcome(
            content=order_free_digest(keys),
            total=len(keys),
            new=len(fresh),
            reused=len(keys) - len(fresh),
            metadata={
                "models": models_table(found, kind.numbers),
                **logged_models(run, name, found, kind.numbers),
            },
            details={"evaluation_ids": keys, "rows": sum(map(len, held_out.values()))},
            device=run.device,
        )

    return evaluated
