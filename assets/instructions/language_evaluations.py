"""What each subset of instructions trains: LoRA adapters, measured on rows that none has seen."""

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.instructions.token_losses import identity_of
from assets.instructions.tuning import (
    SPLITS,
    Job,
    held_out_rows,
    held_out_sample,
    learner_of,
    tokens_of,
)
from assets.lineage.inputs import Rows
from assets.lineage.stage import Run, logger
from assets.stages.trainers import HeldOut, Kind, Trainer, row_of
from resources.store import evaluations, selections
from sluice.core.progress import track
from sluice.data.config import DatasetConfig

if TYPE_CHECKING:
    from sluice.evaluation.lora_evaluation import Tuned
    from sluice.language.checkpoint import CausalModel

VERSION = "1"
TABLE = evaluations.LANGUAGE_TABLE
TRIED_ROWS = 8


def _trainer(given: Run) -> Trainer:
    config = given.config
    model = given.language_models.of(config.language_model, given.compute)
    identity = identity_of(model, config.language_model)
    return Trainer(
        settings=[VERSION, learner_of(config).version, identity],
        held_out=partial(held_out_sample, config=config),
        train=partial(_evaluate, given, model),
        hours=partial(_hours, config, model),
        parameters={"held_out_rows": config.evaluation.held_out_rows},
    )


LANGUAGE = Kind(
    what="models",
    version=VERSION,
    table=TABLE,
    numbers=tuple(f"{s}_{kind}" for s in SPLITS for kind in ("loss", "family_loss", "exact")),
    description=(
        "The language model with LoRA adapters (arXiv:2106.09685) trained on {rows}: loss of "
        "held-out responses, by row and by family, and exact answers where the reference is "
        "short. Validation decides, test is only reported. Each model is stored as it is "
        "measured, so a killed run resumes; one is trained again where its rows, the held-out "
        "rows or the settings changed."
    ),
    tries=f"from training on {TRIED_ROWS} rows and measuring on {TRIED_ROWS}, by tokens",
    advice=(
        "Compare fewer selectors, budgets or seeds, set evaluation.answers to false or "
        "held_out_rows lower, use a GPU"
    ),
    trainer=_trainer,
)


def _evaluate(
    given: Run,
    model: "CausalModel",
    present: Rows,
    chosen: HeldOut,
    fresh: list[tuple[str, Job]],
) -> None:
    from sluice.evaluation.lora_evaluation import evaluate_tuned

    lake, config = given.lake, given.config
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
            row = row_of(key, given.dataset, job, learner.version, made.record.seconds)
            evaluations.append(lake, [row | measured(made)], TABLE)
            logger.info(
                "%s at %s, seed %d: validation loss %.4f",
                *(job.method, job.budget, job.seed, made.splits["validation"].loss),
            )


def measured(made: "Tuned") -> dict[str, Any]:
    """Return what was measured of one model, as columns of the table."""
    test = made.splits["test"]
    row: dict[str, Any] = {
        "families": list(test.families),
        "family_losses": test.family_losses.tolist(),
    }
    for split, held in made.splits.items():
        row[f"{split}_loss"] = held.loss
        row[f"{split}_family_loss"] = held.family_loss
        row[f"{split}_exact"] = held.exact_match
        row[f"{split}_losses"] = held.losses.tolist()
        row[f"{split}_matches"] = held.exact.tolist()
    return row


def _hours(
    config: DatasetConfig,
    model: "CausalModel",
    present: Rows,
    chosen: HeldOut,
    fresh: list[Job],
) -> float:
    """Train on a few rows of middling length and measure on a few, and scale up by tokens."""
    from sluice.evaluation.lora_evaluation import evaluate_tuned
    from sluice.language.training import lora
    from sluice.language.training.fine_tune import fine_tune

    learner, train, loaded = learner_of(config), present.of("train"), model.load()
    pairs = tokens_of(loaded, train.texts, learner.training.max_length, end=True)
    lengths = np.array([len(pair) for pair in pairs])
    middle = np.argsort(np.abs(lengths - lengths.mean()), kind="stable")[:TRIED_ROWS].tolist()
    few = [pairs[i] for i in middle]
    names = [train.ids[i] for i in middle]
    adapted = lora.attach(loaded.model, rank=learner.rank)
    try:
        once = replace(learner.training, epochs=1)
        # Once to warm up: the first pass makes what later ones reuse.
        fine_tune(adapted, few[:1], names[:1], once)
        rate = fine_tune(adapted, few, names, once).seconds / lengths[middle].sum()
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
