"""A purge leaves a row, or a dataset, in no file that Sluice or Dagster writes."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lineage import ORIGIN, Ran, run_lineage
from typer.testing import CliRunner, Result

from resources.lake import Lake
from resources.locks import PARTITION_TAG
from resources.run_watch import PROCESS_TAG
from resources.store import records, rows, vectors
from sluice.cli import app
from sluice.cli.purge import read_ids
from sluice.core.digests import text_hash
from sluice.core.errors import ConfigError, DataError
from sluice.data.config import load_config
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw

# Sorted before all others, so that it is in the sample of every stage that shows one.
PERSON = "a-person"
SECRET = "Zyxgloria Quuxenheim of Wobblestreet 7 xqxqxq zzz"
LABELLESS = "b-person"
ASIDE = "Blorptimus has no label at all"


def purge(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["purge", *arguments, "--yes"])


def said(result: Result) -> str:
    return " ".join(result.output.split())


def with_persons(tweets: pa.Table) -> pa.Table:
    persons = pa.table(
        {"id": [PERSON, LABELLESS], "text": [SECRET, ASIDE], "label": ["negative", ""]}
    )
    return pa.concat_tables([tweets, persons.cast(tweets.schema)])


def some_stages() -> list[dg.AssetKey]:
    from assets.text.lineage import LINEAGE

    stages = ("instances", "embeddings", "map", "graphs/knn", "scores/density", "subsets/k_center")
    wanted = {f"text/{stage}" for stage in stages}
    return [asset.key for asset in LINEAGE.assets if "/".join(asset.key.path) in wanted]


def refresh(dataset: str) -> Ran:
    ran = run_lineage(dataset, stored=True, keys=some_stages())
    assert ran.success, ran.errors
    return ran


def places(folder: Path, needle: str) -> list[str]:
    """List the files below a folder that hold a text, also compressed within Parquet."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        within = path.suffix == ".parquet" and needle in str(pq.read_table(path).to_pylist())
        if within or needle.encode() in path.read_bytes():
            found.append(path.relative_to(folder).as_posix())
    return found


def last_shown(dataset: str) -> str:
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["text", "instances"]))
        assert event is not None
        return event.dagster_event.partition if event.dagster_event else ""


@pytest.fixture
def ids(tmp_path: Path) -> Path:
    path = tmp_path / "ids.txt"
    path.write_text(f"{PERSON}\n\n{LABELLESS}\r\n", encoding="utf-8")
    return path


