"""Prompts on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.validation_result import Row

_NAMED = 5


def refuse_shared_prompts(rows: Sequence[Row], config: DatasetConfig) -> None:
    """Raise where a held-out row has a prompt that is also trained on.

    Rows that hashes split never have: equal prompts fall on one side. A user's own splits and
    groups may, and then what is measured would be memory. Cost: one look-up a row.

    Parameters
    ----------
    rows : sequence of Row
        Usable each by itself, before duplicates are set aside.
    config : DatasetConfig
        For what the message advises.

    Raises
    ------
    DataError
        Names up to five held-out rows, each with the training row that it repeats.
    """
    trained: dict[str, Row] = {}
    for row in rows:
        if row.split == "train":
            first = trained.setdefault(row.split_key, row)
            if _place(row) < _place(first):
                trained[row.split_key] = row
    shared = [row for row in rows if row.split != "train" and row.split_key in trained]
    if not shared:
        return
    shared.sort(key=_place)
    pairs = [
        f"{row.instance_id} ({row.file}, row {row.row}; {row.split}) repeats "
        f"{trained[row.split_key].instance_id}"
        for row in shared[:_NAMED]
    ]
    rest = len(shared) - len(pairs)
    if config.columns.split is not None or config.split.by == "folder":
        remedy = (
            "Remove them from one side, or leave the split to Sluice, which puts equal prompts on "
            "one side."
        )
    else:
        remedy = (
            f"Give rows of equal prompts one value of the column {config.columns.group!r}, or name "
            "no group."
        )
    raise DataError(
        f"{len(shared)} rows of validation and test have a prompt that is also among the training "
        f"rows: {'; '.join(pairs)}{f'; and {rest} more' if rest else ''}. {remedy}"
    )


def _place(row: Row) -> tuple[str, str, int]:
    return row.instance_id, row.file, row.row
