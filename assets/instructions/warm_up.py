"""Adapters warmed up on a few rows: the point at which gradients of all rows are taken."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.lineage.cached_model import CachedModel
from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.tabular.encoder import KEEP_TAG
from resources.paths import adapters_root
from sluice.core.randomness import keyed_sample
from sluice.language.pairs import conversation_pairs
from sluice.language.training.warm_up import SAMPLE_SEED
from sluice.tasks.instructions.config import InstructionsConfig
from sluice.tasks.instructions.learner import identity_of, training_of

if TYPE_CHECKING:
    from sluice.language.checkpoint import CausalModel

VERSION = "1"
MOMENTS = "adam_moments.safetensors"


def _model(run: Run) -> "CausalModel":
    return run.language_models.of(InstructionsConfig.of(run.config).language_model, run.compute)


def _weights(run: Run) -> CachedModel:
    settings = _settings(InstructionsConfig.of(run.config), run.once(_model))
    most = InstructionsConfig.of(run.config).gradients.refit_drift
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
    config = InstructionsConfig.of(run.config)
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
    return keyed_sample(SAMPLE_SEED, np.array(rows.ids, dtype=np.str_), count).tolist()


def _settings(config: InstructionsConfig, model: "CausalModel") -> str:
    identity = identity_of(model, config.language_model)
    return digest_of([VERSION, identity, training_of(config).version, config.gradients.rank])


def _train(
    config: InstructionsConfig, model: "CausalModel", train: Rows, at: list[int], folder: Path
) -> list[float]:
    """Train adapters on some rows and write them beside Adam's moments."""
    from sluice.core.progress import track
    from sluice.language.training import lora
    from sluice.language.training.warm_up import warm_up

    training, rank, loaded = training_of(config), config.gradients.rank, model.load()
    texts = [train.texts[i] for i in at]
    pairs = conversation_pairs(loaded.tokenizer, texts, training.max_length, end=True)
    ids = [train.ids[i] for i in at]
    with track("warming up", len(at) * training.epochs) as advance:
        made = warm_up(loaded, ids, pairs, training, rank, advance)
    lora.save(made.model, folder)
    made.moments.save(folder / MOMENTS)
    return list(made.losses)
