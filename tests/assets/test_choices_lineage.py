"""Choices in a lineage: incremental, equal to a rebuild, checked, and read back at any time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from toy_answers import ASKED, CHOOSERS, LINEAGE, SOURCES, questions
from typer.testing import CliRunner

import sluice
from assets.display.report_data import evidence_of
from assets.lineage.stage import REBUILD_TAG, bookkeeping_of
from definitions import defs
from resources.lake import Lake
from resources.store import choices, purging_rows, records
from resources.store.maintenance import maintain
from sluice.cli import app

Make = Callable[..., Path]
NAME = "toy"


def refresh(rebuild: bool = False) -> dict[str, dict[str, Any]]:
    """Carry the dataset through the lineage; return what each stage says, with new rows."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(LINEAGE.task.name, [NAME])
        ran = dg.materialize(
            LINEAGE.assets,
            instance=instance,
            partition_key=NAME,
            resources=defs.resources,
            tags={REBUILD_TAG: "true"} if rebuild else None,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert ran.success
        checks = ran.get_asset_check_evaluations()
        assert {check.check_name for check in checks if not check.passed} <= {"nobody_below_random"}
        return {
            "/".join(event.asset_key.path[1:]): {
                name: value.value
                for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            | bookkeeping_of(event.step_materialization_data.materialization.metadata)
            for event in ran.get_asset_materialization_events()
        }


def record(name: str) -> records.Record:
    return records.latest(Lake(), NAME)[f"toy_answers/{name}"]


def chosen(method: str) -> list[dict[str, Any]]:
    return choices.rows(Lake(), record(f"choices/{method}").details["shown"]).to_pylist()


def test_every_chooser_beside_its_controls_and_bounds(make_dataset: Make) -> None:
    make_dataset(NAME, questions(range(400)), seeds=[0, 1, 2, 3, 4])
    said = refresh()
    assert said["candidates"]["rows_new"] == 4 * said["instances"]["rows_total"]
    details = record("choices/comparison").details
    lines = {line[0]: line for line in details["rows"]}
    assert list(lines) == [*(method.name for method in CHOOSERS), "oracle", "adversary"]
    level = {name: float(line[2].split()[0]) for name, line in lines.items()}
    assert level["adversary"] < level["random"] < level["weighted_vote"] < level["oracle"]
    assert (details["above_oracle"], details["below_random"]) == ([], [])
    assert details["chosen"] in level
    assert details["sentences"][0].endswith("is best on validation.")
    assert lines["weighted_vote"][5].endswith("*"), "it beats random"
    assert lines["best_single"][3] == "1.00"
    # What the lineage chooses is what the library chooses.
    present = (
        Lake()
        .read(
            "SELECT i.instance_id, i.split, c.text, c.label FROM instances i JOIN contents c "
            "USING (dataset, content_hash) ORDER BY instance_id"
        )
        .to_pylist()
    )
    items = [
        {
            "item": r["instance_id"],
            "text": r["text"],
            "gold": r["label"] if r["split"] == "train" else None,
        }
        for r in present
    ]
    offered = Lake().read("SELECT item, source, content, draw, cost FROM candidates")
    for method in ("majority", "weighted_vote", "best_single", "random"):
        ours = sluice.choose(items, offered, method=method, seed=0)
        rows = chosen(method)
        assert [row["item"] for row in rows] == ours.items
        assert [row["answer"] for row in rows] == ours.answers
        assert [row["reason"] for row in rows] == ours.reasons
        assert said[f"choices/{method}"]["decided"] == len(rows)
    [shown] = evidence_of(LINEAGE.task, records.latest(Lake(), NAME))
    assert [row[0] for row in shown.rows] == list(lines)
    assert len(shown.columns) == len(shown.rows[0])
    right = {r["instance_id"]: r["label"] for r in present}
    stored = (
        Lake()
        .read(
            "SELECT * FROM outcomes WHERE evaluation_id = ?",
            [record("choices/majority").details["shown"]],
        )
        .to_pylist()
    )
    by_item = {row["item"]: row["answer"] for row in chosen("majority")}
    assert {row["instance_id"]: row["value"] for row in stored} == {
        item: [float(answer == right[item])] for item, answer in by_item.items()
    }


def test_a_change_costs_its_own_answers_and_equals_a_rebuild(make_dataset: Make) -> None:
    make_dataset(NAME, questions(range(120)))
    refresh()
    first = record("choices/weighted_vote").details["shown"]
    earlier = choices.rows(Lake(), first).to_pylist()
    said = refresh()
    assert all(each["unchanged"] for each in said.values())
    before = len(ASKED)
    table = questions(range(10, 125))
    labels = table["label"].to_pylist()
    labels[3] = "3" if labels[3] != "3" else "2"  # a gold that somebody corrected
    make_dataset(NAME, table.set_column(2, "label", pa.array(labels)))
    said = refresh()
    assert said["candidates"]["rows_new"] == len(ASKED) - before
    assert said["candidates"]["rows_new"] == 4 * 5, "a corrected gold costs no answer"
    otherwise = said["choices/weighted_vote"]["otherwise"]
    assert otherwise["left"] + otherwise["entered"] > 0
    incremental = {name: record(name).data_version for name in said}
    rows = {method.name: chosen(method.name) for method in CHOOSERS}
    refresh(rebuild=True)
    assert {name: record(name).data_version for name in said} == incremental
    assert {method.name: chosen(method.name) for method in CHOOSERS} == rows
    # What was chosen before is read back as it was.
    assert choices.rows(Lake(), first).to_pylist() == earlier


def test_another_source_costs_one_pass(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(NAME, questions(range(60)))
    fewer = dict(list(SOURCES.items())[:3])
    monkeypatch.setattr("toy_answers.SOURCES", fewer)
    refresh()
    before = len(ASKED)
    monkeypatch.setattr("toy_answers.SOURCES", SOURCES)
    said = refresh()
    assert {name for name, _ in ASKED[before:]} == {"neither"}
    assert said["candidates"]["rows_new"] == said["instances"]["rows_total"]


def test_purged_rows_come_back_with_all_that_was_chosen(make_dataset: Make) -> None:
    make_dataset(NAME, questions(range(80)))
    refresh()
    rows, entry = chosen("majority"), record("choices/majority").details["choices"][0]
    gone = rows[0]["item"]
    maintain(Lake())
    assert chosen("majority") == rows
    purging_rows.purge_rows(Lake(), NAME, [gone])
    assert gone not in {row["item"] for row in chosen("majority")}
    said = refresh()
    assert said["candidates"]["rows_new"] == 4
    assert chosen("majority") == rows
    assert record("choices/majority").details["choices"][0] == entry


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


def test_choices_are_exported_and_compared_over_time(make_dataset: Make, tmp_path: Path) -> None:
    make_dataset(NAME, questions(range(80)))
    refresh()
    first, then = chosen("majority"), record("choices/majority").details["shown"]
    snapshot = Lake().snapshot()
    named = (NAME, "--method", "majority")
    assert "is its only choice" in invoke("diff", *named).stdout
    make_dataset(NAME, questions(range(20, 90)))
    refresh()
    second, now = chosen("majority"), record("choices/majority").details["shown"]
    out = tmp_path / "chosen.jsonl"
    for more, rows in (
        (["--method", "majority"], second),
        (["--method", "majority", "--at", snapshot], first),
        (["--at", then], first),
        (["--at", now[:6]], second),
    ):
        result = invoke("export", NAME, out, *more)
        assert result.exit_code == 0, result.stderr
        assert [json.loads(line) for line in out.read_text().splitlines()] == rows
    before, after = ({row["item"] for row in rows} for rows in (first, second))
    result = invoke("diff", *named, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert f"{len(after - before)} entered, {len(before - after)} left" in result.stdout
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["item"] for row in written if row["change"] == "left"} == before - after
    assert invoke("diff", NAME, "--from", now, "--to", then).exit_code == 0
    history = invoke("diff", *named, "--history").stdout
    assert history.index(then) < history.index(now)
    for arguments, said in (
        (("diff", *named, "--budget", "5"), "has no budget"),
        (("diff", *named, "--seed", "77"), "it has seeds [0, 1]"),
        (("export", NAME, out, "--method", "majority", "--at", "1"), "had not decided"),
        (("export", NAME, out, "--method", "majorty"), "--budget"),
    ):
        result = invoke(*arguments)
        assert result.exit_code == 2, said
        assert said in " ".join(result.stderr.split())
