from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import sluice
from sluice.cli import app
from sluice.core.errors import ConfigError
from sluice.data.config import load_config
from sluice.data.ingest.raw import read_file, read_raw
from sluice.data.ingest.validation import screen

DATASETS = Path(__file__).parents[3] / "datasets"
TWEETS = DATASETS / "vader_tweets" / "vader_tweets.parquet"
REVIEWS = DATASETS / "vader_reviews" / "vader_reviews.parquet"
NAMED = ["--text-column", "text", "--label-column", "label", "--id-column", "id"]


def invoke(file: Path, *more: str, method: str = "random_stratified", budget: str = "5%"):
    options = ["select", str(file), *NAMED, "--method", method, "--budget", budget, *more]
    return CliRunner().invoke(app, options, env={"COLUMNS": "200"})


def test_kept_rows_of_a_real_file(tmp_path):
    out = tmp_path / "kept.parquet"
    result = invoke(TWEETS, "--seed", "3", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    assert "60 of 4,200 rows left out: duplicate_text 60" in result.stderr
    assert "207 (5.0% of the usable rows)" in result.stdout
    kept, source = pq.read_table(out), pq.read_table(TWEETS)
    assert kept.column_names == [*source.column_names, "rank", "gain", "reason"]
    assert kept.column("rank").to_pylist() == list(range(1, 208))
    original = {row["id"]: row for row in source.to_pylist()}
    for row in kept.select(source.column_names).to_pylist():
        assert row == original[row["id"]]
    folder = TWEETS.parent
    config = load_config(folder)
    rows = screen(read_raw(folder, config), config).kept
    expected = sluice.select(
        [r.text for r in rows], [r.label for r in rows], method="random_stratified",
        budget="5%", seed=3, ids=[r.instance_id for r in rows],
    )  # fmt: skip
    assert kept.column("id").to_pylist() == expected.ids.tolist()
    assert kept.column("gain").to_pylist() == expected.gains.tolist()
    assert kept.column("reason").to_pylist() == expected.reasons
    counts = Counter(kept.column("label").to_pylist())
    assert f"positive {counts['positive']}, negative {counts['negative']}" in result.stdout


def test_every_suffix_holds_the_same_rows(tmp_path):
    for suffix in ("parquet", "jsonl", "csv"):
        result = invoke(REVIEWS, "--out", str(tmp_path / f"kept.{suffix}"), budget="50")
        assert result.exit_code == 0, result.stderr
    rows = pq.read_table(tmp_path / "kept.parquet").to_pylist()
    lines = (tmp_path / "kept.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows
    table = pacsv.read_csv(tmp_path / "kept.csv").to_pylist()
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert [json.loads(row["ratings"]) for row in table] == [row["ratings"] for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "kept.csv", "kept.jsonl", "kept.parquet",
    ]  # fmt: skip


def small(folder: Path, content: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(content, encoding="utf-8")
    return path


def test_embedding_methods_and_rows_without_ids(tmp_path):
    texts = pq.read_table(TWEETS).slice(0, 40).select(["text", "label"])
    source, out = tmp_path / "rows.jsonl", tmp_path / "kept.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in texts.to_pylist()), encoding="utf-8")
    options = ["select", str(source), "--text-column", "text", "--label-column", "label"]
    result = CliRunner().invoke(
        app, [*options, "--method", "k_center", "--budget", "5", "--out", str(out)]
    )
    assert result.exit_code == 0, result.stderr
    kept = read_file(out)
    rows = texts.to_pylist()
    assert all({"text": r["text"], "label": r["label"]} in rows for r in kept.to_pylist())
    expected = sluice.select([r["text"] for r in rows], method="k_center", budget=5)
    assert kept.column("gain").to_pylist() == pytest.approx(expected.gains.tolist(), abs=1e-5)


def test_columns_that_are_already_there_keep_their_values(tmp_path):
    rows = [f"i{i},text {i},{'ab'[i % 2]},{i * 7},kept before" for i in range(10)]
    source = small(tmp_path, "\n".join(["id,text,label,rank,reason", *rows]))
    result = invoke(source, "--out", str(tmp_path / "kept.csv"), budget="4")
    assert result.exit_code == 0, result.stderr
    kept = read_file(tmp_path / "kept.csv")
    assert kept.column_names[3:] == ["rank", "reason", "sluice_rank", "gain", "sluice_reason"]
    assert set(kept.column("reason").to_pylist()) == {"kept before"}
    assert kept.column("sluice_rank").to_pylist() == ["1", "2", "3", "4"]


def test_an_earlier_result_is_replaced_whole_or_not_at_all(tmp_path):
    out = tmp_path / "kept.csv"
    out.write_text("earlier")
    assert invoke(TWEETS, "--out", str(out), budget="100000").exit_code == 2
    assert out.read_text() == "earlier"
    assert invoke(TWEETS, "--out", str(out), budget="3").exit_code == 0
    assert read_file(out).num_rows == 3
    assert list(tmp_path.iterdir()) == [out]


def test_without_out_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(TWEETS)
    assert result.exit_code == 0
    assert "nothing; give --out to write the rows" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"method": "k_centre"}, "Unknown method 'k_centre'. Did you mean k_center?"),
        ({"budget": "0"}, "Budget '0' is not positive."),
        ({"budget": "many"}, "Budget 'many' is not a number."),
        ({"more": ["--out", "kept.xlsx"]}, "kept.xlsx cannot be written: its name must end in"),
        ({"more": ["--out", "no/kept.csv"]}, "no is not a folder. Make it first"),
        ({"more": ["--out", str(TWEETS)]}, "is the file that is read. Write to another one."),
        ({"more": ["--task", "images"]}, "Unknown task 'images'."),
        ({"more": ["--option", "a=1"]}, "random_stratified takes no options; leave out --option a"),
        ({"method": "k_center", "more": ["--option", "seed=1"]}, "Unknown option of k_center "
         "'seed'. Known: start."),
        ({"method": "k_center", "more": ["--encoder", "no/such"]}, "no/such"),
        ({"more": ["--label-column", "labl"]}, "has no column 'labl'. Did you mean 'label'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_message(options, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = options.pop("more", [])
    result = invoke(TWEETS, *more, **options)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert expected in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_usable_row(tmp_path):
    result = invoke(small(tmp_path, "id,text,label\n1,,a\n2,x,\n"))
    assert result.exit_code == 2
    assert "None of the 2 rows of" in result.stderr
    assert "Check --text-column and --label-column." in result.stderr


def test_a_folder_is_no_output(tmp_path):
    from sluice.cli.writers.rows_out import check_out

    (tmp_path / "a.csv").mkdir()
    with pytest.raises(ConfigError, match=r"is a folder. Give the name of a file"):
        check_out(tmp_path / "a.csv")
