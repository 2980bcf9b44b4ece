"""The automation condition: what it requests, what it holds back, and what it leaves alone."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
import yaml
from lineage import run_lineage

from assets.lineage.automation import requested_by
from assets.text.lineage import LINEAGE, TEXT
from definitions import defs
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import records, vectors
from sensors.automation import automation, raw_instances
from sensors.raw_data import raw_data
from sluice.data.config import load_config

Make = Callable[..., Path]
SMALL = {"selectors": ["random_stratified"], "training": {"enabled": False}}


def keys_of(*names: str) -> list[dg.AssetKey]:
    return [TEXT.key(*name.split("/")) for name in names]


class Daemon:
    """Evaluates the conditions as the daemon does: the cursor carries over."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        # The other tasks' assets have no dataset here, and each costs time at every tick.
        self.defs = dg.Definitions(LINEAGE.assets, resources=defs.resources)
        self.instance, self.cursor = instance, None

    def tick(self) -> set[str]:
        # Dagster would ask the database for the partitions thousands of times.
        known = self.instance.get_dynamic_partitions(TEXT.name)
        with patch.object(dg.DagsterInstance, "get_dynamic_partitions", lambda *_, **__: known):
            result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return {
            "/".join(asset.key.path[1:])
            for asset in LINEAGE.assets
            if result.get_requested_partitions(asset.key)
        }

    def run(self, *names: str) -> None:
        ran = run_lineage("a", stored=True, keys=keys_of(*names))
        assert ran.success, ran.errors

    def made(self, *names: str) -> None:
        """Note assets as made, without their checks and the seconds that making takes."""
        for name in names:
            (key,) = keys_of(name)
            version = {"dagster/data_version": f"{name} 1"}
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(key, partition="a", tags=version)
            )

    def cancelled(self, *names: str) -> None:
        """Leave a run behind that was to make assets, and was cancelled before it did."""
        tags = {"dagster/partition": "a"}
        job = defs.resolve_job_def("text_refresh")
        run = self.instance.create_run_for_job(
            job, asset_selection=frozenset(keys_of(*names)), tags=tags
        )
        self.instance.report_run_canceling(run)
        self.instance.report_run_canceled(run)


@pytest.fixture
def daemon(home: Path) -> Iterator[Daemon]:
    with dg.DagsterInstance.get() as instance:
        yield Daemon(instance)


def others(folder: Path, *real: str) -> list[str]:
    names = ["/".join(key.path[1:]) for key in LINEAGE.wanted(load_config(folder))]
    return [name for name in names if name not in real]


REAL = ("instances", "embeddings")


def test_a_change_goes_level_by_level_and_no_change_goes_nowhere(
    daemon: Daemon, make_dataset: Make, tweets: pa.Table
) -> None:
    rows = tweets.slice(0, 60)
    folder = make_dataset("a", rows, **SMALL)
    daemon.run(*REAL)
    daemon.made(*others(folder, *REAL))
    assert [daemon.tick() for _ in range(2)] == [set()] * 2

    make_dataset("a", rows.take(pa.array(np.random.default_rng(0).permutation(60))), **SMALL)
    daemon.run(*REAL)
    assert daemon.tick() == set()

    make_dataset("a", tweets.slice(1, 60), **SMALL)
    daemon.run("instances")
    assert daemon.tick() == {"embeddings"}
    daemon.run("embeddings")
    level = daemon.tick()
    assert {"map", "graphs/knn", "scores/out_of_fold"} <= level
    # They read the instances too, and wait for what lies between.
    assert not level & {"evaluations/comparison", "evaluations/random_stratified", "report"}
    assert not level & {"models/fine_tuned", "models/champion", "subsets/margin"}


def test_a_new_code_version_requests_that_asset(
    daemon: Daemon, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets.slice(0, 60), **SMALL)
    daemon.run(*REAL)
    daemon.made(*others(folder, *REAL))
    assert daemon.tick() == set()
    newer = [
        asset.map_asset_specs(
            lambda spec: spec.replace_attributes(
                code_version="next" if spec.key == TEXT.key("graphs", "knn") else ...
            )
        )
        for asset in LINEAGE.assets
    ]
    daemon.defs = dg.Definitions(newer, resources=defs.resources)
    found = daemon.tick()
    assert found == {"graphs/knn"}, sorted(found)
    assert daemon.tick() == set()


