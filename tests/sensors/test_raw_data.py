"""The raw-data sensor: it refreshes what differs from the last good refresh, however that came."""

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from lineage import ORIGIN
from tables import tumours

from assets.tabular.lineage import TABULAR
from assets.text.lineage import TEXT
from jobs.lineages import tonight
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import PARTITION_TAG
from resources.shipped import digests, shipped
from resources.store import records
from sensors.raw_data import BACK_OFF_SECONDS, DIGEST_TAG, raw_data
from sluice.data.config import load_config
from sluice.data.ingest.raw import folder_digest

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

    def run_of(
        self,
        folder: Path,
        status: dg.DagsterRunStatus,
        job: str = "text_refresh",
        tags: dict[str, str] | None = None,
    ) -> dg.DagsterRun:
        if tags is None:
            tags = {DIGEST_TAG: folder_digest(folder, load_config(folder))}
        tags = {PARTITION_TAG: folder.name, **tags}
        run = dg.DagsterRun(job_name=job, tags=tags, status=status, remote_job_origin=ORIGIN)
        return self.instance.add_run(run)

    def status_of(self, run: dg.DagsterRun) -> dg.DagsterRunStatus:
        now = self.instance.get_run_by_id(run.run_id)
        assert now is not None
        return now.status

    def nightly(self) -> list[str]:
        log = logging.getLogger("nightly")
        runs = tonight(TEXT.name, self.instance, self.lake, Datasets(), log)
        return sorted(str(run.partition_key) for run in runs)


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


@pytest.mark.parametrize("said", [True, False], ids=["of the sensor", "of the UI"])
def test_what_was_cancelled_waits_for_a_change_or_for_somebody(
    watch: Watch, make_dataset: Make, tweets: pa.Table, said: bool
) -> None:
    folder = make_dataset("a", tweets)
    watch.tick()
    assert watch.asked() == ["a"]
    tags = None if said else {}
    cancelled = watch.run_of(folder, dg.DagsterRunStatus.CANCELED, tags=tags)
    # Runs apart and of single assets are no word on the whole.
    watch.run_of(folder, dg.DagsterRunStatus.SUCCESS, "text_evaluations", {})
    for _ in range(3):
        assert watch.asked() == []
        assert watch.nightly() == []
    assert "was cancelled; it waits for a change" in str(watch.tick().skip_reason)
    watch.instance.delete_run(cancelled.run_id)
    assert watch.asked() == [], "old runs are removed some day"
    make_dataset("a", tweets.slice(1))
    assert watch.asked() == []
    assert watch.asked() == ["a"]
    assert watch.nightly() == ["a"]
    watch.run_of(folder, dg.DagsterRunStatus.CANCELED)
    make_dataset("a", tweets)
    assert [watch.asked(), watch.asked()] == [[], ["a"]], "back to a state is a change, too"
    watch.run_of(folder, dg.DagsterRunStatus.CANCELED)
    assert watch.asked() == []
    watch.run_of(folder, dg.DagsterRunStatus.SUCCESS)
    watch.refreshed(folder)
    make_dataset("a", tweets.slice(2))
    assert [watch.asked(), watch.asked()] == [[], ["a"]]


def test_the_runs_of_a_folder_go_with_it(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folders = [make_dataset(name, tweets) for name in "ab"]
    watch.tick()
    watch.tick()
    statuses = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED]
    runs = [watch.run_of(folder, status) for folder in folders for status in statuses]
    others = watch.run_of(folders[0], dg.DagsterRunStatus.QUEUED, "somebody_elses", {})
    # Even where its partition is gone already.
    watch.instance.delete_dynamic_partition(TEXT.name, "a")
    shutil.rmtree(folders[0])
    watch.tick()
    assert [watch.status_of(run) for run in runs] == statuses * 2
    watch.tick()
    assert [watch.status_of(run) for run in runs] == [
        dg.DagsterRunStatus.CANCELED,
        dg.DagsterRunStatus.CANCELING,
        *statuses,
    ]
    assert watch.status_of(others) == dg.DagsterRunStatus.QUEUED


def test_a_dataset_is_a_partition_of_the_task_that_it_names_now(
    watch: Watch, make_dataset: Make, make_table: Make, tweets: pa.Table
) -> None:
    make_dataset("a", tweets)
    watch.tick()
    watch.tick()
    assert watch.partitions() == ["a"]
    make_table("a", tumours(60))
    watch.tick()
    watch.tick()
    assert watch.partitions() == []
    assert watch.instance.get_dynamic_partitions(TABULAR.name) == ["a"]


def test_a_shipped_example_waits_until_somebody_asks_for_it(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    example, own = make_dataset("example", tweets), make_dataset("own", tweets.slice(1))
    state = {"example": folder_digest(example, load_config(example))}
    (example.parent / "shipped.json").write_text(json.dumps(state))
    watch.tick()
    assert watch.asked() == ["own"]
    assert watch.partitions() == ["example", "own"], "it can be launched in the UI"
    assert watch.nightly() == ["own"]
    watch.refreshed(own)
    assert "carried when asked for: `sluice run example`" in str(watch.tick().skip_reason)
    # Somebody ran it: from then on it is kept fresh, after what is the user's own.
    watch.run_of(example, dg.DagsterRunStatus.FAILURE, tags={})
    make_dataset("own", tweets)
    watch.tick()
    asked = watch.tick().run_requests or []
    assert [run.partition_key for run in asked] == ["own", "example"]
    assert [run.tags.get("dagster/priority") for run in asked] == [None, "-1"]
    assert watch.nightly() == ["example", "own"]


def test_a_shipped_example_that_was_changed_is_the_users_own(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("example", tweets)
    state = {"example": folder_digest(folder, load_config(folder))}
    (folder.parent / "shipped.json").write_text(json.dumps(state))
    assert [watch.asked(), watch.asked()] == [[], []]
    make_dataset("example", tweets.slice(1))
    watch.tick()
    (run,) = watch.tick().run_requests or []
    assert "dagster/priority" not in run.tags


def test_the_shipped_examples_are_as_their_file_says(root: Path) -> None:
    """Rewrite it with: python -m resources.shipped > datasets/shipped.json."""
    assert shipped(root / "datasets") == digests(root / "datasets")


def test_a_run_in_the_queue_says_behind_which_it_waits(
    watch: Watch, make_dataset: Make, tweets: pa.Table
) -> None:
    a, b = make_dataset("a", tweets), make_dataset("b", tweets.slice(1))
    watch.tick()
    going = watch.run_of(a, dg.DagsterRunStatus.STARTED)
    watch.run_of(b, dg.DagsterRunStatus.QUEUED)
    said = str(watch.tick().skip_reason)
    assert f"b: its run waits in the queue behind run {going.run_id[:8]} of a" in said
