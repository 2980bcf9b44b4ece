"""How every asset runs: do nothing if nothing changed, else compute, store, record and show.

An asset's input digest covers the method's version, its parameters and the data versions of what
it reads, all taken from the lake. Where it equals that of the last record, the asset reads no row
and returns its previous data version.

A stage that replaces what it stored notes that it began, and its record says that it finished.
Where it was interrupted in between, it is computed again even if its input digest is that of the
last record: the data may have gone back to an earlier state meanwhile, and the store not. A stage
that only appends needs no such note: what a record names is there for good.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from resources import run_cache as held
from resources.compute import peak_memory_mib
from resources.lake import Lake
from resources.store import records
from sluice.core.errors import SluiceError

logger = logging.getLogger("sluice.stage")
# Not below `sluice`: Dagster would store an event for each line, and the materialisation says it.
unchanged = logging.getLogger("sluice-unchanged")

REBUILD_TAG = "sluice/rebuild"


@dataclass(frozen=True)
class Outcome:
    """What a stage has computed and stored.

    Attributes
    ----------
    content : str
        Digest of the result's content, without times, paths or snapshot ids.
    total, new, reused, removed : int
        Rows of the result, and how they came about.
    metadata : mapping
        What the Dagster UI shows beside the counts.
    details : mapping
        What later stages need to know, as JSON.
    device : str
    """

    content: str
    total: int
    new: int
    reused: int = 0
    removed: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"


_body_seconds = 0.0


@contextmanager
def cpu_counted() -> Iterator[None]:
    """Count the CPU time of a block as that of an asset's body."""
    global _body_seconds
    began = time.process_time()
    try:
        yield
    finally:
        _body_seconds += time.process_time() - began


def body_seconds() -> float:
    """Return the CPU seconds that asset bodies have taken in this process so far."""
    return _body_seconds


