"""What a person should know of rows of instructions that can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sluice.core.message_lists import named
from sluice.data.ingest.validation_result import Row
from sluice.data.payloads.conversations import NO_FAMILY


def row_warnings(rows: Sequence[Row]) -> list[str]:
    """Return warnings about families and prompts, each with its name before a colon.

    Parameters
    ----------
    rows : sequence of Row
        Usable ones, of all splits.
    """
    warnings: list[str] = []
    families = Counter(row.label for row in rows)
    single = sorted(name for name, count in families.items() if count == 1 and name != NO_FAMILY)
    if single:
        one = len(single) == 1
        warnings.append(
            f"single_row_family: the {'family' if one else 'families'} {named(single)} "
            f"{'has' if one else 'have'} one row{'' if one else ' each'}, so a model is either "
            "trained on it or measured on it. Add rows, or give such rows a wider family."
        )
    if len(families) > 20 and 2 * len(families) > len(rows):
        warnings.append(
            f"many_families: {len(rows)} rows have {len(families)} families. Check that "
            "columns.family names the kind of a row and not an id."
        )
    prompts = Counter(row.split_key for row in rows)
    repeats = sum(prompts.values()) - len(prompts)
    if repeats:
        warnings.append(
            f"repeated_prompts: {repeats} rows have the prompt of another row with another "
            "response. They are kept, on one side of the split; remove the worse answers if only "
            "one is right."
        )
    return warnings
