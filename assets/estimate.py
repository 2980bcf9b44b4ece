"""How long the evaluations of a tuned language model will take: measured before they start."""

import time
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np

from assets.inputs import Rows, read_rows
from assets.language_evaluations import TABLE, VERSION, evaluation_ids
from assets.stage import Outcome, digest_of, inputs_of, logger, name_of, run_stage
from assets.task import Task
from assets.token_losses import identity_of
from assets.trained_models import check_held_out
from assets.tuning import (
    Job,
    all_rows_jobs,
    held_out_rows,
    held_out_sample,
    learner_of,
    subset_jobs,
    tokens_of,
)
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.language_models import LanguageModels
from resources.locks import DatasetLock
from resources.store import evaluations, records
from sluice.data.config import DatasetConfig
from sluice.errors import ConfigError
from sluice.subsets.contract import Selector

if TYPE_CHECKING:
    from sluice.language.folder import CausalModel

TRIED_ROWS = 8


def estimate_asset(task: Task, selectors: list[Selector]) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, estimate]`."""
    instances = task.key("instances")
    subsets = {selector.name: task.key("subsets", selector.name) for selector in selectors}

    @task.asset(
        "evaluations",
        "estimate",
        deps=[instances, *subsets.values()],
        kinds={"torch"},
        pool="gpu",
        version=VERSION,
        description=(
            "How many models are yet to be trained and measured, and the hours that it will take: "
            f"from training on {TRIED_ROWS} rows and measuring on {TRIED_ROWS}, by tokens. Nothing "
            "starts where they are more than `evaluation.most_hours`."
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
        model = language_models.of(config.language_model, compute)
        compared = [s for s in selectors if s.name in task.compared(config)]
        inputs = [instances, *(subsets[selector.name] for selector in compared)]
        settings = [VERSION, learner_of(config).version, identity_of(model, config.language_model)]

        def run(previous: records.Record | None) -> Outcome:
            present = read_rows(lake, dataset)
            read = inputs_of(lake, dataset, inputs)
            jobs = all_rows_jobs(present.of("train"), config)
            for selector in compared:
                record = read[name_of(subsets[selector.name])]
                jobs += subset_jobs(selector, record.details["selections"], config)
            chosen = held_out_sample(present, config)
            check_held_out(dataset, chosen)
            keys = evaluation_ids(jobs, present, chosen, settings)
            known = evaluations.known(lake, keys, TABLE)
            fresh = [job for key, job in zip(keys, jobs, strict=True) if key not in known]
            hours = _hours(config, model, present, chosen, fresh) if fresh else 0.0
            said = (
                f"{len(fresh)} models to train and measure, {len(jobs) - len(fresh)} kept: about "
                f"{hours:.2g} hours"
            )
            logger.info("%s: %s", name_of(context.asset_key), said)
            if hours > config.evaluation.most_hours:
                raise ConfigError(
                    f"The evaluations of {dataset} would take about {hours:.1f} hours, more than "
                    f"evaluation.most_hours {config.evaluation.most_hours:g}. Compare fewer "
                    "selectors, budgets or seeds, set evaluation.answers to false or "
                    "held_out_rows lower, use a GPU, or allow more hours in its dataset.yaml."
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
            inputs=inputs,
            version=VERSION,
            parameters={
                "settings": settings,
                "seeds": config.seeds,
                "held_out_rows": config.evaluation.held_out_rows,
                "most_hours": config.evaluation.most_hours,
            },
            compute=run,
        )

    return estimate


def _hours(
    config: DatasetConfig,
    model: "CausalModel",
    present: Rows,
    chosen: dict[str, list[int]],
    fresh: list[Job],
) -> float:
    """Train on a few rows of middling length and measure on a few, and scale up by tokens."""
    from sluice.evaluation.tuned import evaluate_tuned
    from sluice.language import lora
    from sluice.language.fine_tune import fine_tune

    learner, train, loaded = learner_of(config), present.of("train"), model.load()
    pairs = tokens_of(loaded, train.texts, learner.training.max_length, end=True)
    lengths = np.array([len(pair) for pair in pairs])
    middle = np.argsort(np.abs(lengths - lengths.mean()), kind="stable")[:TRIED_ROWS].tolist()
    few = [pairs[i] for i in middle]
    names = [train.ids[i] for i in middle]
    adapted = lora.attach(loaded.model, rank=learner.rank)
    try:
        # Once to warm up: the first pass makes what later ones reuse.
        fine_tune(adapted, few[:1], names[:1], learner.training)
        rate = fine_tune(adapted, few, names, learner.training).seconds / lengths[middle].sum()
    finally:
        lora.detach(adapted)
    tried = {split: at[:TRIED_ROWS] for split, at in chosen.items()}
    held = held_out_rows(loaded, present, tried, config.language_model.max_length)
    began = time.monotonic()
    made = evaluate_tuned(loaded, names[:1], few[:1], held, learner, 0)
    measured = time.monotonic() - began - made.record.seconds
    rows = sum(map(len, chosen.values())) / max(1, sum(map(len, tried.values())))
    training = sum(job.size for job in fresh) * float(lengths.mean()) * rate
    return float(learner.training.epochs * training + len(fresh) * measured * rows) / 3600.0