def test_a_failed_blocking_check_holds_back_what_follows(
    daemon: Daemon, make_dataset: Make, tweets: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_dataset("a", tweets.slice(0, 60), **SMALL)
    daemon.run(*REAL)
    daemon.made(*others(folder, *REAL))
    assert daemon.tick() == set()
    make_dataset("a", tweets.slice(1, 60), **SMALL)
    with monkeypatch.context() as damage:
        # A store that hands back vectors of the wrong length, as a damaged one would.
        real = vectors.read
        damage.setattr(vectors, "read", lambda lake, hashes: real(lake, hashes) * 2)
        assert not run_lineage("a", stored=True, keys=keys_of(*REAL)).success
    assert daemon.tick() == set()
    assert run_lineage("a", stored=True, keys=keys_of(*REAL), job="text_rebuild").success
    assert "graphs/knn" in daemon.tick()


def test_it_makes_what_is_missing_and_only_what_the_dataset_asks_for(
    daemon: Daemon, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets.slice(0, 60), **SMALL)
    daemon.instance.add_dynamic_partitions(TEXT.name, ["a"])
    assert [daemon.tick() for _ in range(2)] == [set()] * 2, "files are not its business"
    daemon.run(*REAL)
    daemon.made(*others(folder, *REAL, "graphs/knn"))
    assert daemon.tick() == {"graphs/knn"}
    daemon.made("graphs/knn")
    assert [daemon.tick() for _ in range(2)] == [set()] * 2

    said = yaml.safe_load((folder / "dataset.yaml").read_text())
    (folder / "dataset.yaml").write_text(yaml.safe_dump({**said, "chosen_budget": 0.1}))
    asked = set(others(folder))
    requested = daemon.tick()
    assert "embeddings" in requested
    assert requested <= asked
    (folder / "dataset.yaml").write_text("task: txet\n")
    assert daemon.tick() == set()


def test_a_dataset_yaml_of_the_same_size_and_time_is_read_again(
    make_dataset: Make, tweets: pa.Table
) -> None:
    path = make_dataset("a", tweets, **SMALL, seeds=[1]) / "dataset.yaml"
    before, status = requested_by("a"), path.stat()
    path.write_text(path.read_text().replace("- 1", "- 2"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    after = requested_by("a")
    assert before
    assert after
    assert after.settings != before.settings


def test_what_was_cancelled_is_not_requested_again(
    daemon: Daemon, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets.slice(0, 60), **SMALL)
    daemon.instance.add_dynamic_partitions(TEXT.name, ["a"])
    assert daemon.tick() == set()
    daemon.run(*REAL)
    daemon.made(*others(folder, *REAL, "graphs/knn"))
    assert daemon.tick() == {"graphs/knn"}
    daemon.cancelled("graphs/knn")
    assert [daemon.tick() for _ in range(3)] == [set()] * 3


def test_its_sensors_run_where_our_code_is(
    daemon: Daemon, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("a", tweets.slice(0, 60), **SMALL)
    daemon.run(*REAL)
    daemon.made(*others(folder, *REAL))
    repository = defs.get_repository_def()
    cursor = None
    for changed in (False, True):
        if changed:
            make_dataset("a", tweets.slice(1, 60), **SMALL)
            daemon.run("instances")
        context = dg.build_sensor_context(daemon.instance, cursor=cursor, repository_def=repository)
        found = automation.evaluate_tick(context)
        cursor = found.cursor
    (run,) = found.run_requests or []
    assert run.partition_key == "a"
    assert run.asset_selection == keys_of("embeddings")
    assert run.tags["sluice/trigger"] == "automation"
    assert automation.default_status == dg.DefaultSensorStatus.STOPPED


def test_the_other_sensor_asks_for_the_instances_alone(
    daemon: Daemon, make_dataset: Make, tweets: pa.Table
) -> None:
    lake, cursor = Lake(), None

    def asked() -> list[set[dg.AssetKey]]:
        nonlocal cursor
        context = dg.build_sensor_context(daemon.instance, cursor=cursor)
        result = raw_instances(context, lake=lake, datasets=Datasets())
        cursor = result.cursor
        return [set(run.asset_selection or []) for run in result.run_requests or []]

    folder = make_dataset("a", tweets.slice(0, 60), **SMALL)
    assert asked() == []
    assert asked() == [set(LINEAGE.wanted(load_config(folder)))], "a new dataset: all in one run"
    daemon.run("instances")
    assert [asked(), asked()] == [[], []]
    make_dataset("a", tweets.slice(1, 60), **SMALL)
    assert [asked(), asked()] == [[], [{TEXT.key("instances")}]]
    daemon.run("instances")
    assert [asked(), asked()] == [[], []]

    # Who goes back to the raw-data sensor gets one run, as nothing was noted as a refresh.
    assert records.refreshed_digests(lake) == {}
    cursor = None
    for _ in range(2):
        context = dg.build_sensor_context(daemon.instance, cursor=cursor)
        result = raw_data(context, lake=lake, datasets=Datasets())
        cursor = result.cursor
    assert len(result.run_requests or []) == 1
