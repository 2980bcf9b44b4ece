"""What is trained on each subset; and of a language model, the learner and what it reads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assets.lineage.inputs import Rows
from sluice.api.language import fine_tune_of
from sluice.core.digests import order_free_digest
from sluice.core.randomness import keyed_sample
from sluice.data.config import DatasetConfig
from sluice.data.payloads.conversations import read_conversation
from sluice.language.pairs import conversation_pairs
from sluice.subsets.contract import Selector

if TYPE_CHECKING:
    from sluice.evaluation.lora_evaluation import HeldOutRows, TunedLearner
    from sluice.language.checkpoint import Loaded

SPLITS = ("validation", "test")
SAMPLE_SEED = 0
# All rows cost most and vary least from seed to seed (ours).
ALL_ROWS_SEEDS = 3


@dataclass(frozen=True)
class Job:
    """One model to be trained and measured: a subset, and the seed of its training."""

    method: str
    budget: str
    seed: int
    selection_id: str
    size: int
    rows_digest: str


def learner_of(config: DatasetConfig) -> "TunedLearner":
    """Return how a dataset's subsets are trained on."""
    from sluice.evaluation.lora_evaluation import TunedLearner

    training = fine_tune_of(config)
    return TunedLearner(training, config.gradients.rank, config.evaluation.answers)


def subset_jobs(
    selector: Selector, entries: list[dict[str, object]], config: DatasetConfig
) -> list[Job]:
    """Return what is trained on a method's subsets.

    A method without randomness has one subset a budget; the training has its own, so it is
    trained on with every seed. One with randomness is trained on each subset with its own seed.
    """
    return [
        Job(
            selector.name,
            str(entry["budget"]),
            seed,
            str(entry["selection_id"]),
            int(str(entry["size"])),
            str(entry["rows_digest"]),
        )
        for entry in entries
        for seed in ([int(str(entry["seed"]))] if selector.stochastic else config.seeds)
    ]


def all_rows_jobs(train: Rows, config: DatasetConfig) -> list[Job]:
    """Return the control: every training row, with the first seeds."""
    pairs = zip(train.ids, train.content_hashes, strict=True)
    rows_digest = order_free_digest(f"{row} {content}" for row, content in pairs)
    return [
        Job("all_rows", "all", seed, "", len(train.ids), rows_digest)
        for seed in config.seeds[:ALL_ROWS_SEEDS]
    ]


def held_out_sample(present: Rows, config: DatasetConfig) -> dict[str, list[int]]:
    """Return positions of the held-out rows that models are measured on, in order of id.

    Those of the least keyed draws, so that other rows coming or going move few of them.
    """
    chosen: dict[str, list[int]] = {}
    for split in SPLITS:
        at = [i for i, name in enumerate(present.splits) if name == split]
        ids = np.array([present.ids[i] for i in at], dtype=np.str_)
        least = keyed_sample(SAMPLE_SEED, ids, config.evaluation.held_out_rows)
        chosen[split] = [at[i] for i in least.tolist()]
    return chosen


def held_out_rows(
    loaded: "Loaded", present: Rows, chosen: dict[str, list[int]], max_length: int
) -> "dict[str, HeldOutRows]":
    """Return the held-out rows by split, as the evaluation takes them."""
    from sluice.evaluation.lora_evaluation import HeldOutRows

    return {
        split: HeldOutRows(
            conversation_pairs(
                loaded.tokenizer, [present.texts[i] for i in at], max_length, end=False
            ),
            [present.class_names[present.labels[i]] for i in at],
            [read_conversation(present.texts[i]).response for i in at],
        )
        for split, at in chosen.items()
    }
