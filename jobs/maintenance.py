"""The job that keeps the lake small: few files, and history for as long as is asked for."""

import dagster as dg
from pydantic import Field

from resources.lake import Lake
from resources.store.maintenance import KEEP_DAYS, maintain


class MaintenanceConfig(dg.Config):
    """What one run of the maintenance keeps."""

    keep_days: int = Field(
        default=KEEP_DAYS,
        ge=0,
        description="Days of history that can be read back afterwards; 0 keeps the present "
        "state only. Selections are rows and stay in any case.",
    )


@dg.op(
    description="Compacts the files of every table, expires old snapshots and removes the files "
    "that none needs any more."
)
def maintain_lake(context: dg.OpExecutionContext, config: MaintenanceConfig, lake: Lake) -> None:
    """Maintain the lake, and show what that did."""
    done = maintain(lake, keep_days=config.keep_days)
    tables = done.pop("tables")
    shown = [dg.TableRecord({"table": name, **counts}) for name, counts in tables.items()]
    context.log.info(
        f"Expired {done['snapshots_expired']:,} snapshots, kept {done['snapshots_kept']:,}; "
        f"removed {done['files_removed']:,} files of {done['bytes_removed']:,} bytes."
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
