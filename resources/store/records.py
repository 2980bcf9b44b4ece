"""What each asset last consumed and produced, per dataset."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from resources import run_cache as held
from resources.lake import Lake
from sluice.core.errors import SluiceError

RECORDS, SHOWN = "records", "metadata of records"


class SnapshotError(SluiceError):
    """A snapshot of the lake that does not exist, or no longer."""


@dataclass(frozen=True)
class Record:
    """One successful materialisation of one asset for one dataset."""

    dataset: str
    asset: str
    input_digest: str
    data_version: str
    version: str
    rows_total: int
    rows_new: int
    rows_reused: int
    rows_removed: int
    seconds: float
    device: str
    run_id: str
    details: dict[str, Any] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    # False where the stage began again after this and did not finish: what it stored meanwhile
    # may be of another state, so nothing may be skipped or read on the strength of this record.
    stands: bool = True


_COLUMNS = (
    "dataset, asset, input_digest, data_version, version, rows_total, rows_new, rows_reused, "
    "rows_removed, seconds, device, details, run_id, cpu_seconds"
)
# A record and a start are never added to one snapshot. A start that is older than its column has
# none; there, a run that both began a stage and recorded it has finished it.
_STANDS = (
    "CASE WHEN begun IS NULL THEN true WHEN begun_at IS NULL THEN run_id = begun_in "
    "ELSE coalesce(snapshot > begun_at, false) END"
)
_CURRENT = "(SELECT id FROM ducklake_current_snapshot('lake'))"


def latest(lake: Lake, dataset: str) -> dict[str, Record]:
    """Return the newest record of every asset of a dataset, by asset name."""
    return held.remembered(lake, dataset, RECORDS, lambda: _latest(lake, dataset))


def _latest(lake: Lake, dataset: str) -> dict[str, Record]:
    table = lake.read(
        f"SELECT {_COLUMNS}, {_STANDS} AS stands FROM records "
        "LEFT JOIN (SELECT asset AS begun, run_id AS begun_in, snapshot AS begun_at FROM starts "
        "WHERE dataset = ? QUALIFY row_number() OVER (PARTITION BY asset ORDER BY rowid DESC) = 1) "
        "ON begun = asset WHERE dataset = ? "
        "QUALIFY row_number() OVER (PARTITION BY asset ORDER BY records.rowid DESC) = 1",
        [dataset, dataset],
    )
    found = map(_record, table.to_pylist())
    return {record.asset: record for record in found}


def _record(row: dict[str, Any]) -> Record:
    # A lake that is older than the column has nothing in it.
    cpu = row["cpu_seconds"] or 0.0
    whole: dict[str, Any] = {**row, "details": json.loads(row["details"]), "cpu_seconds": cpu}
    return Record(**whole)


def history(lake: Lake, dataset: str, asset: str) -> list[tuple[datetime, Record]]:
    """Return every record of one asset of a dataset with its time, oldest first."""
    table = lake.read(
        f"SELECT {_COLUMNS}, recorded_at FROM records WHERE dataset = ? AND asset = ? "
        "ORDER BY rowid",
        [dataset, asset],
    )
    return [(row.pop("recorded_at"), _record(row)) for row in table.to_pylist()]


def at_snapshot(lake: Lake, dataset: str, asset: str, snapshot: int) -> Record | None:
    """Return the record of one asset that was the newest at a snapshot of the lake, if any.

    Each record notes the snapshot that it was added to, so this works when that has expired.

    Raises
    ------
    SnapshotError
        If the lake has never had this snapshot.
    """
    newest = lake.snapshot()
    if snapshot > newest:
        raise SnapshotError(
            f"The lake {lake.folder} has no snapshot {snapshot}; the newest is {newest}."
        )
    table = lake.read(
        f"SELECT {_COLUMNS} FROM records WHERE dataset = ? AND asset = ? AND snapshot < ? "
        "ORDER BY rowid DESC LIMIT 1",
        [dataset, asset, snapshot],
    )
    return _record(table.to_pylist()[0]) if table.num_rows else None


def begin(lake: Lake, dataset: str, asset: str, run_id: str) -> None:
    """Note that a stage begins to store; its next record says that it has finished."""
    lake.write(
        lambda cursor: cursor.execute(
            f"INSERT INTO starts VALUES (?, ?, ?, now()::TIMESTAMP, {_CURRENT})",
            [dataset, asset, run_id],
        )
    )
    known = held.known(lake, dataset, RECORDS)
    if known and asset in known:
        known[asset] = replace(known[asset], stands=False)


def append(lake: Lake, record: Record, metadata: str) -> None:
    """Add one record, with the metadata that was shown for it."""
    values = [
        json.dumps(getattr(record, name.strip()), sort_keys=True)
        if name.strip() == "details"
        else getattr(record, name.strip())
        for name in _COLUMNS.split(",")
    ]
    values.append(metadata)
    marks = ", ".join("?" for _ in values)
    lake.write(
        lambda cursor: cursor.execute(
            f"INSERT INTO records ({_COLUMNS}, metadata, recorded_at, snapshot) "
            f"VALUES ({marks}, now()::TIMESTAMP, {_CURRENT})",
            values,
        )
    )
    for what, value in ((RECORDS, record), (SHOWN, metadata)):
        known = held.known(lake, record.dataset, what)
        if known is not None:
            known[record.asset] = value


def metadata_of(lake: Lake, dataset: str, asset: str) -> str:
    """Return the metadata that was shown with the newest record of one asset."""
    return held.remembered(lake, dataset, SHOWN, lambda: _metadata(lake, dataset))[asset]


def _metadata(lake: Lake, dataset: str) -> dict[str, str]:
    table = lake.read(
        "SELECT asset, metadata FROM records WHERE dataset = ? "
        "QUALIFY row_number() OVER (PARTITION BY asset ORDER BY rowid DESC) = 1",
        [dataset],
    )
    return dict(zip(table["asset"].to_pylist(), table["metadata"].to_pylist(), strict=True))


def refreshed_digests(lake: Lake) -> dict[str, str]:
    """Return, per dataset, the folder digest that was last carried through the whole lineage."""
    table = lake.read(
        "SELECT dataset, folder_digest FROM refreshes "
        "QUALIFY row_number() OVER (PARTITION BY dataset ORDER BY rowid DESC) = 1"
    )
    return dict(zip(table["dataset"].to_pylist(), table["folder_digest"].to_pylist(), strict=True))


def append_refresh(lake: Lake, dataset: str, folder_digest: str, run_id: str) -> None:
    """Note that a state of the dataset's folder has been carried through the whole lineage."""
    lake.write(
        lambda cursor: cursor.execute(
            "INSERT INTO refreshes VALUES (?, ?, ?, now()::TIMESTAMP)",
            [dataset, folder_digest, run_id],
        )
    )
