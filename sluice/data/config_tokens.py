"""The sections of a `dataset.yaml` that only the task tokens reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sluice.data.config_base import Section


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
