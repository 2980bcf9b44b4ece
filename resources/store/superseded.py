"""Rows of the past that no present state and no selection needs."""

from datetime import UTC, datetime

import duckdb

from resources.lake import Lake
from resources.store.purging import deleted

# Tables of which only the newest row of each kind is read, what tells the kinds apart, and the
# time of a row.
_LAST_WORDS = {
    "starts": ("dataset, asset", "started_at"),
    "checks": ("dataset, asset, check_name", "checked_at"),
    "refreshes": ("dataset", "refreshed_at"),
}
# What was selected when, which `sluice diff` and `sluice export --at` read, stays.
_HISTORY = "contains(asset, '/subsets/')"
_NEWEST = "SELECT max(rowid) FROM {} GROUP BY {}"
_SAID_BY_NEWEST = f"SELECT details, metadata FROM records WHERE rowid IN ({_NEWEST})".format(
    "records", "dataset, asset"
)


def remove(lake: Lake, before: datetime) -> int:
    """Remove what was superseded and written before a time; return how many rows went.

    The newest row always stays, whatever a clock says, and so does every record of a selection,
    without what was shown with it.
    """
    since = before.astimezone(UTC).replace(tzinfo=None)

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        count = 0
        for table, (kind, time) in _LAST_WORDS.items():
            newest = _NEWEST.format(table, kind)
            where = f"{time} < ? AND rowid NOT IN ({newest})"
            count += deleted(cursor, f"DELETE FROM {table} WHERE {where}", [since])
        old = f"recorded_at < ? AND rowid NOT IN ({_NEWEST.format('records', 'dataset, asset')})"
        count += deleted(cursor, f"DELETE FROM records WHERE {old} AND NOT {_HISTORY}", [since])
        cursor.execute(
            f"UPDATE records SET metadata = '{{}}' WHERE {old} AND metadata <> '{{}}'", [since]
        )
        return count

    return lake.write(work)


def said_by_newest(lake: Lake) -> list[str]:
    """Return details and shown metadata of the newest record of every asset of every dataset."""
    found = lake.read(_SAID_BY_NEWEST)
    return [text or "" for name in ("details", "metadata") for text in found[name].to_pylist()]
