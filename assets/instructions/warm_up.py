"""Adapters warmed up on a few rows: the point at which gradients of all rows are taken."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.stages.cached_model import CachedModel
from assets.tabular.encoder import KEEP_TAG
from resources.paths import adapters_root
from sluice.core.randomness import keyed_uniform
from sluice.data.config import DatasetConfig
from sluice.tasks.instructions.learner import identity_of, tokens_of, training_of

if TYPE_CHECKING:
    from sluice.language.checkpoint import CausalModel

VERSION = "1"
SAMPLE_SEED = 1
MOMENTS = "adam_moments.safetensors"


def _model(run: Run) -> "CausalModel":
    return run.language_models.of(run.config.language_model, run.compute)


def _weights(run: Run) -> CachedModel:
    settings = _settings(run.config, run.once(_model))
    most = run.config.gradients.refit_drift
    return CachedModel("adapter", adapters_root(), settings, most, "gradients.refit_drift")


@stage(
    "warm_up",
    reads=("instances",),
    resources=("compute", "language_models"),
    kinds=("torch", "huggingface"),
    gpu=True,
    version=VERSION,
    description=(
        "LoRA adapters trained on the `gradients.warmup_rows` training rows of the least "
        "hashes of their ids, and Adam's moments: where the gradient features are taken, as "
        "LESS does (arXiv:2402.04333). They stand while at most the share "
        "`gradients.refit_drift` of these rows has changed (ours), so that one new row does "
        "not move the gradients of all others; a rebuild warms up anew, unless the run has "
        f"the tag `{KEEP_TAG}: true`."
    ),
    settings=lambda run: {"settings": run.once(_weights).settings},
    is_valid=lambda run: run.once(_weights).there(run),
    replaces=True,
    only_read=True,
)
def warm_up(run: Run) -> Outcome:
    """Keep the adapters, or warm them up anew."""
    config = run.config
    train = read_rows(run.lake, run.dataset).of("train")
    at = sample(train, config.gradients.warmup_rows)
    now = [train.content_hashes[i] for i in at]
    losses: list[float] = []

    def make(folder: Path) -> dict[str, Any]:
        losses.extend(_train(config, run.once(_model), train, at, folder))
        return {}

    details, verdict = run.once(_weights).load_or_train(run, now, make)
    return Outcome(
        content=details["adapter"],
        total=len(now),
        new=0 if not losses else len(now),
        reused=0 if losses else len(now),
        metadata={
            "adapter": details["adapter"],
            "verdict": verdict or "It stands.",
            **({"first_loss": losses[0], "last_loss": losses[-1]} if losses else {}),
        },
        details=details,
        device=run.device,
    )


def adapter_folder(adapter: str) -> Path:
    """Return where warmed-up adapters lie, by their name."""
    return adapters_root() / adapter


def sample(rows: Rows, count: int) -> list[int]:
    """Return the positions of the rows of the least keyed draws, in order of id."""
    draws = keyed_uniform(SAMPLE_SEED, np.array(rows.ids, dtype=np.str_))
    return sorted(np.argsort(draws, kind="stable")[:count].tolist())


def _settings(config: DatasetConfig, model: "CausalModel") -> str:
    identity = identity_of(model, config.language_model)
    return digest_of([VERSION, identity, training_of(config).version, config.gradients.rank])


def _train(
    config: DatasetConfig, model: "CausalModel", train: Rows, at: list[int], folder: Path
) -> list[float]:
    """Train adapters on some rows and write them beside Adam's moments."""
    from sluice.core.progress import track
    from sluice.language.training import lora
    from sluice.language.training.adam import AdamMoments
    from sluice.language.training.fine_tune import fine_tune

    training, rank, loaded = training_of(config), config.gradients.rank, model.load()
    pairs = tokens_of(loaded, [train.texts[i] for i in at], training.max_length, end=True)
    adapted: Any = lora.attach(loaded.model, rank=rank, alpha=2.0 * rank)
    with track("warming up", len(at) * training.epochs) as advance:
        ids = [train.ids[i] for i in at]
        record = fine_tune(adapted, pairs, ids, training, advance)
    lora.save(adapted, folder)
    AdamMoments(record.moments, record.steps).save(folder / MOMENTS)
    return list(record.losses)
