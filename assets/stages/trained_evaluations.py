"""What each subset trains, in a task that trains a model on each: one asset a method."""

import dagster as dg

from assets.instructions.tuning import all_rows_jobs, subset_jobs
from assets.lineage.inputs import read_rows
from assets.lineage.stage import Outcome, inputs_of, name_of, run_stage
from assets.lineage.task import Task
from assets.stages.trained_models import check_held_out, logged_models, models_table
from assets.stages.trainers import Given, Kind, evaluation_ids
from resources.compute import GPU_POOL, Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.language_models import LanguageModels
from resources.locks import DatasetLock
from resources.store import evaluations, records
from resources.tracking import Tracking
from sluice.core.digests import order_free_digest
from sluice.evaluation.comparison import ALL_ROWS
from sluice.subsets.contract import Selector


def trained_evaluation_asset(
    task: Task, kind: Kind, selector: Selector | None
) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, <selector>]`, or the control `all_rows`."""
    name = selector.name if selector else ALL_ROWS
    subset = task.key("subsets", selector.name) if selector else None
    inputs = [task.key("instances"), *([subset] if subset else [])]
    trained_on = f"each subset of `{name}`" if selector else "every training row"

    @task.asset(
        "evaluations",
        name,
        # The estimate decides whether to start and is no part of what comes out.
        deps=[*inputs, *kind.may_read, task.key("evaluations", "estimate")],
        kinds={"duckdb", "torch", "mlflow"},
        pool=GPU_POOL,
        version=kind.version,
        tags={"method": name},
        table=kind.table,
        description=kind.description.format(rows=trained_on),
    )
    def evaluated(
        context: dg.AssetExecutionContext,
        lake: Lake,
        datasets: Datasets,
        compute: Compute,
        language_models: LanguageModels,
        tracking: Tracking,
        lock: DatasetLock,
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        config = datasets.config(dataset)
        trainer = kind.trainer(Given(lake, dataset, config, compute, language_models))

        def run(previous: records.Record | None) -> Outcome:
            present = read_rows(lake, dataset)
            if selector and subset:
                entries = inputs_of(lake, dataset, [subset])[name_of(subset)].details["selections"]
                jobs = subset_jobs(selector, entries, config)
            else:
                jobs = all_rows_jobs(present.of("train"), config)
            held_out = trainer.held_out(present)
            check_held_out(dataset, held_out)
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
                    **logged_models(context, tracking, task, name, found, kind.numbers),
                },
                details={"evaluation_ids": keys, "rows": sum(map(len, held_out.values()))},
                device=compute.resolve(),
            )

        return run_stage(
            context,
            lake,
            inputs=[*inputs, *kind.reads(config)],
            version=kind.version,
            parameters={"settings": trainer.settings, "seeds": config.seeds, **trainer.parameters},
            compute=run,
        )

    return evaluated
