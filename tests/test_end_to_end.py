"""As a person uses it: serve, add a dataset, watch the sensor's run, change a row, watch again."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
import yaml
from conftest import SMALL
from served import SLUICE, Served

from resources.lake import Lake
from resources.store import records, rows

pytestmark = pytest.mark.slow
# two ticks of the sensor, which the served process has every five seconds
TICKS = 11


@pytest.fixture
def served(home: Path, root: Path) -> Iterator[Served]:
    server = Served(root, home)
    yield server
    server.stop()


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
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert added.returncode == 0, added.stderr
    folder = tmp_path / "datasets" / "reviews"
    path = folder / "dataset.yaml"
    # A smaller comparison than the default one, so that this test is short.
    small = {**SMALL, "training": {"enabled": False}, "selectors": ["k_center"]}
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **small}))

    served.until("Dagster UI", lambda: served.ask("{ version }"))
    served.until("run of the sensor", lambda: served.successes(1))
    time.sleep(TICKS)  # what is up to date is left alone
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
    time.sleep(TICKS)
    assert len(served.runs()) == 2
    record = records.latest(Lake(), "reviews")["text/embeddings"]
    assert (record.rows_new, record.rows_total) == (1, total)

    urllib.request.urlopen(f"http://127.0.0.1:{served.mlflow_port}/health", timeout=30).close()
    websites_are_refused(served)
    a_run_stays_in_its_home(served, tmp_path)
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
        cwd=root,
        capture_output=True,
        text=True,
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


def websites_are_refused(served: Served) -> None:
    mutation = quote('mutation { addDynamicPartition(partitionKey: "x") { __typename } }')
    origin = f"http://127.0.0.1:{served.port}"
    evil: dict[str, dict[str, str]] = {
        "rebound": {"Host": "evil.example"},
        "cross-site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    }
    for headers in evil.values():
        kind = {"Content_Type": "application/json"}
        said = served.status(
            served.port, "POST", "/graphql", '{"query": "{version}"}', **headers, **kind
        )
        assert said[0] == 403
        body = '{"name": "made by a website"}'
        path = "/api/2.0/mlflow/experiments/create"
        assert served.status(served.mlflow_port, "POST", path, body, **headers, **kind)[0] == 403
    assert served.status(served.mlflow_port, "GET", "/", Host="evil.example")[0] == 403
    assert served.status(served.port, "GET", f"/graphql?query={mutation}")[0] == 403
    form = {"Content_Type": "text/plain", "Origin": origin}
    assert served.status(served.port, "POST", f"/graphql?query={mutation}", "x", **form)[0] == 415


def a_run_stays_in_its_home(served: Served, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    config = json.dumps({"resources": {"lake": {"config": {"root": str(elsewhere)}}}})
    selector = (
        '{pipelineName: "text_refresh", repositoryName: "__repository__", '
        'repositoryLocationName: "sluice"}'
    )
    said = served.ask(
        f"mutation {{ launchRun(executionParams: {{selector: {selector}, "
        f"runConfigData: {json.dumps(config)}}}) {{ __typename }} }}"
    )
    assert said["launchRun"]["__typename"] == "RunConfigValidationInvalid"
    assert not elsewhere.exists()
