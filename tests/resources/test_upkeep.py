"""Upkeep prunes what only the past needs, and never what is named, under way or the newest."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from chosen import put_record, put_selection
from typer.testing import CliRunner

from resources import registry, run_history, tracked_runs
from resources.lake import Lake
from resources.locks import PARTITION_TAG
from resources.paths import home as sluice_home
from resources.paths import searches_root, weights_roots
from resources.store import checks, records, superseded
from resources.tracking import ASSET_TAG, RUN_TAG, Tracking
from resources.upkeep import upkeep
from sluice.cli import app

WORKSPACE = Path(__file__).resolve().parents[2]
LATER = datetime.now(UTC) + timedelta(days=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NAMES = dg.DynamicPartitionsDefinition(name="names")
FIRST, SECOND = dg.AssetKey("first"), dg.AssetKey("second")


@dg.asset(partitions_def=NAMES)
def first(context: dg.AssetExecutionContext) -> None:
    context.log.info("first was here")


@dg.asset(partitions_def=NAMES, deps=[first])
def second() -> None:
    print("second was here")


@dg.asset_check(asset=first)
def looked_at() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


JOB = dg.Definitions(
    assets=[first, second],
    asset_checks=[looked_at],
    jobs=[dg.define_asset_job("tell", selection=dg.AssetSelection.all())],
).resolve_job_def("tell")


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as made:
        made.add_dynamic_partitions("names", ["a", "b"])
        yield made


def tell(instance: dg.DagsterInstance, name: str, keys: list[dg.AssetKey] | None = None) -> str:
    done = JOB.execute_in_process(instance=instance, partition_key=name, asset_selection=keys)
    return done.run_id


def files_of(run: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if run in str(path)]


def test_old_runs_go_and_the_last_word_on_every_asset_stays(
    home: Path, instance: dg.DagsterInstance
) -> None:
    old = [tell(instance, "a"), tell(instance, "a"), tell(instance, "b")]
    whole = [tell(instance, "a"), tell(instance, "b")]
    # The newest says nothing of the second asset.
    part = tell(instance, "a", [FIRST])
    waiting = instance.create_run_for_job(JOB, tags={PARTITION_TAG: "a"}).run_id
    assert run_history.prune(instance, LONG_AGO) == 0
    assert run_history.prune(instance, LATER) == len(old)
    assert {run.run_id for run in instance.get_runs()} == {*whole, part, waiting}
    assert not [path for run in old for path in files_of(run, home / "dagster")]
    assert instance.get_materialized_partitions(SECOND) == {"a", "b"}
    for key, name, run in ((FIRST, "a", part), (SECOND, "a", whole[0]), (SECOND, "b", whole[1])):
        event = instance.get_latest_data_version_record(key, partition_key=name)
        assert event is not None
        assert event.run_id == run
    assert run_history.prune(instance, LATER) == 0
    assert instance.all_logs(whole[0])


KILLED = """
import os, sys; sys.path.insert(0, sys.argv[1])
import dagster as dg
from datetime import UTC, datetime, timedelta
from resources import run_history
with dg.DagsterInstance.get() as instance:
    delete, count = type(instance).delete_run, []
    def stop(self, run_id):
        count.append(delete(self, run_id))
        if len(count) == 2:
            os.kill(os.getpid(), 9)
    type(instance).delete_run = stop
    run_history.prune(instance, datetime.now(UTC) + timedelta(days=1))
