"""An encoder trained further on a dataset's own words: what its taggers then start from."""

from math import exp
from pathlib import Path
from typing import Any

from assets.instructions.warm_up import sample
from assets.lineage.cached_model import CachedModel
from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.tabular.encoder import KEEP_TAG
from resources.paths import encoders_root
from sluice.core.errors import ConfigError
from sluice.data.config import DatasetConfig
from sluice.encoders.pretrained import pretrained
from sluice.models.training import TrainingConfig
from sluice.tasks.tokens.adaptation import Adaptation
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.learner import ADAPTED, plain_encoder

VERSION = "1"
# Rows by which a change is measured: of more it is an estimate, and their digests are no burden.
WATCHED_ROWS = 1000


def _weights(run: Run) -> CachedModel:
    said = _section(run.dataset, TokensConfig.of(run.config))
    settings = _settings(run.config, said)
    return CachedModel(
        *("encoder", encoders_root(), settings, said.refit_drift, "adaptation.refit_drift")
    )


@stage(
    ADAPTED,
    reads=("instances",),
    resources=("compute",),
    kinds=("torch", "huggingface"),
    gpu=True,
    version=VERSION,
    description=(
        "The sentence encoder trained further on the words of the training rows, as T-FREX "
        "does (arXiv:2408.01063), but as a masked language model that masks: 15 % of the "
        "tokens, 80/10/10 (arXiv:1810.04805). The loss before and after is that of the hidden "
        "tokens of rows that are held out; before, the head is new where the encoder has none. "
        "Taggers start from it; embeddings, and so map, graph and subsets that read them, "
        "stay those of the plain encoder. It stands while at most the share "
        f"`adaptation.refit_drift` of the training rows, measured on {WATCHED_ROWS:,} of "
        "them, has changed (ours), so that one new row does not change every tagger; a "
        f"rebuild trains anew, unless the run has the tag `{KEEP_TAG}: true`."
    ),
    settings=lambda run: {
        "settings": run.once(_weights).settings,
        "refit_drift": run.once(_weights).most,
    },
    is_valid=lambda run: run.once(_weights).there(run),
    replaces=True,
    when=lambda task, config: TokensConfig.of(config).adaptation is not None,
)
def adapted(run: Run) -> Outcome:
    """Keep the encoder that was trained further, or train it further anew."""
    said = _section(run.dataset, TokensConfig.of(run.config))
    train = read_rows(run.lake, run.dataset).of("train")
    watched = [train.content_hashes[i] for i in sample(train, WATCHED_ROWS)]

    def make(folder: Path) -> dict[str, Any]:
        return {"found": _adapt(run.config, said, train, run.device, folder)}

    details, verdict = run.once(_weights).load_or_train(run, watched, make, train.content_hashes)
    rows = len(train.ids)
    return Outcome(
        content=details["encoder"],
        total=rows,
        new=rows if verdict else 0,
        reused=0 if verdict else rows,
        metadata={
            "encoder": details["encoder"],
            "verdict": verdict or "It stands.",
            **details["found"],
        },
        details=details,
        device=run.device,
    )


def _section(dataset: str, config: TokensConfig) -> Adaptation:
    if config.adaptation is None:
        raise ConfigError(
            f"The dataset.yaml of {dataset} has no section `adaptation`, so its encoder is not "
            "trained further. Write `adaptation: {}` for the defaults."
        )
    return config.adaptation


def _settings(config: DatasetConfig, said: Adaptation) -> str:
    return digest_of([VERSION, plain_encoder(config), said.model_dump(exclude={"refit_drift"})])


def _adapt(
    config: DatasetConfig, said: Adaptation, train: Rows, device: str, folder: Path
) -> dict[str, Any]:
    """Train the encoder further, save it, and return what is to be known of it."""
    from transformers import AutoTokenizer

    from sluice.data.payloads.sentences import joined_words
    from sluice.encoders.folder import resolve_model
    from sluice.models.adapted_encoder import adapt_encoder
    from sluice.tokens.blocks import make_blocks

    source = resolve_model(config.encoder.model)
    training, evaluation = make_blocks(
        pretrained(AutoTokenizer, source),
        [joined_words(text) for text in train.texts],
        train.ids,
        length=said.block_length,
        held_out=said.held_out,
        seed=said.seed,
    )
    options = said.model_dump(exclude={"block_length", "held_out", "refit_drift"})
    how = TrainingConfig(**options, freeze_words=False)
    made = adapt_encoder(training, evaluation, how, source, folder, device)
    return {
        "loss_before": made.before,
        "loss_after": made.after,
        "perplexity_before": exp(made.before),
        "perplexity_after": exp(made.after),
        "share_masked": made.masked,
        "rows_trained_on": training.texts,
        "rows_held_out": evaluation.texts,
        "steps": made.steps,
        "training_seconds": made.seconds,
        "new_head": made.new_head,
        "curve": made.curve,
    }
