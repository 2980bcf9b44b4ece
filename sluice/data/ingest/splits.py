"""Which rows are trained on, which decide, and which are only reported."""

from __future__ import annotations

from sluice.core.digests import digest
from sluice.data.config import DatasetConfig

SPLITS = ("train", "validation", "test")
UNLABELLED = "unlabelled"
"""What stands for the split of a row without a label, where `labelling` keeps such rows."""

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
}
"""What a split column may say, in lower case, and what it means."""


def named_split(value: str | None) -> str | None:
    """Return the split that a value of the user's column means, or None."""
    return SPLIT_NAMES.get((value or "").strip().lower())


def hashed_split(normalised_text: str, group: str | None, config: DatasetConfig) -> str:
    """Place a row by a hash, so that other rows coming or going never move it.

    A row of a group goes where the group's name hashes to, any other where its normalised text
    does: equal texts are never on both sides. The hash is read as a fraction u in [0, 1):
    validation where u < v, test where v <= u < v + t, train otherwise. The shares therefore hold
    in expectation, not exactly.

    Parameters
    ----------
    normalised_text : str
        See `sluice.data.values.normalise.normalise`.
    group : str or None
        Value of the group column; blank counts as none.
    config : DatasetConfig
        Its shares v and t.

    Returns
    -------
    str
        One of `SPLITS`.
    """
    grouped = group is not None and group.strip()
    key = digest("split of group", group or "") if grouped else digest("split", normalised_text)
    fraction = int(key[:13], 16) / 16**13
    if fraction < config.split.validation:
        return "validation"
    if fraction < config.split.validation + config.split.test:
        return "test"
    return "train"
