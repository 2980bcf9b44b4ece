"""The section `labelling` of a `dataset.yaml`: which rows without a label are asked for next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from sluice.core.errors import UnknownNameError
from sluice.data.config.base import Positive, Section, Seed
from sluice.tasks.config import check_value


def known_query(name: str) -> str:
    """Return the name of a query strategy, or raise ValueError."""
    from sluice.subsets.queries.registry import STRATEGIES

    if name not in STRATEGIES:
        problem = UnknownNameError.of("query strategy", name, list(STRATEGIES))
        raise ValueError(f"is unknown: {problem}")
    return name


def check_query_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError unless every option is one of the strategy, and names strategies where due.

    What another value may be is the strategy's own rule, checked where it runs.
    """
    from sluice.subsets.queries.registry import needs_of, strategy

    accepted = list(strategy(name).options)
    for option, value in options.items():
        if option not in accepted:
            problem = UnknownNameError.of(f"option of {name}", option, accepted)
            raise ValueError(f"names an unknown option: {problem}")
        check_value(name, option, value)
    try:
        needs_of(name, options)
    except (UnknownNameError, TypeError) as error:
        raise ValueError(f"gives {name} a strategy that is none: {error}") from None


class Labelling(Section, frozen=True):
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
