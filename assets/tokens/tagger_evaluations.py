"""What each subset of tagged sentences trains: a tagger, measured on sentences not seen."""

import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from assets.instructions.tuning import SPLITS, Job
from assets.lineage.inputs import Rows
from assets.lineage.stage import Run, logger
from assets.stages.trainers import HeldOut, Kind, Trainer, row_of
from assets.tokens.adapted_encoder import ADAPTED, Start, start_of, start_reads
from resources.store import evaluations, selections
from sluice.core.progress import track
from sluice.data.config import DatasetConfig
from sluice.data.payloads.bio import tag_names
from sluice.data.payloads.sentences import read_sentence
from sluice.data.readers.conll import Sentence
from sluice.models.training import TrainingConfig

VERSION = "1"
TABLE = evaluations.TOKEN_TABLE
# One step and four: the difference is that of steps, without loading and saving.
FEW_ROWS, TRIED_ROWS = 4, 64


def taggers() -> Kind:
    """Return the models that subsets of tagged sentences train."""
    return Kind(
        what="taggers",
        version=VERSION,
        table=TABLE,
        numbers=tuple(f"{split}_{kind}" for split in SPLITS for kind in ("f1", "f_beta")),
        description=(
            "The encoder (that of `adaptation` where `dataset.yaml` has it) fine-tuned as a tagger "
            "of words (arXiv:1810.04805) on {rows}: strict span F1, and the token F-beta of T-FREX "
            "(arXiv:2408.01063). Validation decides, test is only reported; the last weights are "
            "scored. Each tagger is measured once and its counts are stored, so a killed run "
            "resumes; one is trained again where its rows, the held-out rows or the settings "
            "changed."
        ),
        tries=f"from training on {TRIED_ROWS} rows and tagging {TRIED_ROWS} of each split",
        advice="Compare fewer selectors, budgets or seeds, train for fewer epochs, use a GPU",
        trainer=_trainer,
        may_read=[ADAPTED],
        reads=start_reads,
    )


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


def _trainer(given: Run) -> Trainer:
    start = start_of(given.lake, given.task, given.dataset, given.config)
    return Trainer(
        settings=[VERSION, training_of(given.config).version, start.identity],
        held_out=_held_out,
        train=partial(_evaluate, given, start),
        hours=partial(_hours, given, start),
        of_rows=_names,
    )


def _held_out(present: Rows) -> HeldOut:
    return {s: [i for i, name in enumerate(present.splits) if name == s] for s in SPLITS}


def _names(present: Rows) -> list[str]:
    return tag_names(sentences_of(present.of("train").texts))


def _evaluate(
    given: Run, start: Start, present: Rows, held_out: HeldOut, fresh: list[tuple[str, Job]]
) -> None:
    from sluice.evaluation.tagger_evaluation import evaluate_tagger

    train, training = present.of("train"), training_of(given.config)
    rows, names, model = sentences_of(train.texts), _names(present), start.found()
    held = _sentences_at(present, held_out)
    wanted = [job.selection_id for _, job in fresh if job.selection_id]
    at = selections.positions(given.lake, wanted, train.ids)
    with track(f"training on {fresh[0][1].method}", len(fresh)) as advance:
        for key, job in fresh:
            kept = at[job.selection_id] if job.selection_id else np.arange(len(train.ids))
            # By id, so that equal rows train alike whatever ranked them.
            chosen = [rows[i] for i in sorted(kept.tolist())]
            seeded = replace(training, seed=job.seed)
            device = given.device
            made = evaluate_tagger(chosen, held, names, seeded, model, device)
            row = row_of(key, given.dataset, job, training.version, made.seconds) | _measured(made)
            evaluations.append(given.lake, [row], TABLE)
            logger.info(
                "%s at %s, seed %d: validation span F1 %.4f",
                *(job.method, job.budget, job.seed, row["validation_f1"]),
            )
            advance()


def _sentences_at(present: Rows, at: HeldOut) -> dict[str, list[Sentence]]:
    return {split: sentences_of([present.texts[i] for i in rows]) for split, rows in at.items()}


def _measured(made: Any) -> dict[str, Any]:
    from sluice.tokens.span_f1 import T_FREX_BETA, score_of

    row: dict[str, Any] = {"words_lost": sum(each.lost for each in made.splits.values())}
    for split, found in made.splits.items():
        row[f"{split}_f1"] = score_of(found.spans.sum(axis=0)).f
        row[f"{split}_f_beta"] = score_of(found.words.sum(axis=0), T_FREX_BETA).f
        row[f"{split}_spans"] = found.spans.ravel().tolist()
        row[f"{split}_words"] = found.words.ravel().tolist()
    return row


def _hours(given: Run, start: Start, present: Rows, held_out: HeldOut, fresh: list[Job]) -> float:
    """Train on few and on more rows of middling length, tag as many, scale up the difference."""
    from sluice.evaluation.tagger_evaluation import evaluate_tagger

    rows, names = sentences_of(present.of("train").texts), _names(present)
    lengths = np.array([len(row.tokens) for row in rows])
    middle = np.argsort(np.abs(lengths - lengths.mean()), kind="stable")[:TRIED_ROWS].tolist()
    training, model = replace(training_of(given.config), epochs=1), start.found()

    def tried(count: int) -> tuple[float, float]:
        """Return the seconds of training on some rows, and of tagging as many of each split."""
        few = _sentences_at(present, {split: at[:count] for split, at in held_out.items()})
        chosen, device = [rows[i] for i in middle[:count]], given.device
        began = time.monotonic()
        made = evaluate_tagger(chosen, few, names, training, model, device)
        return made.seconds, time.monotonic() - began - made.seconds

    # Once to warm up: the first pass makes what later ones reuse.
    tried(FEW_ROWS)
    least, most = tried(FEW_ROWS), tried(TRIED_ROWS)
    more = max(1, len(middle) - FEW_ROWS)
    more_tagged = max(1, sum(len(at[FEW_ROWS:TRIED_ROWS]) for at in held_out.values()))
    per_row = max(0.0, most[0] - least[0]) / more
    per_tagged = max(0.0, most[1] - least[1]) / more_tagged
    trained = training_of(given.config).epochs * sum(job.size for job in fresh)
    measured = len(fresh) * sum(map(len, held_out.values()))
    return (len(fresh) * sum(least) + trained * per_row + measured * per_tagged) / 3600.0
