from __future__ import annotations

import json

from typer.testing import CliRunner

from sluice.cli import app
from sluice.subsets.queries.registry import STRATEGIES
from sluice.subsets.registry import SELECTORS


def test_every_method_is_in_the_table():
    result = CliRunner().invoke(app, ["methods"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for method in SELECTORS.values():
        assert f" {method.name} " in result.stdout


def test_json_holds_everything():
    result = CliRunner().invoke(app, ["methods", "--task", "text", "--json"])
    described = {method["name"]: method for method in json.loads(result.stdout)}
    assert described.keys() == {m.name for m in SELECTORS.values() if "text" in m.tasks}
    assert described["k_center"]["paper"] == SELECTORS["k_center"].paper


def test_strategies_are_a_tree():
    result = CliRunner().invoke(app, ["methods", "--queries"], env={"COLUMNS": "200"})
    lines = result.stdout.splitlines()
    places = [
        next(i for i, line in enumerate(lines) if f"─ {name}" in line)
        for name in ("model-based", "expected parameter change", "badge", "model uncertainty")
    ]
    assert places == sorted(places)
    for name in STRATEGIES:
        assert any(f"─ {name}  " in line for line in lines)
    as_json = CliRunner().invoke(app, ["methods", "--queries", "--json"])
    described = {each["name"]: each for each in json.loads(as_json.stdout)}
    assert described.keys() == STRATEGIES.keys()
    assert described["bald"]["family"] == ["model-based", "model uncertainty"]


def test_an_unknown_task():
    result = CliRunner().invoke(app, ["methods", "--task", "texts"])
    assert result.exit_code == 2
    assert "Unknown task 'texts'. Did you mean text" in result.stderr


def test_help_names_the_commands():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for name in ("add", "select", "methods"):
        assert name in result.stdout