def digest_of(value: Any) -> str:
    """Return a digest of a JSON-able value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def input_digest(
    name: str, version: str, parameters: Mapping[str, Any], versions: Mapping[str, str]
) -> str:
    """Return what tells whether a stage is to be computed again.

    Parameters
    ----------
    name : str
        Of the asset.
    version : str
        Of the method.
    parameters : mapping
        Everything else that the result depends on, as JSON.
    versions : mapping of str to str
        Data version of each asset that is read.
    """
    return digest_of([name, version, dict(parameters), dict(versions)])


def is_rebuild(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> bool:
    """Whether everything is to be computed again, whatever is recorded."""
    return context.run.tags.get(REBUILD_TAG) == "true"


def name_of(key: dg.AssetKey) -> str:
    """Return the name under which an asset is recorded."""
    return "/".join(key.path)


def inputs_of(lake: Lake, dataset: str, keys: Sequence[dg.AssetKey]) -> dict[str, records.Record]:
    """Return the newest records of the assets that a stage reads.

    Raises
    ------
    SluiceError
        If one of them has never been materialised for this dataset.
    """
    return _needed(records.latest(lake, dataset), dataset, keys)


def _needed(
    known: dict[str, records.Record], dataset: str, keys: Sequence[dg.AssetKey]
) -> dict[str, records.Record]:
    absent = [name_of(key) for key in keys if name_of(key) not in known]
    if absent:
        raise SluiceError(
            f"Dataset {dataset} has no {', '.join(absent)} yet. Materialise it first, or run the "
            f"whole lineage with `sluice run {dataset}`."
        )
    broken = [name_of(key) for key in keys if not known[name_of(key)].stands]
    if broken:
        raise SluiceError(
            f"The last run of {', '.join(broken)} for {dataset} was interrupted. Materialise it "
            f"again first, or run the whole lineage with `sluice run {dataset}`."
        )
    return {name_of(key): known[name_of(key)] for key in keys}


def run_stage(
    context: dg.AssetExecutionContext,
    lake: Lake,
    *,
    inputs: Sequence[dg.AssetKey],
    version: str,
    parameters: Mapping[str, Any],
    compute: Callable[[records.Record | None], Outcome],
    stands: bool = True,
    replaces: bool = False,
) -> dg.MaterializeResult:
    """Bring one asset of one dataset up to date.

    Parameters
    ----------
    context : AssetExecutionContext
    lake : Lake
    inputs : sequence of AssetKey
        The assets that `compute` reads.
    version : str
        Version of the method: another one recomputes.
    parameters : mapping
        Everything else that the result depends on, as JSON.
    compute : callable
        Takes the previous record or None, stores the result, and returns its outcome. It must
        leave the same result when it runs twice.
    stands : bool
        Whether what the last run wrote outside of the lake is still there.
    replaces : bool
        Whether `compute` replaces an earlier result, rather than add to what is there.
    """
    dataset, name, began = context.partition_key, name_of(context.asset_key), time.monotonic()
    known = records.latest(lake, dataset)
    consumed = _needed(known, dataset, inputs)
    versions = {key: record.data_version for key, record in consumed.items()}
    digest = input_digest(name, version, parameters, versions)
    previous = known.get(name)
    reusable = previous is not None and previous.stands and stands and not is_rebuild(context)
    if previous and reusable and previous.input_digest == digest:
        unchanged.info("%s: unchanged, %d rows reused", name, previous.rows_total)
        shown = dg.deserialize_value(records.metadata_of(lake, dataset, name))
        return _result(context, lake, previous, shown, began, reused=True)
    logger.info("%s: started", name)
    held.forget(lake, dataset, "snapshot")
    if replaces:
        records.begin(lake, dataset, name, context.run.run_id)
    cpu_began = time.process_time()
    with cpu_counted():
        outcome = compute(previous)
    record = records.Record(
        dataset=dataset,
        asset=name,
        input_digest=digest,
        data_version=digest_of([name, outcome.content]),
        version=version,
        rows_total=outcome.total,
        rows_new=outcome.new,
        rows_reused=outcome.reused,
        rows_removed=outcome.removed,
        seconds=time.monotonic() - began,
        device=outcome.device,
        run_id=context.run.run_id,
        details=dict(outcome.details),
        cpu_seconds=time.process_time() - cpu_began,
    )
    metadata = {
        key: value if isinstance(value, dg.MetadataValue) else _normalised(value)
        for key, value in outcome.metadata.items()
    }
    records.append(lake, record, dg.serialize_value(metadata))
    logger.info(
        "%s: %d rows (%d new, %d reused, %d removed) in %.1f s",
        name,
        outcome.total,
        outcome.new,
        outcome.reused,
        outcome.removed,
        record.seconds,
    )
    return _result(context, lake, record, metadata, began, reused=False)


def _normalised(value: Any) -> dg.MetadataValue:
    if isinstance(value, bool):
        return dg.MetadataValue.bool(value)
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    if isinstance(value, float):
        return dg.MetadataValue.float(value)
    if isinstance(value, str):
        return dg.MetadataValue.text(value)
    return dg.MetadataValue.json(value)


def _result(
    context: dg.AssetExecutionContext,
    lake: Lake,
    record: records.Record,
    shown: Mapping[str, Any],
    began: float,
    *,
    reused: bool,
) -> dg.MaterializeResult:
    counts = {
        "dagster/partition_row_count": record.rows_total,
        "rows_total": record.rows_total,
        "rows_new": 0 if reused else record.rows_new,
        "rows_reused": record.rows_total if reused else record.rows_reused,
        "rows_removed": 0 if reused else record.rows_removed,
        "seconds": round(time.monotonic() - began, 3),
        "seconds_when_computed": round(record.seconds, 3),
        "cpu_seconds_when_computed": round(record.cpu_seconds, 3),
        "device": record.device,
        "peak_memory_mib": round(peak_memory_mib(), 1),
        "method_version": record.version,
        "snapshot": held.remembered(lake, record.dataset, "snapshot", lake.snapshot),
        "unchanged": reused,
    }
    return dg.MaterializeResult(
        asset_key=context.asset_key,
        data_version=dg.DataVersion(record.data_version),
        metadata={**shown, **counts},
    )
