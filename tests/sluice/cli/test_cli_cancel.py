"""`sluice cancel`, and what becomes of runs whose process is gone."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest
from lineage import ORIGIN
from typer.testing import CliRunner

from assets.text.lineage import TEXT
from resources.lake import Lake
from resources.locks import PARTITION_TAG, dataset_lock
from resources.orphaned_runs import fail_dead_runs
from resources.run_watch import PROCESS_TAG, own_process
from sluice.cli import app

Make = Callable[..., Path]
STATUS = dg.DagsterRunStatus


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as opened:
        opened.add_dynamic_partitions(TEXT.name, ["toy"])
        yield opened


def made(instance: dg.DagsterInstance, status: STATUS, process: str = "") -> str:
    tags = {PARTITION_TAG: "toy", **({PROCESS_TAG: process} if process else {})}
    run = dg.DagsterRun(job_name="text_refresh", tags=tags, status=status, remote_job_origin=ORIGIN)
    return instance.add_run(run).run_id


def statuses(instance: dg.DagsterInstance) -> dict[str, STATUS]:
    return {run.run_id: run.status for run in instance.get_runs()}


def cancel(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["cancel", *arguments])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_what_waits_is_cancelled_and_what_does_not_answer_is_named(
    instance: dg.DagsterInstance,
) -> None:
    assert "nothing to cancel" in cancel("toy")
    waiting = [made(instance, status) for status in (STATUS.QUEUED, STATUS.STARTING)]
    far = made(instance, STATUS.STARTED, "elsewhere:1:2")
    said = cancel("toy", "--wait", "0")
    assert "Cancelled runs of toy: 2 that had not begun." in said
    assert f"still going after 0 s: {far}" in said
    assert statuses(instance) == {
        **dict.fromkeys(waiting, STATUS.CANCELED),
        far: STATUS.CANCELING,
    }
    assert "1 that gave no answer" in cancel("toy", "--wait", "0", "--force")
    assert statuses(instance)[far] == STATUS.CANCELED
    assert "nothing to cancel" in cancel("toy")


def test_runs_of_dead_processes_end(instance: dg.DagsterInstance) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = socket.gethostname()
    alive = made(instance, STATUS.STARTED, own_process())
    # Of a version that did not note when a process began.
    older = made(instance, STATUS.STARTED, f"{host}:{os.getpid()}")
    dead = [
        made(instance, STATUS.STARTED, f"{host}:{ended.pid}"),
        made(instance, STATUS.NOT_STARTED, f"{host}:{ended.pid}:1"),
        # Its number is that of another process now.
        made(instance, STATUS.STARTED, f"{host}:{os.getpid()}:1"),
    ]
    asked = made(instance, STATUS.CANCELING, f"{host}:{ended.pid}:1")
    assert sorted(fail_dead_runs(instance, Lake())) == sorted([*dead, asked])
    assert statuses(instance) == {
        alive: STATUS.STARTED,
        older: STATUS.STARTED,
        **dict.fromkeys(dead, STATUS.FAILURE),
        asked: STATUS.CANCELED,
    }


@pytest.mark.parametrize("how", ["cancel", "ctrl-c"])
def test_a_run_at_the_command_line_is_cancelled_where_it_waits(
    instance: dg.DagsterInstance, make_dataset: Make, tweets: pa.Table, root: Path, how: str
) -> None:
    make_dataset("toy", tweets.slice(0, 60))
    with dataset_lock(Lake().folder / "locks", "toy", "the nightly run"):
        command = [sys.executable, "-m", "sluice", "run", "toy"]
        with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as run:
            while "waiting for it" not in (line := run.stderr.readline()):
                assert line
            if how == "cancel":
                assert "Cancelled runs of toy: 1 in progress." in cancel("toy")
            else:
                run.send_signal(signal.SIGINT)
            rest = run.stderr.read()
    assert run.returncode == 130, rest
    word = "Cancelled from elsewhere" if how == "cancel" else "Stopped"
    assert rest == f"{word}; what was committed is kept. `sluice run toy` goes on.\n"
    # The sensor leaves alone what a person has stopped.
    (ended,) = instance.get_runs()
    assert ended.status == STATUS.CANCELED


def test_a_run_says_that_it_waits_for_the_gpu(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resources import run_watch

    monkeypatch.setattr(run_watch, "GPU_POOL", "gpu")
    holder, waiter = made(instance, STATUS.STARTED), made(instance, STATUS.STARTED)
    storage = instance.event_log_storage
    storage.set_concurrency_slots("gpu", 1)
    assert storage.claim_concurrency_slot("gpu", holder, "step").is_claimed
    assert run_watch.pool_of(instance, waiter) == ""
    assert not storage.claim_concurrency_slot("gpu", waiter, "step").is_claimed
    assert run_watch.pool_of(instance, waiter) == f"run {holder[:8]} of toy"
    storage.free_concurrency_slots_for_run(holder)


def test_there_is_no_pool_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from definitions import defs
    from resources.compute import GPU_POOL, may_have_gpu

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not may_have_gpu()
    graph = defs.resolve_asset_graph()
    pools = {pool for key in graph.get_all_asset_keys() for pool in graph.get(key).pools}
    assert pools == ({"gpu"} if GPU_POOL else set())
