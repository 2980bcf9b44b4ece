"""Upkeep of the lake: few files, no old deletions, and no history beyond what is asked for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from resources.lake import Lake
from resources.sql import identifier, literal
from resources.store import repeats

KEEP_DAYS = 30
LONGEST_TRANSACTION = timedelta(days=1)
LONGEST_WAIT = 600.0

# A state counts by when it ended, not by when it began: one that lasted into the window is a
# state of the window. The newest has not ended, so it is never among these. Clocks are put back:
# a time counts only where it is no later than now and no earlier than those of older snapshots.
_ENDED = (
    "WITH said AS (SELECT snapshot_id, snapshot_time, max(snapshot_time) "
    "FILTER (snapshot_time <= $now) OVER (ORDER BY snapshot_id) AS latest "
    "FROM ducklake_snapshots('lake')), "
    "states AS (SELECT snapshot_id, min(snapshot_time) FILTER (snapshot_time = latest) OVER "
    "(ORDER BY snapshot_id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS ended FROM said) "
    "SELECT snapshot_id FROM states WHERE ended < $since ORDER BY snapshot_id"
)


def maintain(
    lake: Lake,
    *,
    keep_days: int = KEEP_DAYS,
    now: datetime | None = None,
    longest_transaction: timedelta = LONGEST_TRANSACTION,
    wait: float = LONGEST_WAIT,
) -> dict[str, Any]:
    """Compact the files of every table, end old history and remove files that nothing needs.

    Every state that was current within the last `keep_days` days can still be read afterwards
    with ``AT (VERSION => n)``. A file goes only when it has been unneeded for longer than any
    transaction takes: one that began before may still read it, or be about to commit it.

    This runs under the writer's lock, with a Postgres catalogue that of all machines. A machine
    that lost that lock without knowing may still write: there `longest_transaction` protects its
    files, and what it commits in between makes this try again. Rows that are there twice go too.

    Parameters
    ----------
    lake : Lake
    keep_days : int
        Days of history to keep. The present state is always kept.
    now : datetime, optional
        From when ages are counted; the present time where not given.
    longest_transaction : timedelta
        Age from which a file that no snapshot needs is removed.
    wait : float
        Seconds to wait for a writer.

    Returns
    -------
    dict
        ``tables``: of each table that has or had files, ``files_before``, ``files_after``,
        ``bytes_before`` and ``bytes_after`` of its present state; ``snapshots_expired`` and
        ``snapshots_kept``; ``files_removed`` and ``bytes_removed`` (of local files).

    Raises
    ------
    LakeError
        If a writer holds the lake for longer than `wait`; nothing was begun then.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        before = _files(cursor)
        repeats.remove(cursor)
        compact(cursor)
        # Not earlier: the state that compacting has ended is of the past, too.
        at = now or datetime.now(UTC)
        expired = expire(cursor, _ENDED, {"now": at, "since": at - timedelta(days=keep_days)})
        removed = [
            _remove(cursor, function, at - longest_transaction)
            for function in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files")
        ]
        return {
            "tables": _compared(before, _files(cursor)),
            "snapshots_expired": expired,
            "snapshots_kept": _count(cursor, "SELECT count(*) FROM ducklake_snapshots('lake')"),
            "files_removed": sum(files for files, _ in removed),
            "bytes_removed": sum(size for _, size in removed),
        }

    return lake.alone(work, wait)


def compact(cursor: duckdb.DuckDBPyConnection) -> None:
    """Write files with deletions anew without the deleted rows, and small files as one.

    Older snapshots keep what they need.
    """
    # First: pending deletions become delete files, which the choice below looks for, and rewriting
    # a table fails while inlined rows with a DOUBLE column are pending after an UPDATE.
    cursor.execute("CALL ducklake_flush_inlined_data('lake')")
    with_deletions = cursor.execute(
        "SELECT table_name FROM ducklake_table_info('lake') WHERE delete_file_count > 0"
    ).fetchall()
    for (table,) in with_deletions:
        cursor.execute(
            f"CALL ducklake_rewrite_data_files('lake', {literal(table)}, delete_threshold => 0.0)"
        )
    cursor.execute("CALL ducklake_merge_adjacent_files('lake')")


def expire(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> int:
    """Expire the snapshots that a query finds; return how many."""
    found = [int(number) for (number,) in cursor.execute(sql, values).fetchall()]
    # An empty list is a syntax error.
    if found:
        numbers = ", ".join(map(str, found))
        cursor.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{numbers}])")
    return len(found)


def _remove(cursor: duckdb.DuckDBPyConnection, function: str, before: datetime) -> tuple[int, int]:
    """Remove the unneeded files of before a time; return how many there were and their bytes."""
    at = literal(before.isoformat())
    call = f"CALL {identifier(function)}('lake', older_than => TIMESTAMPTZ {at}"
    found = cursor.execute(f"{call}, dry_run => true)").fetchall()
    sizes = {path: _size(path) for (path,) in found}
    gone = cursor.execute(f"{call})").fetchall()
    return len(gone), sum(sizes.get(path, 0) for (path,) in gone)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        # Not a local file, or gone since a clean-up that was interrupted.
        return 0


def _files(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Return how many files each table has now, and their bytes."""
    rows = cursor.execute(
        "SELECT table_name, file_count + delete_file_count, "
        "file_size_bytes + delete_file_size_bytes FROM ducklake_table_info('lake') "
        "ORDER BY table_name"
    ).fetchall()
    return {table: (int(count), int(size)) for table, count, size in rows}


def _compared(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> dict[str, dict[str, int]]:
    return {
        table: {
            "files_before": before[table][0],
            "files_after": after[table][0],
            "bytes_before": before[table][1],
            "bytes_after": after[table][1],
        }
        for table in before
        if before[table][0] or after[table][0]
    }


def _count(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row else 0