def test_rows_are_gone_everywhere_and_the_dataset_lives_on(
    home: Path, ids: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    tweets = tweets.slice(0, 60)
    settings = {"budgets": [0.9], "chosen_budget": 0.9}
    make_dataset("lives", with_persons(tweets), **settings)
    make_dataset("other", tweets.slice(0, 30))
    run_lineage("other", stored=True, keys=[dg.AssetKey(["text", "instances"])])
    refresh("lives")
    page = home / "sluice" / "reports" / "lives.html"
    log = home / "sluice" / "logs" / "dagster.log"
    for path in (page, log):
        path.parent.mkdir(parents=True)
        path.write_text(SECRET)
    lake = Lake()
    assert lake.read("SELECT 1 FROM subsets WHERE instance_id = ?", [PERSON]).num_rows
    held = " ".join(places(home, SECRET))
    for part in ("history/runs/index.db", "catalog.sqlite", "lives.html", "dagster.log"):
        assert part in held
    assert "still in the files" in said(purge("lives", "--ids", str(ids)))

    make_dataset("lives", tweets, **settings)
    assert "but not yet from the lake" in said(purge("lives", "--ids", str(ids)))
    assert places(home, SECRET)
    refresh("lives")
    before = records.latest(lake, "lives")
    done = purge("lives", "--ids", str(ids))
    assert done.exit_code == 0, done.output
    assert "2 runs" in said(done)
    assert "MLflow" in said(done)

    lake.close()
    for needle in (PERSON, LABELLESS, SECRET, ASIDE):
        assert places(home, needle) == []
    assert rows.read_instances(lake, "lives").num_rows == 60
    assert rows.read_instances(lake, "other").num_rows == 30
    assert not vectors.missing(lake, stored_keys(lake, "lives"))
    after = records.latest(lake, "lives")
    assert {name: record.input_digest for name, record in after.items()} == {
        name: record.input_digest for name, record in before.items()
    }
    assert last_shown("other") == "other"
    again = refresh("lives")
    assert again.computed == {}


def stored_keys(lake: Lake, dataset: str) -> list[str]:
    encoder = lake.read("SELECT DISTINCT encoder FROM embeddings")["encoder"][0].as_py()
    texts = rows.read_instances(lake, dataset)["text"].to_pylist()
    return vectors.input_hashes([text_hash(text) for text in texts], encoder)


def test_a_whole_dataset_is_gone_everywhere(
    home: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    instances = [dg.AssetKey(["text", "instances"])]
    gone = make_dataset("departed", with_persons(tweets.slice(0, 60)))
    make_dataset("other", tweets.slice(60, 30))
    kept = run_lineage("other", stored=True, keys=instances)
    run_lineage("departed", stored=True, keys=instances)
    assert last_shown("departed") == "departed"
    assert "still there" in said(purge("departed"))
    shutil.rmtree(gone)
    done = purge("departed")
    assert done.exit_code == 0, done.output
    Lake().close()
    texts = tweets["text"].to_pylist()
    for needle in (PERSON, SECRET, ASIDE, 'tweet-1"', *texts[:60:7]):
        assert places(home, needle) == []
    assert places(home, texts[60])
    assert last_shown("other") == "other"
    with dg.DagsterInstance.get() as instance:
        assert [run.run_id for run in instance.get_runs()] == [kept.run_id]
        assert instance.get_dynamic_partitions("text") == ["other"]
    assert "Unknown dataset" in said(purge("departed"))


def hold(dataset: str, folder: Path) -> None:
    """Put the rows of a dataset into the lake as a refresh would, without one."""
    config = load_config(folder)
    ready = prepare(read_raw(folder, config), config)
    rows.replace_instances(Lake(), dataset, ready.instances, ready.rejected)
    record = records.Record(dataset, "text/instances", "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r")
    records.append(Lake(), record, "{}")


def test_ids_that_nobody_knows_are_refused(
    ids: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    folder = make_dataset("toy", tweets.slice(0, 60))
    hold("toy", folder)
    ids.write_text("\n".join(f"tweet-{n}x" for n in range(1, 9)))
    refused = purge("toy", "--ids", str(ids))
    assert refused.exit_code == 2
    assert "nothing of 8 of the 8 ids" in said(refused)
    assert "and 3 more" in said(refused)
    assert "Nearest: 'tweet-1'" in said(refused)
    assert purge("toy", "--ids", str(ids), "--missing-ok").exit_code == 0
    assert rows.read_instances(Lake(), "toy").num_rows == 60
    assert purge("nobody", "--ids", str(ids)).exit_code == 2


def test_rows_of_a_dataset_whose_folder_is_gone_go_at_once(
    ids: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    folder = make_dataset("toy", tweets.slice(0, 60))
    hold("toy", folder)
    shutil.rmtree(folder)
    ids.write_text("tweet-1\n")
    asked = CliRunner().invoke(app, ["purge", "toy", "--ids", str(ids)], input="n\n")
    assert asked.exit_code == 1
    assert rows.read_instances(Lake(), "toy").num_rows == 60
    assert purge("toy", "--ids", str(ids)).exit_code == 0
    assert rows.read_instances(Lake(), "toy").num_rows == 59


def test_a_purge_ends_the_runs_of_a_folder_that_is_gone(
    make_dataset: Callable[..., Path], tweets: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_dataset("toy", tweets.slice(0, 60))
    hold("toy", folder)
    shutil.rmtree(folder)
    monkeypatch.setattr(sys.modules["sluice.cli.purge"], "WAIT_SECONDS", 0.1)
    with dg.DagsterInstance.get() as instance:
        # On another machine, which does not answer.
        far = {PARTITION_TAG: "toy", PROCESS_TAG: "elsewhere:1:2"}
        run = instance.create_run_for_job(nothing, tags=far, status=dg.DagsterRunStatus.STARTED)
        refused = purge("toy")
        assert refused.exit_code == 2
        assert run.run_id in said(refused)
        assert "sluice cancel toy" in said(refused)
        assert rows.read_instances(Lake(), "toy").num_rows == 60
        instance.report_run_canceled(run)
        tags = {PARTITION_TAG: "toy"}
        queued = dg.DagsterRunStatus.QUEUED
        instance.add_run(
            dg.DagsterRun("nothing", tags=tags, status=queued, remote_job_origin=ORIGIN)
        )
    assert purge("toy").exit_code == 0
    with dg.DagsterInstance.get() as instance:
        assert instance.get_runs() == []


def test_rows_are_not_purged_while_a_run_is_under_way(
    ids: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    folder = make_dataset("toy", tweets.slice(1, 60))
    hold("toy", folder)
    ids.write_text("tweet-1\n")
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(nothing, tags={PARTITION_TAG: "toy"})
        refused = purge("toy", "--ids", str(ids), "--missing-ok")
        assert refused.exit_code == 2
        assert run.run_id in said(refused)
        assert "sluice cancel toy" in said(refused)


@dg.job
def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe", "not UTF-8 \\(byte 0\\)"), (b" \n\n", "holds no id"), (None, "cannot be read")],
)
def test_a_bad_file_of_ids_is_a_clear_error(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "ids"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_ids(path)


def test_ids_are_read_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    path.write_bytes("\ufeffa\r\n\n b \nü\na\n".encode())
    assert read_ids(path) == ["a", " b ", "ü"]


def test_what_is_no_file_of_ids_is_not_read_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match="no regular file"):
            read_ids(path)
