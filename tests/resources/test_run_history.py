"""After a dataset's runs are forgotten, nothing that they said is in Dagster's files."""

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from resources import run_history
from resources.locks import PARTITION_TAG

WORD = "quuxenheim"
KEY = dg.AssetKey("told")


@dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="names"))
def told(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    print(WORD, context.partition_key)
    context.log.warning(f"{WORD} {context.partition_key}")
    record = dg.TableRecord({"text": f"{WORD} {context.partition_key}"})
    return dg.MaterializeResult(metadata={"rows": dg.MetadataValue.table([record])})


@dg.asset_check(asset=told)
def looked_at() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={"seen": WORD})


JOB = dg.Definitions(
    assets=[told],
    asset_checks=[looked_at],
    jobs=[dg.define_asset_job("tell", selection=dg.AssetSelection.all())],
).resolve_job_def("tell")


def tell(instance: dg.DagsterInstance, dataset: str) -> str:
    instance.add_dynamic_partitions("names", [dataset])
    return JOB.execute_in_process(instance=instance, partition_key=dataset).run_id


def holding(folder: Path, word: str) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and word.encode() in p.read_bytes()]


def test_a_datasets_runs_are_forgotten_and_others_kept(home: Path) -> None:
    folder = home / "dagster"
    with dg.DagsterInstance.get() as instance:
        kept = tell(instance, "kept")
        tell(instance, "gone")
        # Dagster's own deletion leaves the texts in free pages and copies.
        instance.delete_run(tell(instance, "gone"))
        assert holding(folder, f"{WORD} gone")
        assert run_history.forget(instance, "gone") == 1
        assert [run.run_id for run in instance.get_runs()] == [kept]
        event = instance.get_latest_materialization_event(KEY)
        assert event is not None
        assert event.run_id == kept
        assert run_history.forget(instance, "gone") == 0
    assert holding(folder, f"{WORD} kept")
    assert holding(folder, f"{WORD} gone") == []
    assert [path.stem for path in (folder / "history" / "runs").glob("*-*.db")] == [kept]
    assert [path.name for path in (folder / "storage").iterdir() if "-" in path.name] == [kept]
    with closing(sqlite3.connect(folder / "history" / "runs" / "index.db")) as index:
        runs = index.execute("SELECT DISTINCT run_id FROM asset_check_executions").fetchall()
    assert runs == [(kept,)]


def test_a_run_under_way_is_named_and_left_alone(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(JOB, tags={PARTITION_TAG: "toy"})
        assert run_history.under_way(instance, "toy") == [run.run_id]
        assert run_history.under_way(instance, "other") == []
        assert run_history.forget(instance, "toy") == 0
        assert instance.has_run(run.run_id)


def test_a_storage_without_files_is_cleaned_too() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tell(instance, "gone")
        assert run_history.forget(instance, "gone") == 1
        assert instance.get_latest_materialization_event(KEY) is None


def test_a_database_in_use_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.sqlite_files.BUSY_SECONDS", 0.1)
    with dg.DagsterInstance.get() as instance:
        tell(instance, "toy")
        index = home / "dagster" / "history" / "runs" / "index.db"
        with closing(sqlite3.connect(index)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM event_logs").fetchone()
            with pytest.raises(run_history.HistoryError, match=r"index\.db stayed in use"):
                run_history.forget(instance, "toy")
        run_history.forget(instance, "toy")
    assert holding(home / "dagster", WORD) == []


def test_logs_are_cleaned(home: Path, tmp_path: Path) -> None:
    ticks = home / "dagster" / "storage" / "repository" / "failures"
    ticks.mkdir(parents=True)
    (ticks / "1.err").write_text(f"Run of dataset toy failed: {WORD}")
    (ticks / "2.err").write_text("Run of dataset another failed")
    with dg.DagsterInstance.get() as instance:
        run_history.remove_tick_logs(instance, "toy")
    assert [path.name for path in ticks.iterdir()] == ["2.err"]
    log = tmp_path / "dagster.log"
    with log.open("ab") as server:
        server.write(WORD.encode())
        server.flush()
        run_history.empty_server_logs(tmp_path)
        server.write(b"on")
    assert log.read_bytes() == b"on"
