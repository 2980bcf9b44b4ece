"""Every command in every state of a workspace: done, or one message, and never a traceback."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from lineage import run_lineage
from typer.testing import CliRunner

from assets.text.lineage import TEXT
from resources.lake import Lake
from sluice.cli import app

Make = Callable[..., Path]
SMALL = {"selectors": ["random_stratified"], "training": {"enabled": False}, "plots": False}

# Arguments of each command; D is the dataset. Those that would work for minutes are left out below.
COMMANDS = {
    "run": "run D",
    "run --evaluate": "run D --evaluate",
    "report": "report D",
    "report --out": "report D --out no/such/folder/page.html",
    "diff": "diff D --method random_stratified --budget 0.2",
    "diff --history": "diff D --method random_stratified --budget 0.2 --history",
    "diff --from": "diff D --from abcdef12",
    "export": "export D out.csv --method random_stratified --budget 0.2",
    "export --at": "export D out.jsonl --at 3 --method random_stratified --budget 0.2",
    "label-queue": "label-queue D queue.csv",
    "labels": "labels D filled.csv",
    "cancel": "cancel D",
    "purge": "purge D --yes",
    "purge --ids": "purge D --ids ids.txt --yes",
    "maintain": "maintain",
    "methods": "methods",
    "choose": "choose items.jsonl candidates.jsonl --method majority",
    "search": "search model.mps",
    "add": "add rows.csv --text-column text --label-column label --name added",
    "select": "select rows.csv --text-column text --label-column label --budget 2 "
    "--method random_stratified",
}
# What needs no workspace, or none of the dataset's state.
FREE = ("methods", "select", "choose", "add", "maintain")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SLUICE_WORKSPACE", str(root))
    (folder / "ids.txt").write_text("tweet-1\n")
    (folder / "filled.csv").write_text("id,label\ntweet-1,positive\n")
    rows = pa.table(
        {"text": [f"A text of number {i}." for i in range(12)], "label": ["a", "b"] * 6}
    )
    pacsv.write_csv(rows, folder / "rows.csv")
    (folder / "items.jsonl").write_text('{"item": 1, "text": "2+2", "gold": null}\n')
    (folder / "candidates.jsonl").write_text('{"item": 1, "source": "s", "content": "4"}\n')
    (folder / "model.mps").write_text("NAME\nENDATA\n")
    return folder


def ends_in_words(command: str, dataset: str = "toy") -> tuple[int, str]:
    arguments = [dataset if word == "D" else word for word in COMMANDS[command].split()]
    result = CliRunner().invoke(app, arguments)
    said = " ".join((result.stdout + " " + result.stderr).split())
    assert result.exception is None or isinstance(result.exception, SystemExit), command
    assert "Traceback" not in said
    assert "did not foresee" not in said, said
    assert result.exit_code in (0, 2), (command, said)
    if result.exit_code == 2:
        assert "Error: " in said, said
        assert len(said) > 30
    return result.exit_code, said


def sweep(dataset: str = "toy", skip: tuple[str, ...] = (), fine: tuple[str, ...] = FREE) -> None:
    """Run every command; those in `fine` succeed, the others are refused in words."""
    for command in COMMANDS:
        if command not in skip:
            code, said = ends_in_words(command, dataset)
            assert code == (0 if command in fine else 2), (command, said)
    shutil.rmtree(Path(os.environ.get("SLUICE_DATASETS", "none"), "added"), ignore_errors=True)


def test_without_a_workspace(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLUICE_WORKSPACE")
    monkeypatch.delenv("SLUICE_DATASETS", raising=False)
    sweep(fine=("methods", "select", "choose"))


def test_with_an_empty_home_and_no_dataset(here: Path, home: Path) -> None:
    sweep()


def test_without_a_folder_of_datasets(here: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "datasets").rmdir()
    sweep()


@pytest.fixture
def toy(here: Path, make_dataset: Make, tweets: pa.Table) -> Path:
    return make_dataset("toy", tweets.slice(0, 60), **SMALL)


def test_added_and_never_run(toy: Path) -> None:
    sweep(skip=("run",), fine=(*FREE, "cancel"))
    assert "no text/instances" in ends_in_words("report")[1]


def test_a_name_that_is_nearly_right(toy: Path) -> None:
    for command in ("run", "report", "cancel", "label-queue"):
        assert "Did you mean toy?" in ends_in_words(command, "toyy")[1]
    sweep("nowhere\udcff")


def test_with_a_broken_dataset_yaml(toy: Path) -> None:
    (toy / "dataset.yaml").write_text("task: [")
    sweep(fine=(*FREE, "cancel"))
    (toy / "dataset.yaml").unlink()
    sweep(fine=(*FREE, "cancel"))


def test_half_run_and_then_with_its_folder_or_its_lake_gone(
    toy: Path, home: Path, tweets: pa.Table, make_dataset: Make
) -> None:
    started = [TEXT.key("instances")]
    assert run_lineage("toy", stored=True, keys=started).success
    sweep(skip=("run",), fine=(*FREE, "cancel"))
    subset = [TEXT.key("embeddings"), TEXT.key("map"), TEXT.key("subsets", "random_stratified")]
    assert run_lineage("toy", stored=True, keys=subset).success
    done = ("diff --history", "diff", "export", "report", "report --out")
    sweep(skip=("run", "purge --ids", "export --at"), fine=(*FREE, "cancel", *done))
    # The rows have changed, and nothing that was made of them yet.
    make_dataset("toy", tweets.slice(5, 70), **SMALL)
    assert run_lineage("toy", stored=True, keys=started).success
    assert "stopped half way" in ends_in_words("report")[1]

    folder = shutil.move(toy, toy.parent.parent / "away")
    assert "Run `sluice run" not in ends_in_words("report")[1]
    gone = ("diff", "diff --history", "export", "cancel")
    sweep(skip=("purge", "purge --ids", "export --at"), fine=(*FREE, *gone))
    assert ends_in_words("purge")[0] == 0
    shutil.move(folder, toy)

    Lake().close()
    shutil.rmtree(home / "sluice")
    sweep(skip=("run",), fine=(*FREE, "cancel"))


def test_with_homes_that_cannot_be_written(
    toy: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("SLUICE_HOME", str(home / "file" / "sluice"))
    sweep(skip=("run",), fine=("methods", "select", "choose", "add", "cancel"))
    monkeypatch.setenv("DAGSTER_HOME", str(home / "file" / "dagster"))
    sweep(fine=("methods", "select", "choose", "add"))


def test_of_wrong_use_the_command_line_tells(here: Path) -> None:
    for wrong in ("maintain --keep-days x", "cancel", "export a", "nonsense", "run a b", "run --x"):
        result = CliRunner().invoke(app, wrong.split())
        assert result.exit_code == 2
        assert "Traceback" not in result.output
        assert "Usage" in result.output or "Error" in result.output


def test_with_a_home_of_dagster_that_is_relative_or_empty(
    toy: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "of-dagster")
    assert ends_in_words("cancel")[0] == 0
    assert (here / "of-dagster" / "dagster.yaml").is_file()


def test_with_a_damaged_record_of_runs(toy: Path, home: Path) -> None:
    assert ends_in_words("cancel")[0] == 0
    (home / "dagster" / "history" / "runs.db").write_bytes(b"\x93" * 5000)
    for command in ("run", "cancel", "maintain"):
        code, said = ends_in_words(command)
        assert code == 2
        assert f"record of runs in {home / 'dagster'} cannot be opened" in said


def test_where_nothing_is_known_no_list_is_given(here: Path, home: Path) -> None:
    assert "There is none yet." in ends_in_words("purge")[1]