"""


def test_a_killed_pruning_is_finished_by_the_next(home: Path, instance: dg.DagsterInstance) -> None:
    *old, kept = [tell(instance, "a") for _ in range(4)]
    done = subprocess.run([sys.executable, "-c", KILLED, str(WORKSPACE)], env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert len(list(instance.get_runs())) == 2
    assert instance.get_materialized_partitions(SECOND) == {"a"}
    run_history.prune(instance, LATER)
    assert [run.run_id for run in instance.get_runs()] == [kept]
    assert not [path for run in old for path in files_of(run, home / "dagster")]


def logged(tracking: Tracking, asset: str, dagster_run: str = "ended", model: bool = True) -> str:
    """Log one run as a stage does, with a registered model."""
    file = sluice_home() / "weights.bin"
    file.write_bytes(b"weights")
    tags = {RUN_TAG: dagster_run, ASSET_TAG: asset}
    with tracking.run("sluice.text.d", asset, tags) as run:
        run.metrics({"loss": 0.5})
        run.artifact(file, "model")
        if model:
            registry.register(tracking, "sluice.text.d", run, {"selection_id": "s"})
    return run.run_id


def left(tracking: Tracking) -> set[str]:
    return {run.info.run_id for run in tracking.client().search_runs(["1"])}


def folders(home: Path) -> set[str]:
    root = home / "sluice" / "mlflow" / "artifacts" / "sluice.text.d"
    return {path.name for path in root.iterdir() if any(path.rglob("*"))} | {
        path.name for path in root.iterdir()
    }


def test_models_go_unless_something_names_them(home: Path) -> None:
    tracking = Tracking()
    plain, champion, mine, named, busy = (
        logged(tracking, "models", "busy" if n == 4 else "ended") for n in range(5)
    )
    elsewhere, curve, newest_curve, newest = (
        logged(tracking, "models"),
        logged(tracking, "curve", model=False),
        logged(tracking, "curve", model=False),
        logged(tracking, "models"),
    )
    client = tracking.client()
    registry.promote(tracking, "sluice.text.d", "2")
    client.set_registered_model_alias("sluice.text.d", "in-production", "3")
    client.create_registered_model("theirs")
    client.create_model_version("theirs", "somewhere", run_id=elsewhere)
    theirs = client.create_run("1").info.run_id
    kept = {champion, mine, named, busy, elsewhere, newest_curve, newest, theirs}
    assert left(tracking) == {*kept, plain, curve}

    assert tracked_runs.prune(tracking, LONG_AGO, [named], ["busy"]) == tracked_runs.Pruned()
    done = tracked_runs.prune(tracking, LATER, [named], ["busy"])
    assert done == tracked_runs.Pruned(runs=2, versions=1)
    assert left(tracking) == kept
    assert folders(home) == kept - {theirs}
    found = registry.find(tracking, "sluice.text.d", "champion")
    assert found is not None
    assert (found.folder / "weights.bin").read_bytes() == b"weights"
    assert registry.get(tracking, "sluice.text.d", "1") is None
    # Numbers of versions are never used again.
    logged(tracking, "models")
    assert client.get_model_version_by_alias("sluice.text.d", "challenger").version == 8


def test_what_people_marked_as_deleted_is_theirs_and_a_killed_pruning_is_finished(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    tracking = Tracking()
    old, newest = logged(tracking, "models"), logged(tracking, "models")
    client = tracking.client()
    trash = client.create_experiment("sluice.text.other")
    inside = client.create_run(trash).info.run_id
    client.delete_experiment(trash)

    def killed(self: SqlAlchemyStore, run_id: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqlAlchemyStore, "_hard_delete_run", killed)
        with pytest.raises(KeyboardInterrupt):
            tracked_runs.prune(tracking, LATER, [], [])
    assert tracked_runs.prune(tracking, LATER, [], []) == tracked_runs.Pruned(runs=1)
    assert left(tracking) == folders(home) == {newest}
    with pytest.raises(Exception, match=old):
        client.get_run(old)
    assert client.get_run(inside).info.lifecycle_stage == "deleted"


def test_a_shared_mlflow_is_left_alone(home: Path, tmp_path: Path) -> None:
    shared = Tracking(uri=f"sqlite:///{tmp_path / 'shared.db'}")
    runs = {logged(shared, "models"), logged(shared, "models")}
    assert "left alone" in tracked_runs.prune(shared, LATER, [], []).left
    assert left(shared) == runs


def test_superseded_rows_go_and_selections_keep_their_history(home: Path) -> None:
    lake = Lake()
    for number in range(4):
        entry = put_selection(lake, f"{number:04}", {"r1": f"text {number}"})
        put_record(lake, [entry])
        records.begin(lake, "d", "text/instances", f"run {number}")
        checks.append(lake, "d", "text/instances", "c", f"i{number}", True, {"n": number})
        records.append_refresh(lake, "d", f"f{number}", f"run {number}")
    asset = next(iter(records.latest(lake, "d")))
    before, past = records.latest(lake, "d"), records.history(lake, "d", asset)
    shown = records.metadata_of(lake, "d", asset)
    assert superseded.remove(lake, LONG_AGO) == 0
    assert superseded.remove(lake, LATER) == 9
    assert superseded.remove(lake, LATER) == 0
    assert records.latest(lake, "d") == before
    assert records.history(lake, "d", asset) == past
    assert len(past) == 4
    assert records.metadata_of(lake, "d", asset) == shown
    assert records.refreshed_digests(lake) == {"d": "f3"}
    assert checks.find(lake, "d", "text/instances", "c", "i3") == (True, {"n": 3})
    assert lake.read("SELECT run_id FROM starts")["run_id"].to_pylist() == ["run 3"]


def test_the_command_keeps_a_run_that_the_lake_names(
    home: Path, instance: dg.DagsterInstance
) -> None:
    tracking, lake = Tracking(), Lake()
    named, old, newest = (logged(tracking, "models") for _ in range(3))
    record = records.Record("d", "text/models/x", "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r")
    records.append(lake, record, f'{{"mlflow_run_id": "{named}"}}')
    for _ in range(2):
        tell(instance, "a")
    done = CliRunner().invoke(app, ["maintain", "--keep-run-days", "0"])
    assert done.exit_code == 0, done.output
    assert "Removed 1 runs of Dagster, 1 of MLflow and 1 models" in done.output
    assert left(tracking) == {named, newest}
    assert old not in folders(home)
    done = upkeep(lake, tracking, instance, keep_days=30)
    assert (done["runs_removed"], done["mlflow_runs_removed"]) == (0, 0)


def test_weights_that_no_newest_record_names_go_when_they_are_old(
    home: Path, instance: dg.DagsterInstance
) -> None:
    lake = Lake()
    for name in ("superseded", "newest"):
        record = records.Record("d", "t/encoder", "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r")
        records.append(lake, replace(record, details={"encoder": name}), "{}")
    made = [root / name for root in weights_roots() for name in ("superseded", "newest")]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"w")
    searches_root().mkdir()
    search = searches_root() / "abandoned.npz"
    search.touch()
    upkeep(lake, Tracking(), instance, keep_days=0)
    assert search.exists()
    assert all(folder.exists() for folder in made)
    two_days_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in (search, *made):
        os.utime(path, (two_days_ago, two_days_ago))
    upkeep(lake, Tracking(), instance, keep_days=3)
    assert all(folder.exists() for folder in made)
    upkeep(lake, Tracking(), instance, keep_days=1)
    assert not search.exists()
    assert {folder.name for folder in made if folder.exists()} == {"newest"}


def test_nothing_there_yet(home: Path, instance: dg.DagsterInstance) -> None:
    done = upkeep(Lake(), Tracking(), instance, keep_days=0)
    assert (done["runs_removed"], done["mlflow_runs_removed"], done["rows_removed"]) == (0, 0, 0)
    assert not (home / "sluice" / "mlflow" / "artifacts").exists()
    assert isinstance(Lake().read("SELECT 1"), pa.Table)
