"""What each subset of instructions trains: LoRA adapters, measured on rows that none has seen."""

from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from assets.inputs import Rows, read_rows
from assets.stage import Outcome, digest_of, inputs_of, logger, name_of, run_stage
from assets.task import Task
from assets.token_losses import identity_of
from assets.trained_models import check_held_out, logged_models, models_table
from assets.tuning import (
    SPLITS,
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
from resources.store import evaluations, records, selections
from resources.tracking import Tracking
from sluice.data.config import DatasetConfig
from sluice.data.digests import order_free_digest
from sluice.progress import track
from sluice.subsets.contract import Selector

if TYPE_CHECKING:
    from sluice.evaluation.tuned import Tuned
    from sluice.language.folder import CausalModel

VERSION = "1"
TABLE = evaluations.LANGUAGE_TABLE
NUMBERS = tuple(f"{split}_{kind}" for split in SPLITS for kind in ("loss", "family_loss", "exact"))


def language_evaluation_asset(task: Task, selector: Selector | None) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, <selector>]`, or the control `all_rows`."""
    name = selector.name if selector else "all_rows"
    inputs = [task.key("instances"), task.key("evaluations", "estimate")]
    subset = task.key("subsets", selector.name) if selector else None
    if subset:
        inputs.append(subset)

    @task.asset(
        "evaluations",
        name,
        deps=inputs,
        kinds={"duckdb", "torch", "mlflow"},
        pool="gpu",
        version=VERSION,
        tags={"method": name},
        table=TABLE,
        description=(
            f"The language model with LoRA adapters (arXiv:2106.09685) trained on "
            f"{'each subset of `' + name + '`' if selector else 'every training row'}: loss of "
            "held-out responses, by row and by family, and exact answers where the reference is "
            "short. Validation decides, test is only reported. Each model is stored as it is "
            "measured, so a killed run resumes; one is trained again where its rows, the "
            "held-out rows or the settings changed."
        ),
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
        model = language_models.of(config.language_model, compute)
        learner = learner_of(config)
        settings = [VERSION, learner.version, identity_of(model, config.language_model)]

        def run(previous: records.Record | None) -> Outcome:
            present = read_rows(lake, dataset)
            if selector and subset:
                entries = inputs_of(lake, dataset, [subset])[name_of(subset)].details["selections"]
                jobs = subset_jobs(selector, entries, config)
            else:
                jobs = all_rows_jobs(present.of("train"), config)
            chosen = held_out_sample(present, config)
            keys = evaluation_ids(jobs, present, chosen, settings)
            known = evaluations.known(lake, keys, TABLE)
            fresh = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in known]
            if fresh:
                _evaluate(lake, dataset, config, model, present, chosen, fresh)
            found = evaluations.read(lake, keys, TABLE)
            return Outcome(
                content=order_free_digest(keys),
                total=len(keys),
                new=len(fresh),
                reused=len(keys) - len(fresh),
                metadata={
                    "models": models_table(found, NUMBERS),
                    **logged_models(context, tracking, task, name, found, NUMBERS),
                },
                details={"evaluation_ids": keys, "rows": sum(map(len, chosen.values()))},
                device=compute.resolve(),
            )

        return run_stage(
            context,
            lake,
            # The estimate decides whether to start and is no part of what comes out.
            inputs=[key for key in inputs if key.path[-1] != "estimate"],
            version=VERSION,
            parameters={
                "settings": settings,
                "seeds": config.seeds,
                "held_out_rows": config.evaluation.held_out_rows,
            },
            compute=run,
        )

    return evaluated


def evaluation_ids(
    jobs: list[Job], present: Rows, chosen: dict[str, list[int]], settings: list[str]
) -> list[str]:
    """Return a key for each model: a digest of everything that its numbers depend on."""
    held = [
        order_free_digest(f"{present.ids[i]} {present.content_hashes[i]}" for i in at)
        for at in chosen.values()
    ]
    return [
        digest_of([*settings, *held, job.method, job.budget, job.seed, job.rows_digest])
        for job in jobs
    ]


def _evaluate(
    lake: Lake,
    dataset: str,
    config: DatasetConfig,
    model: "CausalModel",
    present: Rows,
    chosen: dict[str, list[int]],
    fresh: list[tuple[str, Job]],
) -> None:
    from sluice.evaluation.tuned import evaluate_tuned

    check_held_out(dataset, chosen)
    train, learner = present.of("train"), learner_of(config)
    loaded = model.load()
    held = held_out_rows(loaded, present, chosen, config.language_model.max_length)
    wanted = [job.selection_id for _, job in fresh if job.selection_id]
    at = selections.positions(lake, wanted, train.ids)
    with track(f"training on {fresh[0][1].method}", sum(job.size for _, job in fresh)) as advance:
        for key, job in fresh:
            kept = at[job.selection_id] if job.selection_id else np.arange(len(train.ids))
            ids = [train.ids[i] for i in kept.tolist()]
            texts = [train.texts[i] for i in kept.tolist()]
            pairs = tokens_of(loaded, texts, learner.training.max_length, end=True)
            made = evaluate_tuned(loaded, ids, pairs, held, learner, job.seed, advance)
            evaluations.append(lake, [row_of(key, dataset, job, learner.version, made)], TABLE)
            logger.info(
                "%s at %s, seed %d: validation loss %.4f",
                *(job.method, job.budget, job.seed, made.splits["validation"].loss),
            )


def row_of(key: str, dataset: str, job: Job, version: str, made: "Tuned") -> dict[str, Any]:
    """Return one trained and measured model as a row of the table `language_evaluations`."""
    test = made.splits["test"]
    row: dict[str, Any] = {
        "evaluation_id": key,
        "dataset": dataset,
        **{name: getattr(job, name) for name in ("method", "budget", "seed", "selection_id")},
        "size": job.size,
        "learner": version,
        "families": list(test.families),
        "family_losses": test.family_losses.tolist(),
        "seconds": made.record.seconds,
    }
    for split, held in made.splits.items():
        row[f"{split}_loss"] = held.loss
        row[f"{split}_family_loss"] = held.family_loss
        row[f"{split}_exact"] = held.exact_match
        row[f"{split}_losses"] = held.losses.tolist()
        row[f"{split}_matches"] = held.exact.tolist()
    return row
