"""How long the evaluations that train models will take: measured before they start."""

from collections.abc import Sequence

from assets.lineage.stage import Outcome, Run, Stage, digest_of, logger, name_of, stage
from assets.lineage.task import Task
from assets.stages.evaluations import Learners, Measuring, maker
from sluice.core.errors import ConfigError
from sluice.data.config import DatasetConfig
from sluice.subsets.contract import Selector


def estimate(learner: Learners, selectors: Sequence[Selector]) -> Stage:
    """Return the stage `evaluations/estimate`."""
    make = maker(learner)

    def compared(task: Task, config: DatasetConfig) -> list[Selector]:
        return [each for each in selectors if each.name in task.compared(config)]

    @stage(
        "evaluations/estimate",
        reads=lambda task, config: [
            "instances",
            *(f"subsets/{selector.name}" for selector in compared(task, config)),
            *learner.reads(config),
        ],
        may_read=["instances", *(f"subsets/{s.name}" for s in selectors), *learner.may_read],
        resources=("compute", "language_models"),
        kinds=("torch",),
        gpu=learner.heavy,
        version=learner.version,
        description=(
            f"How many {learner.what} are yet to be trained and measured, and the hours that it "
            f"will take: {learner.tries}. Nothing starts where they are more than "
            "`evaluation.max_hours`."
        ),
        settings=lambda run: {
            **run.once(make).parameters,
            "most_hours": run.config.evaluation.max_hours,
        },
        on_demand=True,
    )
    def estimated(run: Run) -> Outcome:
        config, measuring = run.config, Measuring.of(run, run.once(make))
        jobs = measuring.jobs(compared(run.task, config), all_rows=True)
        keys = measuring.keys(jobs)
        fresh = [job.size for _, job in measuring.unknown(keys, jobs)]
        hours = 0.0
        if fresh:
            train = measuring.examples(measuring.present.of("train"))
            held = {s: measuring.examples(measuring.part(s)) for s in measuring.held_out}
            hours = measuring.learner.hours(train, held, fresh)
        found = (
            f"{len(fresh)} {learner.what} to train and measure, {len(jobs) - len(fresh)} kept: "
            f"about {hours:.2g} hours"
        )
        logger.info("%s: %s", name_of(run.context.asset_key), found)
        if hours > config.evaluation.max_hours:
            raise ConfigError(
                f"The evaluations of {run.dataset} would take about {hours:.1f} hours, more than "
                f"evaluation.max_hours {config.evaluation.max_hours:g}. {learner.advice}, or "
                "allow more hours in its dataset.yaml."
            )
        return Outcome(
            content=digest_of(sorted(keys)),
            total=len(jobs),
            new=len(fresh),
            reused=len(jobs) - len(fresh),
            metadata={"estimate": found, "hours": hours},
            details={"hours": hours, "models": len(fresh)},
            device=run.device,
        )

    return estimated
