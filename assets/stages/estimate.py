"""How long the evaluations that train models will take: measured before they start."""

from assets.instructions.tuning import all_rows_jobs, subset_jobs
from assets.lineage.inputs import read_rows
from assets.lineage.stage import (
    Outcome,
    Run,
    Stage,
    digest_of,
    logger,
    name_of,
    stage,
)
from assets.lineage.task import Task
from assets.stages.trained_models import check_held_out
from assets.stages.trainers import Kind, evaluation_ids
from resources.store import evaluations
from sluice.core.errors import ConfigError
from sluice.data.config import DatasetConfig
from sluice.subsets.contract import Selector


def estimate(kind: Kind, selectors: list[Selector]) -> Stage:
    """Return the stage `evaluations/estimate`."""

    def compared(task: Task, config: DatasetConfig) -> list[Selector]:
        return [each for each in selectors if each.name in task.compared(config)]

    @stage(
        "evaluations/estimate",
        reads=lambda task, config: [
            "instances",
            *(f"subsets/{selector.name}" for selector in compared(task, config)),
            *kind.reads(config),
        ],
        may_read=["instances", *(f"subsets/{s.name}" for s in selectors), *kind.may_read],
        resources=("compute", "language_models"),
        kinds=("torch",),
        gpu=True,
        version=kind.version,
        description=(
            f"How many {kind.what} are yet to be trained and measured, and the hours that it will "
            f"take: {kind.tries}. Nothing starts where they are more than `evaluation.most_hours`."
        ),
        settings=lambda run: {
            "settings": run.once(kind.trainer).settings,
            "seeds": run.config.seeds,
            **run.once(kind.trainer).parameters,
            "most_hours": run.config.evaluation.most_hours,
        },
        on_demand=True,
    )
    def estimated(run: Run) -> Outcome:
        config, trainer = run.config, run.once(kind.trainer)
        present = read_rows(run.lake, run.dataset)
        jobs = all_rows_jobs(present.of("train"), config)
        for selector in compared(run.task, config):
            entries = run.record(f"subsets/{selector.name}").details["selections"]
            jobs += subset_jobs(selector, entries, config)
        held_out = trainer.held_out(present)
        check_held_out(run.dataset, held_out)
        keys = evaluation_ids(trainer, jobs, present, held_out)
        known = evaluations.known(run.lake, keys, kind.table)
        fresh = [job for key, job in zip(keys, jobs, strict=True) if key not in known]
        hours = trainer.hours(present, held_out, fresh) if fresh else 0.0
        said = (
            f"{len(fresh)} {kind.what} to train and measure, {len(jobs) - len(fresh)} kept: "
            f"about {hours:.2g} hours"
        )
        logger.info("%s: %s", name_of(run.context.asset_key), said)
        if hours > config.evaluation.most_hours:
            raise ConfigError(
                f"The evaluations of {run.dataset} would take about {hours:.1f} hours, more than "
                f"evaluation.most_hours {config.evaluation.most_hours:g}. {kind.advice}, or "
                "allow more hours in its dataset.yaml."
            )
        return Outcome(
            content=digest_of(sorted(keys)),
            total=len(jobs),
            new=len(fresh),
            reused=len(jobs) - len(fresh),
            metadata={"estimate": said, "hours": hours},
            details={"hours": hours, "models": len(fresh)},
            device=run.device,
        )

    return estimated
