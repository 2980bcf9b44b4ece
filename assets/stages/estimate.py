"""How long the evaluations that train models will take: measured before they start."""

import dagster as dg

from assets.instructions.tuning import all_rows_jobs, subset_jobs
from assets.lineage.inputs import read_rows
from assets.lineage.stage import Outcome, digest_of, inputs_of, logger, name_of, run_stage
from assets.lineage.task import Task
from assets.stages.trained_models import check_held_out
from assets.stages.trainers import Given, Kind, evaluation_ids
from resources.compute import GPU_POOL, Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.language_models import LanguageModels
from resources.locks import DatasetLock
from resources.store import evaluations, records
from sluice.core.errors import ConfigError
from sluice.subsets.contract import Selector


def estimate_asset(task: Task, kind: Kind, selectors: list[Selector]) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, estimate]`."""
    instances = task.key("instances")
    subsets = {selector.name: task.key("subsets", selector.name) for selector in selectors}

    @task.asset(
        "evaluations",
        "estimate",
        deps=[instances, *subsets.values(), *kind.may_read],
        kinds={"torch"},
        pool=GPU_POOL,
        version=kind.version,
        description=(
            f"How many {kind.what} are yet to be trained and measured, and the hours that it will "
            f"take: {kind.tries}. Nothing starts where they are more than `evaluation.most_hours`."
        ),
    )
    def estimate(
        context: dg.AssetExecutionContext,
        lake: Lake,
        datasets: Datasets,
        compute: Compute,
        language_models: LanguageModels,
        lock: DatasetLock,
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        config = datasets.config(dataset)
        trainer = kind.trainer(Given(lake, dataset, config, compute, language_models))
        compared = [s for s in selectors if s.name in task.compared(config)]
        inputs = [instances, *(subsets[selector.name] for selector in compared)]

        def run(previous: records.Record | None) -> Outcome:
            present = read_rows(lake, dataset)
            read = inputs_of(lake, dataset, inputs)
            jobs = all_rows_jobs(present.of("train"), config)
            for selector in compared:
                record = read[name_of(subsets[selector.name])]
                jobs += subset_jobs(selector, record.details["selections"], config)
            held_out = trainer.held_out(present)
            check_held_out(dataset, held_out)
            keys = evaluation_ids(trainer, jobs, present, held_out)
            known = evaluations.known(lake, keys, kind.table)
            fresh = [job for key, job in zip(keys, jobs, strict=True) if key not in known]
            hours = trainer.hours(present, held_out, fresh) if fresh else 0.0
            said = (
                f"{len(fresh)} {kind.what} to train and measure, {len(jobs) - len(fresh)} kept: "
                f"about {hours:.2g} hours"
            )
            logger.info("%s: %s", name_of(context.asset_key), said)
            if hours > config.evaluation.most_hours:
                raise ConfigError(
                    f"The evaluations of {dataset} would take about {hours:.1f} hours, more than "
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
                device=compute.resolve(),
            )

        return run_stage(
            context,
            lake,
            inputs=[*inputs, *kind.reads(config)],
            version=kind.version,
            parameters={
                "settings": trainer.settings,
                "seeds": config.seeds,
                **trainer.parameters,
                "most_hours": config.evaluation.most_hours,
            },
            compute=run,
        )

    return estimate
