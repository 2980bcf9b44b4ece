"""The job that keeps small what Sluice writes: few files, history as long as is asked for."""

import dagster as dg
from pydantic import Field

from resources.lake import Lake
from resources.store.maintenance import KEEP_DAYS
from resources.tracking import Tracking
from resources.upkeep import upkeep


class MaintenanceConfig(dg.Config):
    """What one run of the maintenance keeps."""

    keep_days: int = Field(
        default=KEEP_DAYS,
        ge=0,
        description="Days of history that can be read back afterwards; 0 keeps the present "
        "state only. Selections are rows and stay in any case.",
    )
    keep_run_days: int | None = Field(
        default=None,
        ge=0,
        description="Days of runs and models to keep, in Dagster and MLflow; as `keep_days` where "
        "not given. The newest run of each dataset stays in any case, and so do models with an "
        "alias.",
    )


@dg.op(
    description="Compacts the files of every table, expires old snapshots and removes the files "
    "that none needs any more; deletes old runs of Dagster, and old runs and models of MLflow."
)
def maintain_lake(
    context: dg.OpExecutionContext, config: MaintenanceConfig, lake: Lake, tracking: Tracking
) -> None:
    """Maintain the lake and the records of runs, and show what that did."""
    done = upkeep(
        lake,
        tracking,
        context.instance,
        keep_days=config.keep_days,
        keep_run_days=config.keep_run_days,
    )
    tables = done.pop("tables")
    shown = [dg.TableRecord({"table": name, **counts}) for name, counts in tables.items()]
    context.log.info(
        f"Expired {done['snapshots_expired']:,} snapshots, kept {done['snapshots_kept']:,}; "
        f"removed {done['files_removed']:,} files of {done['bytes_removed']:,} bytes, "
        f"{done['runs_removed']:,} runs of Dagster, {done['mlflow_runs_removed']:,} of MLflow and "
        f"{done['models_removed']:,} models. {done['mlflow_left']}"
    )
    columns = {"files": "int", "bytes": "int"}
    schema = dg.TableSchema(
        [
            dg.TableColumn("table"),
            *(
                dg.TableColumn(f"{what}_{when}", kind)
                for what, kind in columns.items()
                for when in ("before", "after")
            ),
        ]
    )
    context.add_output_metadata({**done, "tables": dg.MetadataValue.table(shown, schema)})


@dg.job(
    name="lake_maintenance",
    description="Keeps the lake small. Runs wait for it, and it waits for a writer, each for "
    "seconds to minutes.",
)
def lake_maintenance() -> None:
    """Maintain the lake in one step."""
    maintain_lake()


weekly = dg.ScheduleDefinition(
    name="weekly",
    job=lake_maintenance,
    cron_schedule="0 4 * * 0",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Maintains the lake on Sundays at 04:00.",
)
