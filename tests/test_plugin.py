"""A package adds to Sluice without a line changed here: `tests/plugin` is one, and is installed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Run:
    """Install the package beside the others; return what runs Python where it is installed."""
    place = tmp_path_factory.mktemp("installed")
    copy = tmp_path_factory.mktemp("source") / "plugin"
    files = [path for path in PLUGIN.rglob("*") if path.suffix in (".py", ".toml")]
    for path in files:
        to = copy / path.relative_to(PLUGIN)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(path.read_text("utf-8"), "utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(place), str(copy)], check=True)
    home = tmp_path_factory.mktemp("home")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(place), str(root)]),
        "SLUICE_HOME": str(home),
        "SLUICE_DATASETS": str(home / "datasets"),
        "DAGSTER_HOME": str(home / ".dagster"),
        "COLUMNS": "200",
    }

    def runs(*command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=root,
            env={**environment, "HOME_OF_TEST": str(home)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    runs(str(PLUGIN / "checks.py"), str(home))
    return runs


def test_its_methods_are_listed_beside_ours(run: Run) -> None:
    listed = json.loads(run("-m", "sluice", "methods", "--json").stdout)
    names = {(each["kind"], each["name"]) for each in listed}
    assert {("selector", "longest_texts"), ("chooser", "shortest"), ("search", "two_arms")} <= names
    assert {("selector", "k_center"), ("chooser", "majority"), ("search", "random")} <= names
    of_task = json.loads(run("-m", "sluice", "methods", "--task", "notes", "--json").stdout)
    selectors = {each["name"] for each in of_task if each["kind"] == "selector"}
    assert selectors == {"longest_texts", "margin", "random_stratified"}


def test_its_selector_picks_rows_of_a_file_in_its_format(run: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "some.note", tmp_path / "kept.jsonl"
    blocks = [f'body: "{"x" * n}{n}"\nkind: "{n % 2}"' for n in range(1, 30)]
    source.write_text("\n\n".join(blocks), "utf-8")
    for task in ("text", "notes"):
        named = ("--text-column", "body", "--label-column", "kind", "--task", task)
        asked = ("--method", "longest_texts", "--budget", "3", "--out", str(out))
        run("-m", "sluice", "select", str(source), *named, *asked)
        kept = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        assert [row["body"] for row in kept] == [f"{'x' * n}{n}" for n in (29, 28, 27)]
        assert kept[0]["reason"] == "It has 31 characters."


def test_a_file_in_its_format_becomes_a_dataset(run: Run, tmp_path: Path) -> None:
    source, root = tmp_path / "my.note", tmp_path / "datasets"
    blocks = [f'body: "note {n} of {n % 2}"\nkind: "{"ab"[n % 2]}"' for n in range(60)]
    source.write_text("\n\n".join(blocks), "utf-8")
    named = ("--task", "notes", "--text-column", "body", "--label-column", "kind")
    shown = run("-m", "sluice", "add", str(source), *named, "--datasets", str(root)).stdout
    assert "a 30, b 30" in shown
    assert (root / "my" / "my.note").read_bytes() == source.read_bytes()


def test_its_lineage_makes_the_scores_that_methods_of_others_read(run: Run) -> None:
    code = """
import json
from assets.lineages import LINEAGES
from sluice.data.config import checked_config
config = checked_config({"task": "notes", "files": ["a.note"], "selectors": ["margin"]}, "")
print(json.dumps([key.to_user_string() for key in LINEAGES["notes"].wanted(config)]))
"""
    wanted = json.loads(run("-c", code).stdout)
    assert {"notes/scores/margin", "notes/scores/out_of_fold", "notes/subsets/margin"} < {*wanted}


@pytest.mark.slow
def test_a_dataset_of_its_task_goes_through_a_lineage(run: Run, tmp_path: Path) -> None:
    shown = run("-m", "sluice", "run", "mine", "--no-serve").stdout
    assert "longest_texts" in shown
    assert "random_stratified" in shown
    again = run("-m", "sluice", "run", "mine", "--no-serve")
    assert "0 rows computed" in again.stdout + again.stderr
    out = tmp_path / "kept.jsonl"
    run("-m", "sluice", "export", "mine", str(out), "--method", "longest_texts", "--budget", "20%")
    kept = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len(kept) > 10
    assert all("characters" in row["reason"] for row in kept)


def test_the_guide_shows_its_files(root: Path) -> None:
    guide = (root / "CONTRIBUTING.md").read_text("utf-8")
    shown = [part.split("```")[0].strip("\n") for part in guide.split("```python\n")[1:]]
    files = [path.read_text("utf-8") for path in (PLUGIN / "sluice_example").glob("*.py")]
    of_files = [part for part in shown if any(part in each for each in files)]
    assert len(of_files) == 8
    assert all(len(part.splitlines()) <= 30 for part in of_files)
