from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sluice.cli import app
from sluice.data.config import load_config

ROOT = Path(__file__).parents[3]
COLUMNS = ["--text-column", "t", "--label-column", "y"]


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.delenv("SLUICE_WORKSPACE", raising=False)
    monkeypatch.delenv("SLUICE_DATASETS", raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rows.csv"
    rows = [f"text {i},{'ab'[i % 2]},train" for i in range(40)]
    path.write_text("\n".join(["t,y,s", *rows, ",a,train"]), encoding="utf-8")
    return path


def test_into_the_workspace(source, tmp_path):
    (tmp_path / "workspace.yaml").touch()
    result = CliRunner().invoke(app, ["add", "rows.csv", "--task", "text", *COLUMNS])
    assert result.exit_code == 0, result.stderr
    assert load_config(tmp_path / "datasets" / "rows").columns.label == "y"
    assert "empty_text 1" in result.stdout
    assert "a 20, b 20" in result.stdout


def test_into_a_folder_and_by_the_variable(source, tmp_path, monkeypatch):
    monkeypatch.setenv("SLUICE_DATASETS", str(tmp_path / "one"))
    runner = CliRunner()
    options = ["add", "rows.csv", *COLUMNS, "--split-column", "s", "--name", "mine"]
    result = runner.invoke(app, options)
    assert result.exit_code == 2
    assert "No row is for validation and none for test (train 40)" in result.stderr
    options += ["--force"]
    result = runner.invoke(app, options)
    assert result.exit_code == 0, result.stderr
    assert load_config(tmp_path / "one" / "mine").columns.split == "s"
    assert "Warning: no_validation_rows: no row is in validation" in result.stderr
    assert runner.invoke(app, [*options, "--datasets", str(tmp_path / "two")]).exit_code == 0
    assert (tmp_path / "two" / "mine" / "rows.csv").is_file()
    again = runner.invoke(app, options)
    assert again.exit_code == 2
    assert again.stderr.startswith("Error: The dataset 'mine' exists already (")


def test_without_a_workspace(source):
    result = CliRunner().invoke(app, ["add", "rows.csv", *COLUMNS])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: No workspace.yaml in ")


def test_as_a_process(source, tmp_path):
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); import sluice.__main__ as m; m.main()"
    command = [sys.executable, "-c", code, str(ROOT), "add", "rows.csv", "--datasets", "d"]
    done = subprocess.run(
        [*command, "--text-column", "t", "--label-column", "z"],
        capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "Error: rows.csv has no column 'z'. Its columns: t, y, s.\n"
    assert done.stdout == ""
    assert not (tmp_path / "d").exists()
    done = subprocess.run([*command, *COLUMNS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "d" / "rows" / "dataset.yaml").is_file()
