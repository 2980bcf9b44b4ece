"""The sections of a `dataset.yaml` that only the task tokens reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sluice.data.config.base import Positive, Section


class Bio(Section):
    """Tags of words."""

    repair: bool = Field(
        default=False,
        description="Whether an I-TYPE that continues nothing becomes B-TYPE; without it such a "
        "sentence is set aside.",
    )


class Features(Section):
    """What a tagged sentence is about: the features whose quotas are filled."""

    kind: Literal["type", "lemma"] = Field(
        default="type",
        description="type: the types of its spans. lemma: the words of each span, without case.",
    )


class Uncertainty(Section):
    """The tagger whose uncertainty the selector mnlp reads."""

    sample_rows: Positive = Field(
        default=256,
        description="Training rows, drawn by a hash of the id, that the tagger is trained on; at "
        "most half of all.",
    )
    refit_drift: Annotated[float, Field(ge=0)] = Field(
        default=0.2,
        description="Share of these rows that may change before the tagger is trained again.",
    )
