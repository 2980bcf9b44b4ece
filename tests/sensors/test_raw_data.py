"""The raw-data sensor: it refreshes what differs from the last good refresh, however that came."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from tables import tumours

from assets.tabular import TABULAR
from assets.text import TEXT
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import PARTITION_TAG
from resources.store import records
from sensors.raw_data import BACK_OFF_SECONDS, DIGEST_TAG, raw_data
from sluice.data.config import load_config
from sluice.data.raw import folder_digest

Make = Callable[..., Path]


class Watch:
    """Ticks the sensor as the daemon does: the cursor and the partitions carry over."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.cursor, self.lake = instance, None, Lake()

    def tick(self) -> dg.SensorResult:
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        result = raw_data(context, lake=self.lake, datasets=Datasets())
        self.cursor = result.cursor
        for change in result.dynamic_partitions_requests or []:
            name = change.partitions_def_name
            if isinstance(change, dg.AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions(name, list(change.partition_keys))
            else:
                for key in change.partition_keys:
                    self.instance.delete_dynamic_partition(name, key)
        return result

    def asked(self) -> list[str]:
        return [str(run.partition_key) for run in self.tick().run_requests or []]

    def partitions(self) -> list[str]:
        return sorted(self.instance.get_dynamic_partitions(TEXT.name))

    def refreshed(self, folder: Path) -> None:
        state = folder_digest(folder, load_config(folder))
        records.append_refresh(self.lake, folder.name, state, "run")

    def run_of(self, folder: Path, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        tags = {
            PARTITION_TAG: folder.name,
            DIGEST_TAG: folder_digest(folder, load_config(folder)),
        }
        run = dg.DagsterRun(job_name="text_refresh", tags=tags, status=status)
        return self.instance.add_run(run)


@pytest.fixture
def watch(home: Path) -> Iterator[Watch]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watch(instance)


def test_a_new_dataset_is_refreshed_once_it_stands_still(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets)
    assert watch.asked() == []
    result = watch.tick()
    (run,) = result.run_requests or []
    assert run.partition_key == "a"
    assert run.run_key is None
    assert TEXT.key("report") in (run.asset_selection or [])
    assert watch.partitions() == ["a"]
    watch.refreshed(folder)
    assert watch.asked() == []
    assert "up to date" in str(watch.tick().skip_reason)


def test_each_dataset_goes_through_the_lineage_of_its_task(
    watch: Watch, make_dataset: Make, make_table: Make, tweets: pa.Table
) -> None:
    make_dataset("texts", tweets)
    folder = make_table("numbers", tumours(60))
    watch.tick()
    asked = watch.tick().run_requests or []
    assert {str(run.partition_key): run.job_name for run in asked} == {
        "numbers": "tabular_refresh",
        "texts": "text_refresh",
    }
    assert watch.partitions() == ["texts"]
    assert watch.instance.get_dynamic_partitions(TABULAR.name) == ["numbers"]
    shutil.rmtree(folder)
    watch.tick()
    watch.tick()
    assert watch.instance.get_dynamic_partitions(TABULAR.name) == []
    assert watch.partitions() == ["texts"]


def test_a_file_that_goes_back_to_an_earlier_state_is_refreshed_again(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets)
    watch.tick()
    assert watch.asked() == ["a"]
    watch.refreshed(folder)
    for rows in (tweets.slice(1), tweets):
        make_dataset("a", rows)
        assert watch.asked() == []
        assert watch.asked() == ["a"]
        watch.refreshed(folder)
        assert watch.asked() == []


def test_no_second_run_while_one_is_under_way(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets)
    watch.tick()
    run = watch.run_of(folder, dg.DagsterRunStatus.STARTED)
    assert watch.asked() == []
    assert "under way" in str(watch.tick().skip_reason)
    watch.instance.delete_run(run.run_id)
    assert watch.asked() == ["a"]


def test_a_failed_run_is_tried_again_after_a_pause(
    watch: Watch, make_dataset: Make, tweets: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_dataset("a", tweets)
    watch.tick()
    run = watch.run_of(folder, dg.DagsterRunStatus.STARTED)
    watch.instance.report_run_failed(run)
    assert watch.asked() == []
    assert "failed; trying again in" in str(watch.tick().skip_reason)
    now = time.time()
    monkeypatch.setattr("sensors.raw_data.time.time", lambda: now + BACK_OFF_SECONDS + 1)
    assert watch.asked() == ["a"]
    # The clock was a day ahead when the run failed.
    monkeypatch.setattr("sensors.raw_data.time.time", lambda: now - 86_400)
    assert watch.asked() == ["a"]


def test_a_deleted_folder_loses_its_partition_on_the_second_tick_and_keeps_its_rows(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets)
    make_dataset("b", tweets)
    watch.tick()
    assert sorted(watch.asked()) == ["a", "b"]
    watch.refreshed(folder)
    away = folder.rename(folder.parent.parent / "away")
    watch.tick()
    assert watch.partitions() == ["a", "b"]
    watch.tick()
    assert watch.partitions() == ["b"]
    assert records.refreshed_digests(watch.lake).keys() == {"a"}
    away.rename(folder)
    watch.tick()
    watch.tick()
    assert records.refreshed_digests(watch.lake)["a"] == folder_digest(folder, load_config(folder))


def test_a_root_that_cannot_be_read_for_a_moment_deletes_nothing(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets)
    watch.tick()
    watch.tick()
    away = folder.parent.rename(folder.parent.parent / "elsewhere")
    for _ in range(3):
        assert "cannot be read" in str(watch.tick().skip_reason)
    assert watch.partitions() == ["a"]
    away.rename(folder.parent)
    watch.tick()
    assert watch.partitions() == ["a"]


def test_an_invalid_dataset_yaml_is_an_error_and_never_a_deletion(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets)
    make_dataset("b", tweets)
    watch.tick()
    watch.tick()
    (folder / "dataset.yaml").write_text("task: txet\n")
    for _ in range(3):
        result = watch.tick()
        assert [run.partition_key for run in result.run_requests or []] in ([], ["b"])
    watch.refreshed(folder.parent / "b")
    assert "txet" in str(watch.tick().skip_reason)
    assert watch.partitions() == ["a", "b"]


def test_a_dataset_with_fewer_methods_asks_for_their_assets_only(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    make_dataset("a", tweets, selectors=["k_center"], training={"enabled": False})
    watch.tick()
    (run,) = watch.tick().run_requests or []
    keys = {"/".join(key.path) for key in run.asset_selection or []}
    assert {"text/subsets/k_center", "text/subsets/random_stratified"} <= keys
    assert not keys & {"text/subsets/margin", "text/evaluations/margin", "text/models/fine_tuned"}


def test_an_unreadable_cursor_costs_one_tick(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    make_dataset("a", tweets)
    watch.cursor = "not JSON"
    assert watch.asked() == []
    assert watch.asked() == ["a"]
