"""One bad folder beside a good one: whatever is wrong with it, the good one is refreshed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from definitions import defs
from jobs import lineages
from jobs.lineages import SCHEDULES
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import records
from sensors.raw_data import DIGEST_SECONDS, raw_data
from sluice.data.ingest.files import folder_version

Make = Callable[..., Path]
LEAST = "task: text\nfiles: [a.csv]\ncolumns: {text: text, label: label}\n"


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "dataset.yaml")


def device(folder: Path) -> None:
    (folder / "dataset.yaml").symlink_to("/dev/zero")


def fifo_of_rows(folder: Path) -> None:
    (folder / "dataset.yaml").write_text(LEAST)
    os.mkfifo(folder / "a.csv")


def says(content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "dataset.yaml").write_text(LEAST + content)
        (folder / "a.csv").write_text("text,label\na,x\n")

    return write


WRONG: list[tuple[bytes, Callable[[Path], None]]] = [
    (b"bad0", says("plots: 2023-13-45\n")),
    (b"bad1", says("plots: !!int abc\n")),
    (b"bad2", says("options: " + "[" * 3000 + "]" * 3000 + "\n")),
    (b"bad3", says("seeds: [" + "9" * 5000 + "]\n")),
    (b"bad4", says('encoder: {model: "\\uD800"}\n')),
    (b"bad5", fifo),
    (b"bad6", device),
    (b"bad7", fifo_of_rows),
    (b"new\nline", says("")),
    (b"dots...name", says("")),
    (b"bad\xffutf", says("")),
    (b"b" * 250, says("")),
]


def ticks(instance: dg.DagsterInstance, count: int) -> dg.SensorResult:
    """Tick as the daemon does, and do what it does with the result."""
    cursor, result = None, dg.SensorResult()
    for _ in range(count):
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        result = raw_data(context, lake=Lake(), datasets=Datasets())
        cursor = result.cursor
        # Both are stored as UTF-8.
        f"{result.cursor}{result.skip_reason}".encode()
        for change in result.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions(change.partitions_def_name, list(change.partition_keys))
    return result


def test_no_folder_stops_the_others(home: Path, make_dataset: Make, tweets: pa.Table) -> None:
    root = make_dataset("good", tweets).parent
    for name, write in WRONG:
        folder = root / os.fsdecode(name)
        folder.mkdir()
        write(folder)
    (root / "loop").symlink_to(root / "loop")
    began = time.process_time()
    with dg.DagsterInstance.ephemeral() as instance:
        result = ticks(instance, 2)
        assert [run.partition_key for run in result.run_requests or []] == ["good"]
        assert instance.get_dynamic_partitions("text") == ["good"]
        records.append_refresh(Lake(), "good", folder_version(root / "good").digest, "run")
        said = str(ticks(instance, 2).skip_reason)
    assert time.process_time() - began < 20
    assert said.count("Rename it: use 1 to 64 of the") == 4
    assert said.count("no regular file") == 3
    assert "month must be in 1..12" in said
    assert "good: up to date" in said


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError()])
def test_an_error_that_nobody_thought_of_stays_with_its_dataset(
    home: Path,
    make_dataset: Make,
    tweets: pa.Table,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    for name in ("bad", "good", "better"):
        make_dataset(name, tweets)
    config, version = Datasets.config, lineages.folder_version

    def failing(self: Datasets, name: str) -> Any:
        if name == "bad":
            raise error
        return config(self, name)

    def failing_tonight(folder: Path) -> Any:
        if folder.name == "bad":
            raise error
        return version(folder)

    monkeypatch.setattr(Datasets, "config", failing)
    monkeypatch.setattr(lineages, "folder_version", failing_tonight)
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("text", ["bad", "good", "better"])
        result = ticks(instance, 2)
        assert {run.partition_key for run in result.run_requests or []} == {"good", "better"}
        context = dg.build_schedule_context(
            instance=instance,
            repository_def=defs.get_repository_def(),
            resources={"datasets": Datasets(), "lake": Lake()},
        )
        (nightly,) = (each for each in SCHEDULES if each.name == "nightly")
        asked = nightly.evaluate_tick(context).run_requests or []
        assert sorted(run.partition_key or "" for run in asked) == ["better", "good"]


def test_the_digest_is_taken_anew_within_the_hour_whatever_the_stamp_says(
    home: Path, make_dataset: Make, tweets: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_dataset("a", tweets)
    monkeypatch.setattr("sensors.raw_data.folder_stamp", lambda _: "0" * 64)
    with dg.DagsterInstance.ephemeral() as instance:
        records.append_refresh(Lake(), "a", folder_version(folder).digest, "run")
        cursor = ticks(instance, 2).cursor
        make_dataset("a", tweets.slice(1))

        def asked(after: float) -> list[str]:
            now = time.time() + after
            with monkeypatch.context() as patch:
                patch.setattr("sensors.raw_data.time.time", lambda: now)
                context = dg.build_sensor_context(instance=instance, cursor=cursor)
                result = raw_data(context, lake=Lake(), datasets=Datasets())
            return [str(run.partition_key) for run in result.run_requests or []]

        assert asked(60) == []
        assert asked(DIGEST_SECONDS + 1) == ["a"]
        assert asked(-DIGEST_SECONDS - 1) == ["a"], "a clock that was set back"
