"""Runs the lineage in this process, as `sluice run` does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from assets.lineage.stage import bookkeeping_of
from assets.lineages import lineage_of
from definitions import defs

# Dagster queues only what it could start.
ORIGIN = RemoteRepositoryOrigin(
    RegisteredCodeLocationOrigin("sluice"), "__repository__"
).get_job_origin("text_refresh")


@dataclass(frozen=True)
class Ran:
    """One run of the lineage."""

    success: bool
    run_id: str
    metadata: dict[str, dict[str, Any]]
    errors: dict[str, str]

    @property
    def computed(self) -> dict[str, int]:
        """New rows of every asset that did not find itself unchanged."""
        return {
            name: values["rows_new"]
            for name, values in self.metadata.items()
            if not values["unchanged"]
        }


_IN_MEMORY: dict[str, dg.DagsterInstance] = {}


@contextmanager
def _instance(stored: bool) -> Iterator[dg.DagsterInstance]:
    """Use the home's instance, or one that keeps its events in memory for the home's runs."""
    if stored:
        with dg.DagsterInstance.get() as instance:
            yield instance
    else:
        home = os.environ["DAGSTER_HOME"]
        if home not in _IN_MEMORY:
            for last in _IN_MEMORY.values():
                last.dispose()
            _IN_MEMORY.clear()
            _IN_MEMORY[home] = dg.DagsterInstance.ephemeral()
        yield _IN_MEMORY[home]


def run_lineage(
    dataset: str,
    *,
    stored: bool = False,
    job: str | None = None,
    keys: list[dg.AssetKey] | None = None,
    tags: dict[str, str] | None = None,
) -> Ran:
    """Materialise a dataset's lineage, or some of its assets, and return what happened.

    Dagster's record of it is `stored` on disk only where someone else reads it: that takes as long
    as the work itself on data of this size.
    """
    config = defs.resources["datasets"].config(dataset)
    lineage = lineage_of(config)
    chosen = keys or lineage.wanted(config)
    with _instance(stored) as instance:
        instance.add_dynamic_partitions(lineage.task.name, [dataset])
        result = defs.resolve_job_def(job or f"{lineage.task.name}_refresh").execute_in_process(
            instance=instance,
            partition_key=dataset,
            asset_selection=chosen,
            raise_on_error=False,
            tags=tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        metadata = {
            "/".join(event.asset_key.path): {
                key: value.value
                for key, value in event.step_materialization_data.materialization.metadata.items()
            }
            | bookkeeping_of(event.step_materialization_data.materialization.metadata)
            for event in result.get_asset_materialization_events()
        }
        errors = {
            event.step_key: event.step_failure_data.error.to_string()
            for event in result.all_events
            if event.is_step_failure
        }
        return Ran(result.success, result.run_id, metadata, errors)
