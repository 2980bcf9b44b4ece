"""How a model is trained, and what its training did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingConfig:
    """How the encoder is fine-tuned.

    Attributes
    ----------
    epochs : int
    learning_rate : float
        At the end of the warm-up. The default is ours: of 2e-5, 5e-5 and 1e-4 it has the best
        validation accuracy (0.728, 0.758, 0.765) on 10 % of the shipped reviews in 3 epochs.
    batch_size : int
        Texts of a step.
    max_length : int
        Most tokens of a text that are read, special tokens included.
    weight_decay : float
        Of matrices only: not of biases and norms.
    warmup_share : float
        Share of the steps over which the learning rate rises from 0.
    seed : int
        Of the new layer's weights, the order of the texts and dropout.
    freeze_words : bool
        Leave the table of word vectors as it is. Ours: it is half of MiniLM's parameters, a
        small subset meets few of its rows, and every step would update all of them.
    attention_dropout : float
        Dropout on attention weights. Ours: 0, because any other value keeps torch from its fused
        attention; dropout elsewhere is the model's own.
    """

    epochs: int = 3
    learning_rate: float = 1e-4
    batch_size: int = 16
    max_length: int = 128
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    seed: int = 0
    freeze_words: bool = True
    attention_dropout: float = 0.0

    @property
    def version(self) -> str:
        """Text that changes whenever the same rows may give another model."""
        return (
            f"fine-tune-2:epochs={self.epochs}:lr={self.learning_rate:g}:batch={self.batch_size}:"
            f"length={self.max_length}:decay={self.weight_decay:g}:warmup={self.warmup_share:g}:"
            f"seed={self.seed}:freeze_words={self.freeze_words}:"
            f"attention_dropout={self.attention_dropout:g}"
        )


@dataclass(frozen=True)
class TrainingResult:
    """What a training did.

    Attributes
    ----------
    curve : list of dict
        One for each epoch: ``epoch``, ``loss`` (mean over its texts) and, where there is a
        validation set, ``validation_accuracy``.
    seconds : float
        Wall time, validation included.
    steps : int
        Optimiser steps.
    device : str
    """

    curve: list[dict[str, float]]
    seconds: float
    steps: int
    device: str
