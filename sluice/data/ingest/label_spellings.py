"""Labels that are spelt in several ways, and words for no label that became classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from sluice.core.message_lists import NAMED
from sluice.data.values.normalise import normalise

NULL_LIKE = (
    "nan", "null", "none", "n/a", "na", "#n/a", "nil", "-", "--", "?", "<na>", "nat", "missing",
)  # fmt: skip
"""Words for no value, in lower case."""


def merged(labels: Sequence[str]) -> list[str]:
    """Call labels that differ only in case and white space as most rows do, ties by text."""
    counts = Counter(labels)
    chosen: dict[str, str] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        chosen.setdefault(normalise(label), label)
    return [chosen[normalise(label)] for label in labels]


def spelling_warnings(counts: Mapping[str, int]) -> list[str]:
    """Return warnings about classes that may not be meant.

    Parameters
    ----------
    counts : mapping of str to int
        Class to its rows.
    """
    warnings: list[str] = []
    spelt: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(counts):
        spelt[normalise(label)].append(label)
    variants = [_listed(names, counts) for names in spelt.values() if len(names) > 1]
    if variants:
        rest = f"; and {len(variants) - NAMED} more" if len(variants) > NAMED else ""
        warnings.append(
            f"case_variants: these labels differ only in case and white space: "
            f"{'; '.join(variants[:NAMED])}{rest}. They are classes of their own; reading: "
            "{merge_case: true} in dataset.yaml (--merge-case of `sluice add`) joins them."
        )
    blank = [label for label in sorted(counts) if label.casefold() in NULL_LIKE]
    if blank:
        warnings.append(
            f"null_like_labels: {_listed(blank, counts)} look like no label and are classes. Empty "
            "such cells if the label is missing."
        )
    return warnings


def _listed(names: Sequence[str], counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name!r} ({counts[name]} rows)" for name in names)
