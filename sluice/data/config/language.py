"""The sections of a `dataset.yaml` about language models, most for the task instructions alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sluice.data.config.base import Positive, Section, Seed


class LanguageModel(Section):
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


class Neighbours(Section):
    """Noisy copies of a row, whose loss `s_ifd` compares."""

    copies: Positive = Field(default=3, description="Noisy copies of each row.")
    noise: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="Strength of the noise on the token embeddings."
    )
    seed: Seed = Field(default=0, description="Seed of the noise, with the id of the row.")
    tokens: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5, description="Share of the response tokens, the most informative, that count."
    )
    mode: Literal["paper", "reference"] = Field(
        default="paper", description="Where paper and reference code differ, which is followed."
    )
    empty_tokens: Literal["exclude", "reference"] = Field(
        default="exclude",
        description="Rows without a token that counts: set aside (exclude), or scored 1 as the "
        "reference does.",
    )


class Gradients(Section):
    """Gradient features of rows, for influence."""

    dimension: Positive = Field(
        default=2048, description="Numbers that a gradient is projected to."
    )
    rank: Positive = Field(default=8, description="Rank of the LoRA layers.")
    warmup_rows: Positive = Field(
        default=64, description="Rows that warm the layers and the optimiser up."
    )
    validation_rows: Positive = Field(
        default=64, description="Validation rows whose gradients are served."
    )
    formula: Literal["less", "corrected"] = Field(
        default="less", description="Influence by the formula of LESS, or the corrected one."
    )
    refit_drift: Annotated[float, Field(ge=0)] = Field(
        default=0.2,
        description="Share of the warm-up rows that may change before the layers are warmed up "
        "again.",
    )


class Tagging(Section):
    """Tags that are mined where no column holds them."""

    phrases: Positive = Field(default=5, description="Key phrases taken from each prompt.")
    fewest_rows: Positive = Field(
        default=2, description="Rows that a phrase must be found in to be a tag."
    )
    language: Annotated[str, Field(min_length=2)] = Field(
        default="en", description="Language of the prompts, as two letters."
    )
