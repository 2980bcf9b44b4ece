"""Runs the lineage in this process, as `sluice run` does."""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.lineages import lineage_of
from definitions import defs


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


def run_lineage(
    dataset: str,
    *,
    job: str | None = None,
    keys: list[dg.AssetKey] | None = None,
    tags: dict[str, str] | None = None,
) -> Ran:
    """Materialise a dataset's lineage, or some of its assets, and return what happened."""
    config = defs.resources["datasets"].config(dataset)
    lineage = lineage_of(config)
    chosen = keys or lineage.wanted(config)
    with dg.DagsterInstance.get() as instance:
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
            for event in result.get_asset_materialization_events()
        }
        errors = {
            event.step_key: event.step_failure_data.error.to_string()
            for event in result.all_events
            if event.is_step_failure
        }
        return Ran(result.success, result.run_id, metadata, errors)
