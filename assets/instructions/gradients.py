"""Gradient features: how each training row would move the adapters, and each validation row."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from assets.instructions.warm_up import MOMENTS, adapter_folder, sample
from assets.lineage.inputs import Rows, read_rows, reads_input
from assets.lineage.stage import (
    Outcome,
    Reading,
    Run,
    digest_of,
    stage,
)
from assets.stages.embeddings import Shard, embed_missing
from resources.store import vectors
from sluice.core.digests import order_free_digest
from sluice.core.errors import DataError
from sluice.language.pairs import conversation_pairs
from sluice.scores.influence import Influence, influence_of
from sluice.tasks.instructions.config import InstructionsConfig

VERSION = "1"
SHARD_ROWS = 64


@stage(
    "gradients",
    reads=("instances", "warm_up"),
    resources=("compute", "language_models"),
    kinds=("duckdb", "torch"),
    gpu=True,
    version=VERSION,
    table="embeddings",
    description=(
        "Gradient of the response loss of each training row with respect to the warmed-up "
        "LoRA weights, as the step that Adam would take (LESS, arXiv:2402.04333), and the "
        "plain gradient of a sample of validation rows; both projected by a sparse random "
        "projection. Kept under a digest of the row and of the warm-up, so a row is read "
        "once for each; committed shard by shard."
    ),
    settings=lambda run: InstructionsConfig.of(run.config).gradients.model_dump(
        include={"dimension", "formula", "validation_rows"}
    ),
    only_read=True,
)
def gradients(run: Run) -> Outcome:
    """Take the gradients of the rows that have none."""
    from sluice.language.training import lora
    from sluice.language.training.adam import AdamMoments
    from sluice.language.training.lora_gradients import GradientFeatures

    lake, config = run.lake, InstructionsConfig.of(run.config)
    adapter = run.record("warm_up").details["adapter"]
    present = read_rows(lake, run.dataset)
    train, served = present.of("train"), served_rows(present, config)
    made: dict[str, Any] = {}

    def shards(texts: list[str], kind: str) -> Iterator[Shard]:
        if not made:
            loaded = run.language_models.of(config.language_model, run.compute).load()
            folder = adapter_folder(adapter)
            made["loaded"] = loaded
            made["model"] = lora.load(loaded.model, folder)
            made["moments"] = AdamMoments.load(folder / MOMENTS)
        features = GradientFeatures(
            made["model"],
            config.gradients.dimension,
            moments=made["moments"] if kind == "step" else None,
            formula=config.gradients.formula,
        )
        pairs = conversation_pairs(
            made["loaded"].tokenizer, texts, config.language_model.max_length, end=True
        )
        for begin in range(0, len(pairs), SHARD_ROWS):
            part = pairs[begin : begin + SHARD_ROWS]
            yield np.arange(begin, begin + len(part)), features.of(part)

    kinds = {"step": train, "plain": served}
    found = {
        kind: embed_missing(
            *(lake, rows, identity_of(adapter, config, kind)),
            lambda texts, kind=kind: shards(texts, kind),
        )
        for kind, rows in kinds.items()
    }
    pairs = zip(train.ids, found["step"].hashes, strict=True)
    return Outcome(
        content=order_free_digest(
            [*(f"{row} {key}" for row, key in pairs), *found["plain"].hashes]
        ),
        total=len(train.ids) + len(served.ids),
        new=sum(each.computed for each in found.values()),
        reused=sum(len(each.hashes) - each.computed for each in found.values()),
        metadata={
            "adapter": adapter,
            "dimensions": config.gradients.dimension,
            "validation_rows": len(served.ids),
        },
        details={"adapter": adapter},
        device=run.device,
    )


def identity_of(adapter: str, config: InstructionsConfig, kind: str) -> str:
    """Return the name of what features are made by: adapter, projection and formula."""
    said = config.gradients
    formula = said.formula if kind == "step" else ""
    return digest_of(["gradient", VERSION, adapter, said.dimension, kind, formula])[:20]


def served_rows(present: Rows, config: InstructionsConfig) -> Rows:
    """Return the validation rows whose gradients training rows are to serve, in order of id.

    Raises
    ------
    DataError
        There is none.
    """
    validation = present.of("validation")
    if not validation.ids:
        raise DataError(
            "There are no validation rows for whose sake rows could be chosen. Add rows, or "
            "change the split column or the shares under `split` in dataset.yaml."
        )
    at = sample(validation, config.gradients.validation_rows)
    return Rows(
        [validation.ids[i] for i in at],
        [validation.content_hashes[i] for i in at],
        [validation.text_hashes[i] for i in at],
        [validation.texts[i] for i in at],
        validation.labels[at],
        ["validation"] * len(at),
        validation.class_names,
    )


@reads_input("influence", stage="gradients")
def read_influence(read: Reading, train: Rows) -> Influence:
    """Read the influence of the training rows on the validation rows."""
    lake, config = read.lake, InstructionsConfig.of(read.config)
    adapter = read.record("gradients").details["adapter"]
    served = served_rows(read_rows(lake, read.dataset), config)
    step, plain = (
        vectors.read(
            lake, vectors.input_hashes(rows.text_hashes, identity_of(adapter, config, kind))
        )
        for rows, kind in ((train, "step"), (served, "plain"))
    )
    families = [served.class_names[code] for code in served.labels.tolist()]
    names = tuple(f"{row} ({family})" for row, family in zip(served.ids, families, strict=True))
    return Influence(influence_of([step], [plain], [1.0]), names)
