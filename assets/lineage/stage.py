"""A stage: one function, and all that Dagster and the lake have to know of it, said once.

A stage's input digest covers the method's version, its settings and the data versions of what
it reads, all taken from the lake. Where it equals that of the last record, the stage reads no row
and returns its previous data version.

A stage that replaces what it stored notes that it began, and its record says that it finished.
Where it was interrupted in between, it is computed again even if its input digest is that of the
last record: the data may have gone back to an earlier state meanwhile, and the store not. A stage
that only appends needs no such note: what a record names is there for good.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import dagster as dg

from resources import run_cache as held
from resources.compute import peak_memory_mib
from resources.lake import Lake
from resources.store import records
from sluice.core.errors import SluiceError
from sluice.data.config import DatasetConfig

if TYPE_CHECKING:
    from assets.lineage.checking import Check
    from assets.lineage.task import Lineage, Task
    from resources.compute import Compute
    from resources.datasets import Datasets
    from resources.language_models import LanguageModels
    from resources.tracking import Tracking

logger = logging.getLogger("sluice.stage")
# Not below `sluice`: Dagster would store an event for each line, and the materialisation says it.
unchanged = logging.getLogger("sluice-unchanged")

REBUILD_TAG = "sluice/rebuild"
BOOKKEEPING = "bookkeeping"
Made = TypeVar("Made")


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


@dataclass(frozen=True)
class Reading:
    """One dataset, as stages and their checks read it."""

    lake: Lake
    task: Task
    dataset: str
    config: DatasetConfig

    def record(self, name: str) -> records.Record:
        """Return the newest record of an asset of the task, such as ``graphs/knn``.

        Raises
        ------
        SluiceError
            If it has never been materialised for this dataset, or was interrupted.
        """
        key = self.task.key(*name.split("/"))
        return inputs_of(self.lake, self.dataset, [key])[name_of(key)]


@dataclass(frozen=True)
class Run(Reading):
    """One run of one stage for one dataset.

    Attributes
    ----------
    context : AssetExecutionContext
    lineage : Lineage
    previous : Record or None
        What the stage recorded last.
    """

    context: dg.AssetExecutionContext
    lineage: Lineage
    previous: records.Record | None
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, context: dg.AssetExecutionContext, lineage: Lineage) -> Run:
        """Return the run of the asset and the partition of a context."""
        lake, dataset = cast("Lake", context.resources.lake), context.partition_key
        previous = records.latest(lake, dataset).get(name_of(context.asset_key))
        config = context.resources.datasets.config(dataset)
        return cls(lake, lineage.task, dataset, config, context, lineage, previous)

    def once(self, make: Callable[[Run], Made]) -> Made:
        """Return what a function makes of this run: made once, for settings and body alike."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]

    def _resource(self, name: str) -> Any:
        return getattr(self.context.resources, name)

    @property
    def datasets(self) -> Datasets:
        """The folder of datasets."""
        return cast("Datasets", self._resource("datasets"))

    @property
    def compute(self) -> Compute:
        """Where heavy work runs; asked for by `resources`, as all that follow."""
        return cast("Compute", self._resource("compute"))

    @property
    def language_models(self) -> LanguageModels:
        """Where language models come from."""
        return cast("LanguageModels", self._resource("language_models"))

    @property
    def tracking(self) -> Tracking:
        """MLflow."""
        return cast("Tracking", self._resource("tracking"))

    @cached_property
    def device(self) -> str:
        """The device that heavy work runs on."""
        return self.compute.resolve()

    @property
    def is_rebuild(self) -> bool:
        """Whether everything is to be computed again, whatever is recorded."""
        return is_rebuild(self.context)


Body = Callable[[Run], Outcome]
Names = Sequence[str]
Of = Callable[["Task", DatasetConfig], Any]


def _always(task: Task, config: DatasetConfig) -> bool:
    return True


