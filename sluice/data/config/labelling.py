"""The section `labelling` of a `dataset.yaml`: which rows without a label are asked for next."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from sluice.data.config.base import Positive, Section, Seed
from sluice.data.config.names import check_query_options, known_query


class Labelling(Section):
    """Rows without a label are kept, and the next ones to label are asked for."""

    strategy: Annotated[str, AfterValidator(known_query)] = Field(
        default="margin",
        description="Query strategy that ranks the rows, such as margin, badge or core_set.",
    )
    options: dict[str, Any] = Field(
        default={}, description="Options of the strategy, such as {base: entropy} of anchor_al."
    )
    rows: Positive = Field(default=50, description="Rows that are asked for at once.")
    seed: Seed = Field(default=0, description="Seed of strategies and models that use one.")
    candidates: Positive = Field(
        default=500,
        description="Rows without a label, drawn by seed and id, that a strategy looks at which "
        "reads gradients by words: each costs a pass of the encoder.",
    )

    @model_validator(mode="after")
    def _options_of_the_strategy(self) -> Labelling:
        check_query_options(self.strategy, self.options)
        return self
