"""Adapters warmed up on a few rows: the point at which gradients of all rows are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sluice.core.progress import Advance
from sluice.language.checkpoint import Loaded
from sluice.language.pairs import Pair
from sluice.language.training import lora
from sluice.language.training.adam import AdamMoments
from sluice.language.training.fine_tune import FineTune, fine_tune

SAMPLE_SEED = 1
"""Of the draws that say which rows warm up and which validation rows are served."""


@dataclass(frozen=True)
class WarmedUp:
    """What a warm-up leaves.

    Attributes
    ----------
    model : peft.PeftModel
        Around the loaded model; `sluice.language.training.lora.detach` takes the adapters off.
    moments : AdamMoments
    losses : tuple of float
        Of each step.
    """

    model: Any
    moments: AdamMoments
    losses: tuple[float, ...]


def warm_up(
    loaded: Loaded,
    ids: Sequence[str],
    pairs: Sequence[Pair],
    training: FineTune,
    rank: int,
    advance: Advance | None = None,
) -> WarmedUp:
    """Train adapters on some rows, as LESS does (arXiv:2402.04333).

    Parameters
    ----------
    loaded : Loaded
        Without adapters; has some afterwards.
    ids : sequence of str, length n
    pairs : sequence of Pair, length n
        With an end mark.
    training : FineTune
    rank : int
        Of the adapters, scaled by 2.
    advance : callable, optional
        Called with the number of rows done.
    """
    adapted: Any = lora.attach(loaded.model, rank=rank, alpha=2.0 * rank)
    record = fine_tune(adapted, pairs, ids, training, advance)
    return WarmedUp(adapted, AdamMoments(record.moments, record.steps), record.losses)
