"""Methods that ask a language model while they pick: Quad, and Diversify and Conquer in rounds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.instructions.gradients import served_rows
from assets.instructions.warm_up import sample
from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Run, digest_of
from assets.stages.subsets import OracleProvider
from resources.store import vectors
from sluice.language.pairs import conversation_pairs
from sluice.subsets.contract import Ask, Selector
from sluice.tasks.instructions.config import InstructionsConfig
from sluice.tasks.instructions.learner import identity_of, training_of

VERSION = "1"


def oracles_of(selector: Selector) -> Callable[[Run], OracleProvider] | None:
    """Return what a method asks of a language model while it picks, if it asks."""
    if "asks:influence" in selector.needs:
        return _influence
    return _reward if "asks:reward" in selector.needs else None


def _influence(run: Run) -> OracleProvider:
    """Influence of rows on the served validation rows by EK-FAC, each row asked for once, ever."""
    lake, dataset, config = run.lake, run.dataset, InstructionsConfig.of(run.config)
    model = run.language_models.of(config.language_model, run.compute)
    present = read_rows(lake, dataset)
    served, train = served_rows(present, config), present.of("train")
    curved = sample(train, config.gradients.warmup_rows)
    identity = digest_of(
        [
            *("influence", VERSION, identity_of(model, config.language_model)),
            *served.content_hashes,
            *(train.content_hashes[i] for i in curved),
        ]
    )[:20]

    def asks(rows: Rows) -> Mapping[str, Ask]:
        fitted: list[Any] = []

        def fit() -> tuple[Any, Any]:
            from sluice.language.training.kfac import KfacInfluence

            if not fitted:
                loaded = model.load()
                length = config.language_model.max_length
                tokens = conversation_pairs(loaded.tokenizer, served.texts, length, end=True)
                curvature = conversation_pairs(
                    loaded.tokenizer, [rows.texts[i] for i in curved], length, end=True
                )
                influence = KfacInfluence.fit(loaded.model, tokens, pairs_curvature=curvature)
                fitted.extend([loaded, influence])
            return fitted[0], fitted[1]

        def ask(positions: NDArray[np.int64]) -> NDArray[np.float64]:
            keys = vectors.input_hashes([rows.text_hashes[i] for i in positions.tolist()], identity)
            absent = vectors.missing(lake, keys)
            todo = [i for i, key in zip(positions.tolist(), keys, strict=True) if key in absent]
            if todo:
                loaded, influence = fit()
                texts = [rows.texts[i] for i in todo]
                pairs = conversation_pairs(
                    loaded.tokenizer, texts, config.language_model.max_length, end=True
                )
                found = influence.of(pairs).astype(np.float32)[:, None]
                fresh = vectors.input_hashes([rows.text_hashes[i] for i in todo], identity)
                vectors.append(lake, fresh, identity, found)
            return vectors.read(lake, keys)[:, 0].astype(np.float64)

        return {"influence": ask}

    return OracleProvider(identity, asks)


def _reward(run: Run) -> OracleProvider:
    """Train on the rows so far, answer the newest prompts, and score both responses."""
    config = InstructionsConfig.of(run.config)
    model = run.language_models.of(config.language_model, run.compute)
    training, rank = training_of(config), config.gradients.rank
    name = identity_of(model, config.language_model)
    identity = digest_of(["reward", VERSION, name, training.version, rank])[:20]

    def asks(rows: Rows) -> Mapping[str, Ask]:
        made: list[Callable[..., NDArray[np.float64]]] = []

        def ask(selected: NDArray[np.int64], count: int) -> NDArray[np.float64]:
            from sluice.language.training.reward import TrainingReward

            if not made:
                loaded = model.load()
                # the end mark is put to the response when it is trained on
                texts, length = rows.texts, training.max_length
                pairs = conversation_pairs(loaded.tokenizer, texts, length, end=False)
                made.append(TrainingReward(loaded, rows.ids, pairs, training, rank))
            return made[0](selected, selected[len(selected) - count :])

        return {"reward": ask}

    return OracleProvider(identity, asks)