def _no_settings(run: Run) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Stage:
    """One asset of a task's lineage, see `stage`."""

    name: str
    body: Body
    version: str
    description: str
    reads: Names | Callable[[Task, DatasetConfig], Names]
    may_read: Names | Callable[[Task], Names] | None
    shows: Names
    shows_made: Names
    settings: Callable[[Run], Mapping[str, Any]]
    table: str | None
    resources: frozenset[str]
    checks: Sequence[Check]
    kinds: frozenset[str]
    gpu: bool
    tags: Mapping[str, str]
    replaces: bool
    is_valid: Callable[[Run], bool]
    when: Callable[[Task, DatasetConfig], bool]
    only_read: bool
    on_demand: bool
    after: Callable[[Run, dg.MaterializeResult], None] | None

    def reads_of(self, task: Task, config: DatasetConfig) -> list[str]:
        """Return what it reads for one configuration."""
        return list(self.reads(task, config) if callable(self.reads) else self.reads)

    def may_read_of(self, task: Task) -> list[str]:
        """Return what it may read for any."""
        given = self.reads if self.may_read is None else self.may_read
        if not isinstance(given, Sequence):
            given = cast("Callable[[Task], Names]", given)(task)
        return list(dict.fromkeys([*given, *self.shows, *self.shows_made]))


def stage(
    name: str,
    *,
    version: str,
    description: str,
    reads: Names | Callable[[Task, DatasetConfig], Names] = (),
    may_read: Names | Callable[[Task], Names] | None = None,
    shows: Names = (),
    shows_made: Names = (),
    settings: Callable[[Run], Mapping[str, Any]] = _no_settings,
    table: str | None = None,
    resources: Sequence[str] = (),
    checks: Sequence[Check] = (),
    kinds: Sequence[str] = ("duckdb", "numpy"),
    gpu: bool = False,
    tags: Mapping[str, str] | None = None,
    replaces: bool = False,
    is_valid: Callable[[Run], bool] | None = None,
    when: Callable[[Task, DatasetConfig], bool] = _always,
    only_read: bool = False,
    on_demand: bool = False,
    after: Callable[[Run, dg.MaterializeResult], None] | None = None,
) -> Callable[[Body], Stage]:
    """Make a stage of a function that computes and stores its result.

    The function must leave the same result when it runs twice.

    Parameters
    ----------
    name : str
        Stage and method, such as ``scores/margin``: the asset's key after its task.
    version : str
        Version of the method: another one recomputes.
    description : str
    reads : sequence of str, or callable
        Names of what it reads, or what a task and a dataset's configuration make it read.
    may_read : sequence of str, or callable, optional
        What it may read for any configuration, where `reads` is a callable; or what it waits for.
    shows : sequence of str
        What it reads where the dataset asks for it.
    shows_made : sequence of str
        What it reads where it has been made.
    settings : callable
        Everything else that the result depends on, as JSON.
    table : str, optional
        Table of the lake that holds the result.
    resources : sequence of str
        Beside the lake, the datasets and the lock: see `Run`.
    checks : sequence of Check
    kinds : sequence of str
    gpu : bool
        Whether it takes the pool of the GPU, where there is one.
    tags : mapping, optional
    replaces : bool
        Whether it replaces an earlier result, rather than add to what is there.
    is_valid : callable, optional
        Whether what the last run wrote outside of the lake is still there.
    when : callable
        Whether a dataset asks for it.
    only_read : bool
        Whether it is only made where something reads it.
    on_demand : bool
        Whether it is only made when somebody asks for it, because it takes long.
    after : callable, optional
        Called with what is shown, also where nothing changed.
    """

    def decorate(body: Body) -> Stage:
        return Stage(
            *(name, body, version, description, reads, may_read, shows, shows_made, settings),
            *(table, frozenset(resources), checks, frozenset(kinds), gpu, dict(tags or {})),
            *(replaces, is_valid or (lambda run: True), when, only_read, on_demand, after),
        )

    return decorate


_body_seconds = 0.0


