"""The lock of a dataset is a file of its name: a run may be launched for any name."""

from pathlib import Path

import dagster as dg
import pytest

from definitions import defs
from resources.lake import Lake, LakeError
from resources.locks import PARTITION_TAG, dataset_lock
from resources.orphaned_runs import fail_dead_runs
from sensors.failure import explanation
from sluice.cli.run import failure_of
from sluice.core.errors import ConfigError

ELSEWHERE = ["../../elsewhere/x", "..", "a\nb", "x" * 300]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_name_of_a_dataset_leads_elsewhere(tmp_path: Path, name: str) -> None:
    precious = tmp_path / "elsewhere" / "x.holder.json"
    precious.parent.mkdir()
    precious.write_text("precious")
    with (
        pytest.raises(ConfigError, match="cannot be a dataset by that name"),
        dataset_lock(tmp_path / "lake" / "locks", name, "a run"),
    ):
        pass
    assert precious.read_text() == "precious"
    assert [path.name for path in tmp_path.rglob("*")] == ["elsewhere", "x.holder.json"]


def test_a_run_of_such_a_name_fails_in_words_and_blocks_nothing(home: Path) -> None:
    name = "../../elsewhere/x"
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("text", [name])
        result = defs.resolve_job_def("text_refresh").execute_in_process(
            instance=instance, partition_key=name, raise_on_error=False
        )
        assert not result.success
        run = instance.get_run_by_id(result.run_id)
        event = next(e for e in result.all_events if e.is_job_failure)
        context = dg.build_run_status_sensor_context(
            sensor_name="failures", dagster_instance=instance, dagster_run=run, dagster_event=event
        ).for_run_failure()
        for said in (explanation(context), str(failure_of(name, result))):
            assert "'../../elsewhere/x' cannot be a dataset by that name. Rename it" in said
        waiting = instance.create_run_for_job(
            defs.resolve_job_def("text_refresh"),
            status=dg.DagsterRunStatus.STARTED,
            tags={PARTITION_TAG: name},
        )
        assert fail_dead_runs(instance, Lake()) == []
        assert waiting.run_id
    assert not (home / "elsewhere").exists()
    assert not list(home.parent.rglob("*elsewhere*"))


def test_a_file_in_the_place_of_the_home_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with (
        pytest.raises(LakeError, match="set SLUICE_HOME"),
        dataset_lock(tmp_path / "home" / "lake" / "locks", "reviews", "a run"),
    ):
        pass
