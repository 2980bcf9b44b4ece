"""`sluice choose`, `sluice search` and `sluice methods` of both."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import sluice
from sluice.cli import app
from sluice.searches import Problem, Range
from sluice.searches.registry import ProblemReader

ITEMS: list[dict[str, Any]] = [
    {"item": 1, "text": "2+2", "gold": "4"},
    {"item": 2, "text": "3+3", "gold": None},
    {"item": 3, "text": "=0", "gold": None},
]
SAID = [(1, "a", "4"), (1, "b", "5"), (2, "a", "6"), (2, "b", "7"), (2, "c", None)]
CANDIDATES = [
    {"item": item, "source": source, "content": f"so {answer}", "answer": answer, "cost": 0.5}
    for item, source, answer in SAID
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    return path


def invoke(*arguments: object):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("first", "second"), [("jsonl", "jsonl"), ("csv", "csv"), ("jsonl", "csv")]
)
def test_choices_of_files_are_those_of_the_library(tmp_path: Path, first: str, second: str) -> None:
    items = write(tmp_path / f"items.{first}", ITEMS)
    candidates = write(tmp_path / f"candidates.{second}", CANDIDATES)
    named = ["--method", "weighted_vote", "--out", tmp_path / "chosen.parquet", "--json"]
    result = invoke("choose", items, candidates, *named)
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert rows == pq.read_table(tmp_path / "chosen.parquet").to_pylist()
    chosen = sluice.choose(ITEMS, CANDIDATES, method="weighted_vote")
    assert [str(row["item"]) for row in rows] == [str(name) for name in chosen.items]
    assert [row["answer"] for row in rows] == chosen.answers == ["6", None]
    assert [tuple(row["sources"]) for row in rows] == chosen.sources
    assert [row["reason"] for row in rows] == chosen.reasons
    if first == "jsonl" == second:
        assert [row["item"] for row in rows] == [2, 3]


def test_what_is_shown_and_written(tmp_path: Path) -> None:
    items = write(tmp_path / "items.jsonl", ITEMS)
    candidates = write(tmp_path / "candidates.csv", CANDIDATES)
    result = invoke("choose", items, candidates, "--method", "majority", "--calls", 1, "--seed", 3)
    assert result.exit_code == 0, result.stderr
    assert "3, 1 of them with gold" in result.stdout
    assert "0.50 an item" in result.stdout
    out = tmp_path / "chosen.csv"
    assert invoke("choose", items, candidates, "--method", "random", "--out", out).exit_code == 0
    assert next(csv.reader(out.open()))[:3] == ["item", "answer", "candidate"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--method", "majorty"], "Did you mean majority"),
        (["--method", "best_single", "--calls", "2"], "Unknown option of best_single 'calls'"),
        (["--method", "majority", "--task", "txt"], "Unknown task 'txt'"),
        (["--method", "oracle"], "bound for evaluations"),
        (["--method", "majority", "--out", "chosen.xlsx"], "must end in one of"),
        (["--method", "weighted_vote", "--option", "weights=odds"], "accuracy, log_odds"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    items = write(tmp_path / "items.jsonl", ITEMS)
    candidates = write(tmp_path / "candidates.jsonl", CANDIDATES)
    result = invoke("choose", items, candidates, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_csv_file_with_a_cost_that_is_no_number(tmp_path: Path) -> None:
    items = write(tmp_path / "items.csv", ITEMS)
    candidates = write(tmp_path / "candidates.csv", [{**CANDIDATES[0], "cost": "much"}])
    result = invoke("choose", items, candidates, "--method", "majority")
    assert result.exit_code == 2
    assert "the column 'cost' is no number" in result.stderr


def test_a_search_of_a_file_with_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.mps"
    file.write_text("x")
    result = invoke("search", file)
    assert result.exit_code == 2
    assert "Registered readers of problems: none" in " ".join(result.stderr.split())
    problem = Problem({"x": Range(0, 9, integer=True)}, lambda s: (s["x"] - 3) ** 2 or None)
    reader = ProblemReader("mps", [".mps"], lambda path: problem)
    monkeypatch.setattr("sluice.searches.registry.each", lambda group: [("mps", reader)])
    trace = tmp_path / "trace.jsonl"
    result = invoke("search", file, "--evaluations", 40, "--resume", trace)
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stdout.split())
    assert "finished" in shown
    assert len(trace.read_text().splitlines()) == 40
    again = invoke("search", file, "--evaluations", 40, "--resume", trace, "--json")
    found = json.loads(again.stdout)
    assert (found["objective"], found["solution"]) in ((1.0, {"x": 2}), (1.0, {"x": 4}))
    assert len(found["trials"]) == 40


def test_methods_of_every_kind_are_listed() -> None:
    listed = json.loads(invoke("methods", "--json").stdout)
    kinds = {(each["kind"], each["name"]) for each in listed}
    assert {("selector", "k_center"), ("chooser", "majority"), ("search", "random")} <= kinds
    answers = json.loads(invoke("methods", "--task", "answers", "--json").stdout)
    assert {each["kind"] for each in answers} == {"chooser"}
    vote = next(each for each in answers if each["name"] == "weighted_vote")
    assert (vote["needs"], vote["options"]) == (["gold"], {"weights": "accuracy", "calls": None})
    shown = invoke("methods").stdout
    assert "Methods that choose answers" in shown
    assert "weighted_vote" in shown