@contextmanager
def cpu_counted() -> Generator[None]:
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
    known = records.latest(lake, dataset)
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


def materialise(run: Run, made: Stage) -> dg.MaterializeResult:
    """Bring one stage of one dataset up to date."""
    began, name, previous = time.monotonic(), name_of(run.context.asset_key), run.previous
    lake, dataset = run.lake, run.dataset
    keys = run.lineage.inputs(made, run.config, records.latest(lake, dataset))
    read = inputs_of(lake, dataset, keys)
    versions = {key: record.data_version for key, record in read.items()}
    digest = input_digest(name, made.version, made.settings(run), versions)
    reusable = previous is not None and previous.stands and made.is_valid(run)
    if previous and reusable and not run.is_rebuild and previous.input_digest == digest:
        unchanged.info("%s: unchanged, %d rows reused", name, previous.rows_total)
        stored: Any = dg.deserialize_value(records.metadata_of(lake, dataset, name))
        result = _result(run, previous, stored, began, reused=True)
    else:
        record, shown = _computed(run, made, name, digest, began)
        result = _result(run, record, shown, began, reused=False)
    if made.after:
        made.after(run, result)
    return result


def _computed(
    run: Run, made: Stage, name: str, digest: str, began: float
) -> tuple[records.Record, Mapping[str, Any]]:
    lake, run_id = run.lake, run.context.run.run_id
    logger.info("%s: started", name)
    held.forget(lake, run.dataset, "snapshot")
    if made.replaces:
        records.begin(lake, run.dataset, name, run_id)
    cpu_began = time.process_time()
    with cpu_counted():
        outcome = made.body(run)
    record = records.Record(
        dataset=run.dataset,
        asset=name,
        input_digest=digest,
        data_version=digest_of([name, outcome.content]),
        version=made.version,
        rows_total=outcome.total,
        rows_new=outcome.new,
        rows_reused=outcome.reused,
        rows_removed=outcome.removed,
        seconds=time.monotonic() - began,
        device=outcome.device,
        run_id=run_id,
        details=dict(outcome.details),
        cpu_seconds=time.process_time() - cpu_began,
    )
    metadata: dict[str, Any] = {
        key: value if isinstance(value, dg.MetadataValue) else _normalised(value)
        for key, value in outcome.metadata.items()
    }
    records.append(lake, record, dg.serialize_value(metadata))
    logger.info(
        "%s: %d rows (%d new, %d reused, %d removed) in %.1f s",
        *(name, outcome.total, outcome.new, outcome.reused, outcome.removed, record.seconds),
    )
    return record, metadata


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
    run: Run, record: records.Record, shown: Mapping[str, Any], began: float, *, reused: bool
) -> dg.MaterializeResult:
    """Show the dataset first, then what was found, then what it took."""
    bookkeeping = {
        "rows_total": record.rows_total,
        "rows_new": 0 if reused else record.rows_new,
        "rows_reused": record.rows_total if reused else record.rows_reused,
        "rows_removed": 0 if reused else record.rows_removed,
        "unchanged": reused,
        "seconds": round(time.monotonic() - began, 3),
        "seconds_when_computed": round(record.seconds, 3),
        "cpu_seconds_when_computed": round(record.cpu_seconds, 3),
        "device": record.device,
        "peak_memory_mib": round(peak_memory_mib(), 1),
        "method_version": record.version,
        "snapshot": held.remembered(run.lake, record.dataset, "snapshot", run.lake.snapshot),
    }
    return dg.MaterializeResult(
        asset_key=run.context.asset_key,
        data_version=dg.DataVersion(record.data_version),
        metadata={
            "dataset": record.dataset,
            "dagster/partition_row_count": record.rows_total,
            **shown,
            BOOKKEEPING: dg.MetadataValue.json(bookkeeping),
        },
    )


def bookkeeping_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a materialisation took, of its metadata."""
    return cast("dict[str, Any]", metadata[BOOKKEEPING].value)
