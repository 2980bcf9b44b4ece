"""The failure sensor: what failed, why, and how to run it again."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa

from assets.text.lineage import TEXT
from definitions import defs
from sensors.failure import explanation, failures


def test_it_says_what_failed_and_how_to_rerun(
    home: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    folder = make_dataset("tweets", tweets)
    (folder / "rows.parquet").write_bytes(b"no longer Parquet")
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(TEXT.name, ["tweets"])
        result = defs.resolve_job_def("text_refresh").execute_in_process(
            instance=instance,
            partition_key="tweets",
            asset_selection=[TEXT.key("instances")],
            raise_on_error=False,
        )
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        event = next(e for e in result.all_events if e.event_type_value == "PIPELINE_FAILURE")
        context = dg.build_run_status_sensor_context(
            sensor_name="failures", dagster_instance=instance, dagster_run=run, dagster_event=event
        ).for_run_failure()
        said = explanation(context)
        failures(context)
    assert f"Run {result.run_id} of text_refresh failed for dataset tweets." in said
    assert "text__instances" in said
    assert "rows.parquet" in said
    assert "sluice run tweets" in said
