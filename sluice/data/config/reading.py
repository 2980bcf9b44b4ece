"""The section `reading` of a `dataset.yaml`: how its files are written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sluice.data.config.base import Section

TAB = "tab"


def _delimiter(value: object) -> object:
    if value in (TAB, "\\t"):
        return "\t"
    if isinstance(value, str) and (
        len(value) != 1 or not value.isascii() or value.isalnum() or value in '"\r\n\\\0+-.'
    ):
        raise ValueError("separates no values; write one character such as ';', or tab")
    return value


Delimiter = Annotated[str, BeforeValidator(_delimiter)]


class Reading(Section, frozen=True):
    """How the files are written, where they do not show it."""

    delimiter: Delimiter | None = Field(
        default=None,
        description="What separates the values of CSV files: one character, or tab; without it a "
        "comma, a tab in .tsv files, or what the header shows beyond doubt.",
    )
    decimal: Literal[".", ","] | None = Field(
        default=None,
        description="What separates the decimals of numbers that are texts, in tables; without it "
        "a point, and columns of numbers with a comma are refused.",
    )
    merge_case: bool = Field(
        default=False,
        description="Whether labels that differ only in case and white space are one, called as "
        "most rows spell it.",
    )
