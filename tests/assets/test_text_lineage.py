"""The whole lineage on 300 real tweets with the real models: from raw file to champion."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
from lineage import Ran, run_lineage
from workshop import failing

from assets.display.results import read_results
from assets.text.lineage import LINEAGE, SELECTORS, TEXT
from resources import registry
from resources.lake import Lake
from resources.locks import dataset_lock
from resources.store import records, rows, selections
from resources.tracking import Tracking

Make = Callable[..., Path]
IF_ASKED = {"text/labels/queries", "text/labels/echoes", "text/evaluations/echo_value"} | {
    *(f"text/{s}/{each.name}" for s in ("subsets", "evaluations") for each in SELECTORS
      if each.name not in TEXT.spec.short_list),
}  # fmt: skip


def assert_ran(ran: Ran) -> None:
    assert ran.success, "\n".join(ran.errors.values())


def state(lake: Lake, dataset: str) -> dict[str, str]:
    """Return the data versions of everything but the page."""
    return {
        name: record.data_version
        for name, record in records.latest(lake, dataset).items()
        if name != "text/report"
    }


def changed(table: pa.Table, row: int, text: str) -> pa.Table:
    texts = table["text"].to_pylist()
    texts[row] = text
    return table.set_column(table.column_names.index("text"), "text", pa.array(texts))


@pytest.mark.slow
def test_from_raw_file_to_champion_and_what_a_change_costs(
    home: Path, make_dataset: Make, tweets: pa.Table
) -> None:
    folder = make_dataset("tweets", tweets)
    first = run_lineage("tweets")
    assert_ran(first)
    lake = Lake()
    made = {"/".join(asset.key.path) for asset in LINEAGE.assets} - IF_ASKED
    assert set(first.metadata) == made

    kept = rows.read_instances(lake, "tweets").num_rows
    assert kept + rows.read_rejected(lake, "tweets").num_rows == 300
    assert first.metadata["text/embeddings"]["rows_new"] == kept

    _assert_selections_are_right(lake)
    _assert_model_is_registered(lake, first)
    page = (home / "sluice" / "reports" / "tweets.html").read_text()
    results = read_results(lake, TEXT, "tweets")
    assert results.chosen["selection_id"] in page

    again = run_lineage("tweets")
    assert_ran(again)
    assert again.computed == {}
    assert again.metadata["text/embeddings"]["rows_reused"] == kept
    plots = [v for v in again.metadata["text/subsets/margin"].values() if "base64" in str(v)]
    assert len(plots) == 2

    before = state(lake, "tweets")
    shuffled = tweets.take(pa.array(np.random.default_rng(0).permutation(300)))
    make_dataset("tweets", shuffled)
    reordered = run_lineage("tweets")
    assert_ran(reordered)
    assert sum(reordered.computed.values()) == 0
    assert state(lake, "tweets") == before

    make_dataset("tweets", changed(tweets, 7, "A wholly new sentence about nothing at all."))
    edited = run_lineage("tweets")
    assert_ran(edited)
    assert edited.metadata["text/embeddings"]["rows_new"] == 1
    assert edited.metadata["text/embeddings"]["rows_reused"] == kept - 1

    make_dataset("tweets", tweets)
    assert_ran(run_lineage("tweets"))
    after = state(lake, "tweets")
    model = {"text/models/champion"}
    assert {k: v for k, v in after.items() if k not in model} == {
        k: v for k, v in before.items() if k not in model
    }

    assert records.refreshed_digests(lake).keys() == {folder.name}


@pytest.mark.slow
def test_a_rebuild_gives_the_same_from_the_stored_vectors(
    home: Path, make_dataset: Make, tweets: pa.Table
) -> None:
    make_dataset("tweets", tweets)
    scored = ["instances", "embeddings", "graphs/knn", "scores/out_of_fold", "scores/margin"]
    keys = keys_of(
        *scored, "map", "subsets/k_medoids", "subsets/margin", "subsets/facility_location"
    )
    assert_ran(run_lineage("tweets", keys=keys))
    lake = Lake()
    before = state(lake, "tweets")
    rebuilt = run_lineage("tweets", job="text_rebuild", keys=keys)
    assert_ran(rebuilt)
    assert rebuilt.metadata["text/embeddings"]["rows_new"] == 0
    assert not any(values["unchanged"] for values in rebuilt.metadata.values())
    assert state(lake, "tweets") == before


def _assert_selections_are_right(lake: Lake) -> None:
    table = rows.read_instances(lake, "tweets", "train")
    train = set(table["instance_id"].to_pylist())
    known = records.latest(lake, "tweets")
    for name, record in known.items():
        if not name.startswith("text/subsets/"):
            continue
        ids = [entry["selection_id"] for entry in record.details["selections"]]
        for head in selections.headers(lake, ids):
            kept = selections.rows(lake, head.selection_id)
            share = {"10%": 0.1, "20%": 0.2}[head.budget]
            assert kept.num_rows == head.size == int(share * len(train) + 0.5)
            assert set(kept["instance_id"].to_pylist()) <= train
            assert kept["rank"].to_pylist() == list(range(1, head.size + 1))
            assert all(kept["reason"].to_pylist())


def _assert_model_is_registered(lake: Lake, ran: Ran) -> None:
    tracking = Tracking()
    champion = registry.find(tracking, "sluice.text.tweets", "champion")
    assert champion is not None
    results = read_results(lake, TEXT, "tweets")
    assert champion.tags["selection_id"] == results.chosen["selection_id"]
    assert (champion.folder / "model.safetensors").exists()
    run = tracking.client().get_run(champion.run_id)
    assert run.data.tags["dagster.run_id"] == ran.run_id
    assert run.info.run_id in ran.metadata["text/models/fine_tuned"]["mlflow_run"]
    assert run.data.params["epochs"] == "1"
    files = {f.path for f in tracking.client().list_artifacts(champion.run_id)}
    assert files == {"model", "subset"}


def keys_of(*names: str) -> list[dg.AssetKey]:
    return [TEXT.key(*name.split("/")) for name in names]


@pytest.mark.slow
def test_partitions_are_independent(home: Path, make_dataset: Make, tweets: pa.Table) -> None:
    keys = keys_of("instances", "embeddings", "map", "subsets/k_center")
    make_dataset("one", tweets.slice(0, 150))
    make_dataset("two", tweets.slice(100, 150))
    assert_ran(run_lineage("one", keys=keys))
    lake = Lake()
    before = state(lake, "one")
    two = run_lineage("two", keys=keys)
    assert_ran(two)
    # Fifty texts are in both: their vectors are shared, their rows are not.
    assert 90 <= two.metadata["text/embeddings"]["rows_new"] <= 100
    assert state(lake, "one") == before
    make_dataset("two", tweets.slice(100, 140))
    assert_ran(run_lineage("two", keys=keys))
    assert run_lineage("one", keys=keys).computed == {}
    # A run that did not go to the end is not noted as a refresh.
    assert records.refreshed_digests(lake) == {}


def test_a_blocking_check_stops_what_follows(
    home: Path, make_dataset: Make, tweets: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset("tweets", tweets.slice(0, 60), training={"enabled": False})
    # A store that hands back vectors of the wrong length, as a damaged one would.
    from resources.store import vectors

    real = vectors.read
    monkeypatch.setattr(vectors, "read", lambda lake, hashes: real(lake, hashes) * 2)
    ran = run_lineage("tweets", keys=[TEXT.key("instances"), TEXT.key("embeddings"), KNN])
    assert not ran.success
    assert "text/embeddings" in ran.metadata
    assert "text/graphs/knn" not in ran.metadata


KNN = TEXT.key("graphs", "knn")


def test_an_interrupted_stage_is_not_trusted_when_the_files_go_back(
    home: Path, make_dataset: Make, tweets: pa.Table
) -> None:
    keys = keys_of("instances", "embeddings", "graphs/knn")
    make_dataset("tweets", tweets.slice(0, 80))
    assert_ran(run_lineage("tweets", keys=keys))
    lake = Lake()
    before = rows.read_instances(lake, "tweets")
    make_dataset("tweets", tweets.slice(20, 80))
    # The second write is that of the rows; the record that would follow is never made.
    with failing(2, kept=True):
        assert not run_lineage("tweets", keys=keys).success
    assert rows.read_instances(lake, "tweets") != before
    downstream = run_lineage("tweets", keys=[KNN])
    assert "The last run of text/instances for tweets was interrupted" in str(downstream.errors)
    make_dataset("tweets", tweets.slice(0, 80))
    again = run_lineage("tweets", keys=keys)
    assert_ran(again)
    assert "text/instances" in again.computed
    assert rows.read_instances(lake, "tweets") == before
    assert run_lineage("tweets", keys=keys).computed == {}


def test_a_stage_without_its_inputs_says_what_to_do(
    home: Path, make_dataset: Make, tweets: pa.Table
) -> None:
    make_dataset("tweets", tweets)
    ran = run_lineage("tweets", keys=[KNN])
    assert not ran.success
    assert "no text/instances, text/embeddings yet" in ran.errors["text__graphs__knn"]
    assert "sluice run tweets" in ran.errors["text__graphs__knn"]


RUN = [sys.executable, "-m", "sluice.cli", "run"]


def _start(root: Path, dataset: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*RUN, dataset], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
def test_a_killed_run_resumes_and_a_second_run_waits(
    home: Path, root: Path, make_dataset: Make, tweets: pa.Table
) -> None:
    few = {"selectors": ["margin"], "budgets": [0.2], "seeds": [0], "plots": False}
    make_dataset("tweets", tweets, training={"enabled": False}, **few)
    killed = _start(root, "tweets")
    assert killed.stdout is not None
    said = ""
    while "text/embeddings:" not in (line := killed.stdout.readline()) or "rows" not in line:
        said += line
        assert line, said
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()

    with dataset_lock(Lake().folder / "locks", "tweets", "the nightly run"):
        waiting = _start(root, "tweets")
        assert waiting.stdout is not None
        while "waiting for it" not in (line := waiting.stdout.readline()):
            assert line
        assert f"in use by the nightly run (process {os.getpid()}, since" in line
    said, _ = waiting.communicate(timeout=300)
    assert waiting.returncode == 0, said
    # What the killed run had committed was not made again.
    assert "text/embeddings: unchanged" in said
    assert records.refreshed_digests(Lake()).keys() == {"tweets"}


def test_ctrl_c_stops_a_run_in_plain_words(
    home: Path, root: Path, make_dataset: Make, tweets: pa.Table
) -> None:
    make_dataset("tweets", tweets)
    stopped = _start(root, "tweets")
    assert stopped.stdout is not None
    while "text/embeddings: started" not in (line := stopped.stdout.readline()):
        assert line
    stopped.send_signal(signal.SIGINT)
    said, _ = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, said
    assert "what was committed is kept. `sluice run tweets` goes on." in said
    assert "Traceback" not in said


def test_the_unknown_dataset_is_named_with_the_nearest(
    home: Path, root: Path, make_dataset: Make, tweets: pa.Table
) -> None:
    make_dataset("tweets", tweets)
    done = subprocess.run([*RUN, "tweet"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Did you mean tweets?" in " ".join(done.stderr.split())


def test_json_of_records_survives(home: Path) -> None:
    lake = Lake()
    record = records.Record("d", "a", "i", "v", "1", 3, 1, 2, 0, 0.5, "cpu", "r", {"x": [1, "é"]})
    records.append(lake, record, json.dumps({"shown": 1}))
    assert records.latest(lake, "d")["a"] == record
    assert json.loads(records.metadata_of(lake, "d", "a")) == {"shown": 1}


def test_no_asset_is_an_orphan() -> None:
    keys = {asset.key for asset in LINEAGE.assets}
    read = {key for asset in LINEAGE.assets for key in asset.dependency_keys}
    assert read <= keys
    ends = {"text/report", "text/labels/queries", "text/evaluations/echo_value"}
    assert {"/".join(key.path) for key in keys - read} == ends
