"""What is looked at in tagged sentences as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from sluice.core.errors import DataError
from sluice.data.ingest.validation_result import Row
from sluice.data.payloads.sentences import NO_SPAN


def refuse_untagged(rows: Sequence[Row]) -> None:
    """Refuse rows of which no training row has a span.

    Raises
    ------
    DataError
        There is nothing to learn.
    """
    if all(row.label == NO_SPAN for row in rows if row.split == "train"):
        raise DataError(
            "No training sentence has a span: every tag is O. Check that the last column of the "
            "files, or columns.tags in dataset.yaml, holds the tags."
        )


def repair_warnings(table: pa.Table) -> list[str]:
    """Say how many tags of raw rows were made well-formed, where any were."""
    if "repaired" not in table.column_names:
        return []
    counts = [count for count in table["repaired"].to_pylist() if count]
    if not counts:
        return []
    return [
        f"repaired_tags: {sum(counts)} tags of {len(counts)} sentences continued no span, and now "
        "begin one, as bio.repair says."
    ]
