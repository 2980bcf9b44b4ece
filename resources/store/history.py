"""What changed between selections: one way of telling it, for the command line and the assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

from resources.lake import Lake
from resources.store.records import Record
from resources.store.repeats import without_repeats

pc: Any = compute

CHANGES = ("entered", "left", "edited", "stayed")
_IN_ORDER = "list_position(['entered', 'left', 'edited', 'stayed'], c.change)"

# A row is in the dataset as it is now; an older state cannot be asked once its snapshot expired.
_WHY_GONE = (
    "CASE WHEN c.change <> 'left' THEN NULL "
    "WHEN i.instance_id IS NULL AND r.reason IS NOT NULL THEN 'set aside: ' || r.reason "
    "WHEN i.instance_id IS NULL THEN 'no longer in the dataset' "
    "WHEN i.split <> 'train' AND i.content_hash <> c.hash_before "
    "THEN 'edited, now in split ' || i.split "
    "WHEN i.split <> 'train' THEN 'now in split ' || i.split "
    "WHEN i.content_hash <> c.hash_before THEN 'edited, no longer picked' "
    "ELSE 'still there, no longer picked' END"
)

_CHANGES = (
    "WITH a AS (SELECT DISTINCT p.place, s.* FROM subsets s "
    "JOIN pairs p ON s.selection_id = p.after), "
    "b AS (SELECT DISTINCT p.place, s.* FROM subsets s "
    "JOIN pairs p ON s.selection_id = p.before), "
    "changes AS (SELECT coalesce(a.place, b.place) AS place, "
    "CASE WHEN b.instance_id IS NULL THEN 'entered' WHEN a.instance_id IS NULL THEN 'left' "
    "WHEN a.content_hash <> b.content_hash THEN 'edited' ELSE 'stayed' END AS change, "
    "coalesce(a.dataset, b.dataset) AS dataset, "
    "coalesce(a.instance_id, b.instance_id) AS instance_id, "
    "a.rank, b.rank AS rank_before, a.gain, b.gain AS gain_before, "
    "a.reason, b.reason AS reason_before, a.content_hash AS hash, b.content_hash AS hash_before "
    "FROM a FULL JOIN b ON a.place = b.place AND a.instance_id = b.instance_id) "
)


@dataclass(frozen=True)
class Reign:
    """A selection and since when it was the current one of its method, budget and seed."""

    selection_id: str
    since: datetime
    size: int


def reigns(past: Sequence[tuple[datetime, Record]], budget: str, seed: int) -> list[Reign]:
    """Return the selections that were current one after the other, oldest first.

    One selection may come more than once: where the data goes back to an earlier state, so does
    the selection.

    Parameters
    ----------
    past : sequence of (datetime, Record)
        Every record of one subset asset, oldest first: see `records.history`.
    budget : str
        As stored, for example ``10%``.
    seed : int
    """
    found: list[Reign] = []
    for since, record in past:
        for entry in record.details["selections"]:
            same = found and found[-1].selection_id == entry["selection_id"]
            if entry["budget"] == budget and entry["seed"] == seed and not same:
                found.append(Reign(entry["selection_id"], since, entry["size"]))
    return found


def compare(lake: Lake, before: str, after: str, *, texts: bool = False) -> pa.Table:
    """Return every row of two selections of one dataset, with what became of it.

    Parameters
    ----------
    lake : Lake
    before, after : str
        Ids of the selections.
    texts : bool
        Whether to add what the rows say.

    Returns
    -------
    pyarrow.Table
        change (one of `CHANGES`), instance_id, rank, rank_before, gain, gain_before, reason,
        reason_before, why_gone and, with `texts`, text, label, text_before, label_before. Sorted
        by change and rank. A row is `edited` where both selections have its id with different
        contents. ``why_gone`` is told of rows that left, from the dataset as it is now.
    """
    said, joined = "", ""
    if texts:
        said = ", n.text, n.label, o.text AS text_before, o.label AS label_before"
        joined = (
            "LEFT JOIN contents n ON n.dataset = c.dataset AND n.content_hash = c.hash "
            "LEFT JOIN contents o ON o.dataset = c.dataset AND o.content_hash = c.hash_before "
        )
    found = lake.read(
        f"{_CHANGES} SELECT c.change, c.instance_id, c.rank, c.rank_before, c.gain, "
        f"c.gain_before, c.reason, c.reason_before, {_WHY_GONE} AS why_gone{said} FROM changes c "
        "LEFT JOIN instances i ON i.dataset = c.dataset AND i.instance_id = c.instance_id "
        "LEFT JOIN (SELECT dataset, instance_id, min(reason) AS reason FROM rejected "
        "GROUP BY dataset, instance_id) r "
        f"ON r.dataset = c.dataset AND r.instance_id = c.instance_id {joined}"
        f"ORDER BY {_IN_ORDER}, coalesce(c.rank, c.rank_before)",
        given={"pairs": pa.table({"place": [0], "before": [before], "after": [after]})},
    )
    return without_repeats(found, "change", "instance_id")


def count(lake: Lake, pairs: Sequence[tuple[str, str]]) -> list[dict[str, int]]:
    """Return, per pair of selections (before, after), how many rows saw which change."""
    table = pa.table(
        {
            "place": pa.array(range(len(pairs)), pa.int64()),
            "before": pa.array([before for before, _ in pairs], pa.string()),
            "after": pa.array([after for _, after in pairs], pa.string()),
        }
    )
    found = lake.read(
        f"{_CHANGES} SELECT place, change, count(*) AS rows FROM changes GROUP BY ALL",
        given={"pairs": table},
    )
    counts: list[dict[str, int]] = [dict.fromkeys(CHANGES, 0) for _ in pairs]
    for row in found.to_pylist():
        counts[row["place"]][row["change"]] = row["rows"]
    return counts


def count_of(changes: pa.Table) -> dict[str, int]:
    """Return how many rows of a comparison saw which change."""
    return {change: only(changes, [change]).num_rows for change in CHANGES}


def only(changes: pa.Table, wanted: Sequence[str]) -> pa.Table:
    """Return the rows of a comparison that saw one of some changes."""
    return changes.filter(pc.is_in(changes["change"], pa.array(wanted, pa.string())))
