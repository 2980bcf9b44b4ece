"""Fitted encoders of tables, append-only: what was learnt from which training rows."""

from dataclasses import dataclass

from resources.lake import Lake
from sluice.core.errors import SluiceError


@dataclass(frozen=True)
class StoredEncoder:
    """An encoder as it was stored.

    Attributes
    ----------
    identity : str
        Digest of everything that its vectors depend on.
    settings : str
        Digest of the configuration that it was fitted under.
    fitted_on : int
        Training rows that it was fitted on.
    artifact : str
        The encoder itself, as JSON.
    """

    identity: str
    settings: str
    fitted_on: int
    artifact: str


def append(lake: Lake, dataset: str, encoder: StoredEncoder) -> None:
    """Store an encoder as the newest of a dataset."""
    values = [dataset, encoder.identity, encoder.settings, encoder.fitted_on, encoder.artifact]
    lake.write(
        lambda cursor: cursor.execute(
            "INSERT INTO encoders VALUES (?, ?, ?, ?, ?, now()::TIMESTAMP)", values
        )
    )


def newest(lake: Lake, dataset: str) -> StoredEncoder | None:
    """Return the newest encoder of a dataset, or None."""
    return _first(lake, dataset, None)


def read(lake: Lake, dataset: str, identity: str) -> StoredEncoder | None:
    """Return an encoder of a dataset by its identity, or None."""
    return _first(lake, dataset, identity)


def artifact(lake: Lake, dataset: str, identity: str) -> str:
    """Return an encoder of a dataset as JSON.

    Raises
    ------
    SluiceError
        If the lake does not have it.
    """
    stored = read(lake, dataset, identity)
    if stored is None:
        raise SluiceError(
            f"The encoder {identity} of {dataset} is gone from the lake. Materialise the asset "
            f"`encoder`, or run the whole lineage with `sluice run {dataset}`."
        )
    return stored.artifact


def _first(lake: Lake, dataset: str, identity: str | None) -> StoredEncoder | None:
    rows = lake.read(
        "SELECT encoder, settings, fitted_on, artifact FROM encoders WHERE dataset = ? "
        "AND encoder = coalesce(?, encoder) ORDER BY rowid DESC LIMIT 1",
        [dataset, identity],
    ).to_pylist()
    if not rows:
        return None
    row = rows[0]
    return StoredEncoder(row["encoder"], row["settings"], row["fitted_on"], row["artifact"])
