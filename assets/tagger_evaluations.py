"""What each subset of tagged sentences trains: a tagger, measured on sentences not seen."""

from dataclasses import replace
from typing import Any

import dagster as dg
import numpy as np

from assets.inputs import Rows, read_rows
from assets.language_evaluations import evaluation_ids
from assets.stage import Outcome, inputs_of, logger, name_of, run_stage
from assets.task import Task
from assets.trained_models import check_held_out, logged_models, models_table
from assets.tuning import SPLITS, Job, all_rows_jobs, subset_jobs
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import evaluations, records, selections
from resources.tracking import Tracking
from sluice.data.bio import tag_names
from sluice.data.config import DatasetConfig
from sluice.data.conll import Sentence
from sluice.data.digests import order_free_digest
from sluice.data.sentences import read_sentence
from sluice.encoders.text import TextEncoder
from sluice.models.training import TrainingConfig
from sluice.progress import track
from sluice.subsets.contract import Selector

VERSION = "1"
TABLE = evaluations.TOKEN_TABLE
NUMBERS = tuple(f"{split}_{kind}" for split in SPLITS for kind in ("f1", "f_beta"))


def tagger_evaluation_asset(task: Task, selector: Selector | None) -> dg.AssetsDefinition:
    """Build the asset `[task, evaluations, <selector>]`, or the control `all_rows`."""
    name = selector.name if selector else "all_rows"
    subset = task.key("subsets", selector.name) if selector else None
    inputs = [task.key("instances"), *([subset] if subset else [])]

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
            f"The encoder fine-tuned as a tagger of words (arXiv:1810.04805) on "
            f"{'each subset of `' + name + '`' if selector else 'every training row'}: strict span "
            "F1, and the token F-beta of T-FREX (arXiv:2408.01063). Validation decides, test is "
            "only reported; the last weights are scored. Each tagger is measured once and its "
            "counts are stored, so a killed run resumes; one is trained again where its rows, the "
            "held-out rows or the settings changed."
        ),
    )
    def evaluated(
        context: dg.AssetExecutionContext,
        lake: Lake,
        datasets: Datasets,
        compute: Compute,
        tracking: Tracking,
        lock: DatasetLock,
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        config = datasets.config(dataset)
        present = read_rows(lake, dataset)
        names = tag_names(sentences_of(present.of("train").texts))
        settings = [VERSION, training_of(config).version, _encoder_of(config), *names]

        def run(previous: records.Record | None) -> Outcome:
            if selector and subset:
                entries = inputs_of(lake, dataset, [subset])[name_of(subset)].details["selections"]
                jobs = subset_jobs(selector, entries, config)
            else:
                jobs = all_rows_jobs(present.of("train"), config)
            held = {s: [i for i, name in enumerate(present.splits) if name == s] for s in SPLITS}
            check_held_out(dataset, held)
            keys = evaluation_ids(jobs, present, held, settings)
            known = evaluations.known(lake, keys, TABLE)
            fresh = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in known]
            if fresh:
                _evaluate(lake, dataset, config, present, names, fresh, compute.resolve())
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
                details={"evaluation_ids": keys, "rows": sum(map(len, held.values()))},
                device=compute.resolve(),
            )

        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=VERSION,
            parameters={"settings": settings, "seeds": config.seeds},
            compute=run,
        )

    return evaluated


def training_of(config: DatasetConfig) -> TrainingConfig:
    """Return how a dataset's taggers are trained; the seed is that of each evaluation."""
    said = config.training
    return TrainingConfig(
        epochs=said.epochs,
        learning_rate=said.learning_rate,
        batch_size=said.batch_size,
        max_length=said.max_length,
        weight_decay=said.weight_decay,
        warmup_share=said.warmup_share,
        seed=0,
    )


def sentences_of(texts: list[str]) -> list[Sentence]:
    """Return rows as tagged sentences."""
    return [read_sentence(text).sentence for text in texts]


def _encoder_of(config: DatasetConfig) -> str:
    chosen = config.encoder
    return TextEncoder(chosen.model, chosen.max_length, chosen.batch_size).identity


def _evaluate(
    lake: Lake,
    dataset: str,
    config: DatasetConfig,
    present: Rows,
    names: list[str],
    fresh: list[tuple[str, Job]],
    device: str,
) -> None:
    from sluice.evaluation.tagged import evaluate_tagger

    train, training = present.of("train"), training_of(config)
    rows = sentences_of(train.texts)
    held = {split: sentences_of(present.of(split).texts) for split in SPLITS}
    wanted = [job.selection_id for _, job in fresh if job.selection_id]
    at = selections.positions(lake, wanted, train.ids)
    with track(f"training on {fresh[0][1].method}", len(fresh)) as advance:
        for key, job in fresh:
            kept = at[job.selection_id] if job.selection_id else np.arange(len(train.ids))
            made = evaluate_tagger(
                # By id, so that equal rows train alike whatever ranked them.
                [rows[i] for i in sorted(kept.tolist())],
                held,
                names,
                replace(training, seed=job.seed),
                config.encoder.model,
                device,
            )
            row = _row(key, dataset, job, training.version, made)
            evaluations.append(lake, [row], TABLE)
            logger.info(
                "%s at %s, seed %d: validation span F1 %.4f",
                *(job.method, job.budget, job.seed, row["validation_f1"]),
            )
            advance()


def _row(key: str, dataset: str, job: Job, version: str, made: Any) -> dict[str, Any]:
    from sluice.tokens.span_f1 import T_FREX_BETA, score_of

    row: dict[str, Any] = {
        "evaluation_id": key,
        "dataset": dataset,
        **{name: getattr(job, name) for name in ("method", "budget", "seed", "selection_id")},
        "size": job.size,
        "learner": version,
        "words_lost": sum(each.lost for each in made.splits.values()),
        "seconds": made.seconds,
    }
    for split, found in made.splits.items():
        row[f"{split}_f1"] = score_of(found.spans.sum(axis=0)).f
        row[f"{split}_f_beta"] = score_of(found.words.sum(axis=0), T_FREX_BETA).f
        row[f"{split}_spans"] = found.spans.ravel().tolist()
        row[f"{split}_words"] = found.words.ravel().tolist()
    return row
