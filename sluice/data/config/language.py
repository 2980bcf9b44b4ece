"""The section `language_model` of a `dataset.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sluice.data.config.base import Positive, Section


class LanguageModel(Section, frozen=True):
    """What reads and answers prompts."""

    model: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Folder or Hugging Face name of a causal language model; without it the one "
        "that Sluice ships with.",
    )
    max_length: Annotated[int, Field(gt=8)] = Field(
        default=512,
        description="Longest row in tokens; a longer one is windowed, or set aside where "
        "label_noise has texts rewritten.",
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Numbers that the model computes with; auto: bfloat16 on CUDA, float32 on a "
        "CPU.",
    )
    max_tokens: Positive = Field(
        default=2048,
        description="Tokens of a batch, padding included; changes speed and memory only.",
    )
