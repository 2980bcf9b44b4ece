"""What each asset last consumed and produced, per dataset."""

import json
from dataclasses import dataclass, field
from typing import Any

from resources.lake import Lake


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


_COLUMNS = (
    "dataset, asset, input_digest, data_version, version, rows_total, rows_new, rows_reused, "
    "rows_removed, seconds, device, details, run_id"
)


def latest(lake: Lake, dataset: str) -> dict[str, Record]:
    """Return the newest record of every asset of a dataset, by asset name."""
    table = lake.read(
        f"SELECT {_COLUMNS} FROM records WHERE dataset = ? "
        "QUALIFY row_number() OVER (PARTITION BY asset ORDER BY recorded_at DESC) = 1",
        [dataset],
    )
    found = (Record(**{**row, "details": json.loads(row["details"])}) for row in table.to_pylist())
    return {record.asset: record for record in found}


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
            f"INSERT INTO records ({_COLUMNS}, metadata, recorded_at) "
            f"VALUES ({marks}, now()::TIMESTAMP)",
            values,
        )
    )


def metadata_of(lake: Lake, dataset: str, asset: str) -> str:
    """Return the metadata that was shown with the newest record of one asset."""
    table = lake.read(
        "SELECT metadata FROM records WHERE dataset = ? AND asset = ? "
        "ORDER BY recorded_at DESC LIMIT 1",
        [dataset, asset],
    )
    return table["metadata"][0].as_py()


def refreshed_digests(lake: Lake) -> dict[str, str]:
    """Return, per dataset, the folder digest that was last carried through the whole lineage."""
    table = lake.read(
        "SELECT dataset, folder_digest FROM refreshes "
        "QUALIFY row_number() OVER (PARTITION BY dataset ORDER BY refreshed_at DESC) = 1"
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
