"""What a subset of instructions is worth: adapters are trained on it and measured on other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.core.progress import Advance
from sluice.evaluation.held_out import HeldOut, held_out
from sluice.language.checkpoint import Loaded
from sluice.language.pairs import Pair
from sluice.language.training import lora
from sluice.language.training.fine_tune import FineTune, TrainingRecord, fine_tune


@dataclass(frozen=True)
class TunedLearner:
    """How adapters are made and trained on each subset.

    Attributes
    ----------
    training : FineTune
        Its seed is replaced by that of each evaluation.
    rank : int
        Of the LoRA adapters, beside every linear layer; scaled by 2.
    answers : bool
        Whether short reference answers are compared with what the model answers.
    """

    training: FineTune
    rank: int = 8
    answers: bool = True

    @property
    def version(self) -> str:
        """Text that changes whenever the same rows may give other numbers."""
        plain = replace(self.training, seed=0).version
        return f"tuned-2:{plain}:rank={self.rank}:answers={self.answers}"


@dataclass(frozen=True)
class HeldOutRows:
    """Rows of one split: pairs without an end mark, their families and reference answers."""

    pairs: Sequence[Pair]
    families: Sequence[str]
    references: Sequence[str]


@dataclass(frozen=True)
class Tuned:
    """One training and its measurements by split."""

    record: TrainingRecord
    splits: dict[str, HeldOut]


def evaluate_tuned(
    loaded: Loaded,
    ids: Sequence[str],
    pairs: Sequence[Pair],
    held: Mapping[str, HeldOutRows],
    learner: TunedLearner,
    seed: int,
    advance: Advance | None = None,
) -> Tuned:
    """Train new adapters on some rows and measure the model on each held-out split.

    Parameters
    ----------
    loaded : Loaded
        Left as it was: the adapters are taken off again.
    ids : sequence of str, length n
    pairs : sequence of Pair, length n
        With an end mark.
    held : mapping of str to HeldOutRows
    learner : TunedLearner
    seed : int
        Of the adapters' first matrices and of the order of rows.
    advance : callable, optional
        Called with the number of training rows done.

    Returns
    -------
    Tuned

    Raises
    ------
    DataError
        See `fine_tune` and `held_out`.
    """
    model: Any = lora.attach(loaded.model, rank=learner.rank, alpha=2.0 * learner.rank, seed=seed)
    try:
        record = fine_tune(model, pairs, ids, replace(learner.training, seed=seed), advance)
        splits = {
            name: held_out(
                *(model, loaded.tokenizer, rows.pairs, rows.families, rows.references),
                answers=learner.answers,
            )
            for name, rows in held.items()
        }
    finally:
        lora.detach(model)
    return Tuned(record, splits)
