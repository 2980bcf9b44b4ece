"""As a person uses it: serve, add a dataset, watch the sensor's run, change a row, watch again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
import yaml
from conftest import SMALL

from resources.lake import Lake
from resources.store import records, rows

SLUICE = [sys.executable, "-m", "sluice.cli"]
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """`sluice serve` in a process of its own, and its GraphQL."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.port, self.mlflow_port = free_port(), free_port()
        self.folder = folder
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(*SLUICE, "serve", "--port", str(self.port)),
                    *("--mlflow-port", str(self.mlflow_port)),
                ],
                cwd=root, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "SLUICE_SENSOR_SECONDS": "5"},
            )

    def until(self, what: str, found: Callable[[], Any], seconds: float = 240) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                value = found()
            except OSError:
                value = None
            if value:
                return value
            time.sleep(1)
        raise AssertionError(f"no {what} within {seconds} s\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(p.read_text()[-4000:] for p in self.folder.rglob("*.log"))

    def ask(self, query: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def runs(self) -> list[dict[str, Any]]:
        query = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
        found = self.ask(query)["runsOrError"]["results"]
        for run in found:
            assert run["status"] != "FAILURE", self.logs()
        return found

    def successes(self, count: int) -> bool:
        return [run["status"] for run in self.runs()].count("SUCCESS") >= count


@pytest.fixture
def served(home: Path, root: Path) -> Iterator[Served]:
    server = Served(root, home)
    yield server
    if server.process.poll() is None:
        os.killpg(server.process.pid, signal.SIGKILL)


def test_from_a_csv_to_a_refreshed_lineage(
    served: Served, home: Path, root: Path, tweets: pa.Table, tmp_path: Path
) -> None:
    source = tmp_path / "reviews.csv"
    pacsv.write_csv(tweets.rename_columns(["id", "review", "stars"]), source)
    added = subprocess.run(
        [
            *(*SLUICE, "add", str(source), "--task", "text", "--text-column", "review"),
            *("--label-column", "stars", "--id-column", "id"),
        ],
        cwd=root, capture_output=True, text=True,
    )
    assert added.returncode == 0, added.stderr
    folder = tmp_path / "datasets" / "reviews"
    path = folder / "dataset.yaml"
    # A smaller comparison than the default one, so that this test is short.
    small = {**SMALL, "training": {"enabled": False}, "selectors": ["k_center"]}
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **small}))

    served.until("Dagster UI", lambda: served.ask("{ version }"))
    served.until("run of the sensor", lambda: served.successes(1))
    (first,) = served.runs()
    tags = {tag["key"]: tag["value"] for tag in first["tags"]}
    assert tags["dagster/partition"] == "reviews"
    assert tags["dagster/sensor_name"] == "raw_data"
    total = rows.read_instances(Lake(), "reviews").num_rows
    assert total > 280

    lines = (folder / "reviews.csv").read_text().splitlines()
    lines[5] = '"new-1","A sentence that was not there before.","positive"'
    (folder / "reviews.csv").write_text("\n".join(lines) + "\n")
    served.until("second run of the sensor", lambda: served.successes(2))
    record = records.latest(Lake(), "reviews")["text/embeddings"]
    assert (record.rows_new, record.rows_total) == (1, total)

    urllib.request.urlopen(f"http://127.0.0.1:{served.mlflow_port}/health", timeout=30).close()
    taken = subprocess.run(
        [*SLUICE, "serve", "--port", str(served.port)], cwd=root, capture_output=True, text=True
    )
    assert taken.returncode == 2
    said = " ".join(taken.stderr.split())
    assert f"Port {served.port} on 127.0.0.1, for the Dagster UI, is in use" in said
    assert "nothing was started" in said

    out = tmp_path / "kept.jsonl"
    exported = subprocess.run(
        [*SLUICE, "export", "reviews", str(out), "--method", "k_center", "--budget", "0.2"],
        cwd=root, capture_output=True, text=True,
    )
    assert exported.returncode == 0, exported.stderr
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    assert kept[0]["rank"] == 1
    assert all(row["text"] and row["reason"] for row in kept)

    os.kill(served.process.pid, signal.SIGINT)
    assert served.process.wait(60) == 0
    assert "Stopped." in served.log.read_text()
    group = subprocess.run(["pgrep", "-f", str(served.port)], capture_output=True, text=True)
    assert group.stdout == ""
