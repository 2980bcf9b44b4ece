"""When an asset is due by itself: one automation condition for all of a task's assets.

Dagster's own conditions know neither what a dataset.yaml asks for nor, of what lies upstream, more
than the nearest assets. An asset that reads the instances and also something made of them would
run at once with the old of that, and once more with the new.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus

from assets.lineage.registry import lineage_of
from resources.datasets import Datasets
from resources.locks import PARTITION_TAG
from sluice.core.digests import digest
from sluice.core.errors import SluiceError
from sluice.data.config import CONFIG_FILE, parse_config, read_config

_MOST_RUNS = 16

Condition = dg.AutomationCondition[dg.AssetKey]
Context = dg.AutomationContext[dg.AssetKey]
Result = dg.AutomationResult[dg.AssetKey]


@dataclass(frozen=True)
class RequestedAssets:
    """What a dataset.yaml asks for, and a digest of all that it says."""

    settings: str
    keys: frozenset[dg.AssetKey]


def requested_by(dataset: str) -> RequestedAssets | None:
    """Return what a dataset's configuration asks for, or None where it is absent or not valid."""
    path = Datasets().folder / dataset / CONFIG_FILE
    try:
        return _read(read_config(path), str(path))
    except (SluiceError, OSError):
        return None


# By its bytes: no size or time tells for certain whether a file is still the same.
@lru_cache(maxsize=256)
def _read(content: bytes, path: str) -> RequestedAssets | None:
    try:
        config = parse_config(content, path)
        keys = lineage_of(config).wanted(config)
    except Exception:
        # Whatever is wrong with one dataset, the others are looked at; the sensor says what it is.
        return None
    return RequestedAssets(digest(config.model_dump_json()), frozenset(keys))


def wants(dataset: str, key: dg.AssetKey) -> bool:
    """Whether a dataset's configuration asks for an asset; one that is not valid asks for none."""
    asked = requested_by(dataset)
    return asked is not None and key in asked.keys


def _true_for(context: Context, datasets: set[str], cursor: str | None = None) -> Result:
    subset = context.candidate_subset.compute_intersection_with_partition_keys(datasets)
    return dg.AutomationResult(context, subset, cursor=cursor)


class Wanted(Condition):
    """The dataset's configuration asks for the asset."""

    @property
    def name(self) -> str:
        """What the UI shows."""
        return "dataset_yaml_asks_for_it"

    def evaluate(self, context: Context) -> Result:
        """Look at each dataset's configuration."""
        names = context.candidate_subset.expensively_compute_partition_keys()
        return _true_for(context, {name for name in names if wants(name, context.key)})


class SettingsChanged(Condition):
    """The dataset's configuration says something else than at the last tick."""

    @property
    def name(self) -> str:
        """What the UI shows."""
        return "dataset_yaml_changed"

    def evaluate(self, context: Context) -> Result:
        """Compare with the digests that the last tick left."""
        before: dict[str, str] = json.loads(context.cursor or "{}")
        names = context.candidate_subset.expensively_compute_partition_keys()
        found = {name: requested_by(name) for name in names}
        # One that is not valid for a moment keeps its last digest.
        now = {name: asked.settings for name, asked in found.items() if asked is not None}
        changed = {name for name, state in now.items() if before.get(name, state) != state}
        kept = {name: state for name, state in before.items() if name in names}
        return _true_for(context, changed, json.dumps(kept | now, sort_keys=True))


class Settled(Condition):
    """Everything upstream, near or far, is there and checked; none runs, will run or has failed."""

    @property
    def name(self) -> str:
        """What the UI shows."""
        return "everything_upstream_is_settled"

    # Dagster awaits it where it is a coroutine.
    async def evaluate(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: Context
    ) -> Result:
        """Look at every asset upstream that the dataset's configuration asks for."""
        names = set(context.candidate_subset.expensively_compute_partition_keys())
        for key in context.asset_graph.get_ancestor_asset_keys(context.key):
            unsettled = await _unsettled(context, key)
            names -= {name for name in unsettled if wants(name, key)}
        return _true_for(context, names)


class Cancelled(Condition):
    """The last run that was to make the asset was cancelled; it would be missing for ever."""

    @property
    def name(self) -> str:
        """What the UI shows."""
        return "its_last_run_was_cancelled"

    def evaluate(self, context: Context) -> Result:
        """Look at the newest runs of each dataset."""
        names = context.candidate_subset.expensively_compute_partition_keys()
        instance = context.asset_graph_view.instance
        found = {name for name in names if _last_was_cancelled(instance, name, context.key)}
        return _true_for(context, found)


def _last_was_cancelled(instance: dg.DagsterInstance, dataset: str, key: dg.AssetKey) -> bool:
    runs = instance.get_runs(dg.RunsFilter(tags={PARTITION_TAG: dataset}), limit=_MOST_RUNS)
    for run in runs:
        if run.asset_selection is None or key in run.asset_selection:
            return run.status == dg.DagsterRunStatus.CANCELED
    return False


async def _unsettled(context: Context, key: dg.AssetKey) -> set[str]:
    # The view keeps what it has found for as long as a tick lasts.
    view = context.asset_graph_view
    full = view.get_full_subset(key=key)
    found = [
        await view.compute_missing_subset(key=key, from_subset=full),
        await view.compute_run_in_progress_subset(key=key, from_subset=full),
        await view.compute_backfill_in_progress_subset(key=key, from_subset=full),
        await view.compute_execution_failed_subset(key=key, from_subset=full),
    ]
    if key in context.request_subsets_by_key:
        found.append(context.request_subsets_by_key[key])
    for check in context.asset_graph.get(key).check_keys:
        if context.asset_graph.get(check).blocking:
            whole = view.get_full_subset(key=check)
            passed = await view.compute_subset_with_status(
                check, AssetCheckExecutionResolvedStatus.SUCCEEDED, whole
            )
            found.append(whole.compute_difference(passed))
    return {name for subset in found for name in subset.expensively_compute_partition_keys()}


_IS: Any = dg.AutomationCondition
_due_by_method = _IS.code_version_changed().with_label("its method has a new version")
_due: Condition = (
    _IS.any_deps_match(_IS.data_version_changed()).with_label("what it reads has changed")
    | _due_by_method
    | SettingsChanged()
    # One that has failed waits for a change, for the nightly refresh or for a person; one that was
    # cancelled for a change or for a person.
    | (Wanted() & _IS.missing() & ~_IS.execution_failed() & ~Cancelled()).with_label(
        "it was never made"
    )
).since_last_handled()
# Its change is a change of files, which the sensor `raw_instances` looks for.
FROM_FILES: Condition = Wanted() & _due_by_method.since_last_handled() & ~_IS.in_progress()
FROM_ASSETS = _due & Wanted() & Settled() & ~_IS.in_progress()
