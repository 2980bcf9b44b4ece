"""The section `adaptation` of a `dataset.yaml`: an encoder that is trained further on its texts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sluice.data.config.base import Positive, Section, Seed, Share


class Adaptation(Section, frozen=True):
    """Training the encoder further on the words of the training rows, as a masked language model.

    Epochs, learning rate, batch, weight decay and length of a block are those of T-FREX
    (arXiv:2408.01063), which holds out 0.01; the rest is ours.
    """

    epochs: Positive = Field(default=10, description="Passes over the training rows.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        default=3e-5, description="Peak learning rate."
    )
    batch_size: Positive = Field(default=16, description="Blocks per optimiser step.")
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        default=0.01, description="AdamW's weight decay."
    )
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1, description="Share of the steps in which the learning rate rises."
    )
    block_length: Annotated[int, Field(ge=3)] = Field(
        default=128, description="Tokens of a block that rows are joined to and cut into."
    )
    held_out: Share = Field(
        default=0.05,
        description="Share of the training rows, by a hash of the id, that the loss before and "
        "after is measured on and that are not trained on.",
    )
    seed: Seed = Field(
        default=0, description="Seed of what is held out, the masks, the order and dropout."
    )
    refit_drift: Annotated[float, Field(ge=0)] = Field(
        default=0.2,
        description="Share of the training rows that may change before the encoder is trained "
        "further again.",
    )
