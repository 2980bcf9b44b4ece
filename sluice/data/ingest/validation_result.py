"""Raw rows that were looked at: those that can be used and those that cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from sluice.core.errors import shortened

_SHOWN, _LONGEST = 200, 1000


class Row(NamedTuple):
    """One raw row with what the checks need to know of it."""

    instance_id: str
    content: str
    text: str
    label: str
    normalised: str
    split: str | None
    group: str | None
    file: str
    row: int
    split_key: str
    """What hashes place a row by: of instructions the normalised prompt, of
    sentences the words without case, else `normalised`."""


class Rejection(NamedTuple):
    """One row that was set aside."""

    row: Row
    reason: str
    detail: str


@dataclass(frozen=True)
class Screened:
    """Rows that can be used and rows that cannot.

    Attributes
    ----------
    kept : list of Row
        By instance id; ids are unique, and but for tables normalised texts, too.
    rejected : list of Rejection
        By instance id, file and row.
    """

    kept: list[Row]
    rejected: list[Rejection]

    def reasons(self) -> dict[str, int]:
        """Count the rejections by reason, most frequent first."""
        return dict(Counter(r.reason for r in self.rejected).most_common())

    def rejected_table(self) -> pa.Table:
        """Return instance_id, file, row, reason, detail, text (first 200 characters), label.

        A detail that quotes a whole book is cut.
        """
        rejections = self.rejected
        return pa.table(
            {
                "instance_id": _strings(r.row.instance_id for r in rejections),
                "file": _strings(r.row.file for r in rejections),
                "row": pa.array([r.row.row for r in rejections], pa.int64()),
                "reason": _strings(r.reason for r in rejections),
                "detail": _strings(shortened(r.detail, _LONGEST) for r in rejections),
                "text": _strings(r.row.text[:_SHOWN] for r in rejections),
                "label": _strings(r.row.label for r in rejections),
            }
        )


def _strings(values: Iterable[str]) -> pa.Array:
    # NUL as its picture: a row may have been set aside because the lake cannot keep it.
    return pa.array([value.replace("\0", "\u2400") for value in values], pa.string())
