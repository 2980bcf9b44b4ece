from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import sluice
from sluice.cli import app
from sluice.data.config import load_config
from sluice.data.ingest.raw import read_file

ROOT = Path(__file__).parents[3]
FLIGHTS = ROOT / "datasets" / "nyc_flights" / "nyc_flights.csv"


@pytest.fixture(scope="module")
def flights() -> pa.Table:
    return pacsv.read_csv(FLIGHTS).slice(0, 200)


@pytest.fixture(scope="module")
def files(flights, tmp_path_factory) -> dict[str, Path]:
    """The same rows as CSV and, typed, as Parquet."""
    folder = tmp_path_factory.mktemp("flights")
    pacsv.write_csv(flights, folder / "flights.csv")
    pq.write_table(flights, folder / "flights.parquet")
    return {kind: folder / f"flights.{kind}" for kind in ("csv", "parquet")}


def invoke(*options: object):
    return CliRunner().invoke(app, list(map(str, options)), env={"COLUMNS": "200"})


def select(file: Path, *more: object, method: str = "k_medoids", budget: str | None = "0.1"):
    options = ["--task", "tabular", "--method", method, "--label-column", "arrival"]
    return invoke("select", file, *options, *(["--budget", budget] if budget else []), *more)


def test_kept_rows_hold_the_original_columns_and_do_not_depend_on_the_format(
    files, flights, tmp_path
):
    kept = {}
    for kind, file in files.items():
        out = tmp_path / f"{kind}.parquet"
        result = select(file, "--out", out)
        assert result.exit_code == 0, result.stderr
        assert "20 (10.0% of the usable rows)" in result.stdout
        kept[kind] = pq.read_table(out)
        assert kept[kind].column_names == [*flights.column_names, "rank", "gain", "reason"]
    rows = flights.to_pylist()
    typed = kept["parquet"].select(flights.column_names)
    assert all(row in rows for row in typed.to_pylist())
    for name in ("rank", "gain", "reason", "carrier", "dest", "arrival"):
        assert kept["csv"].column(name).equals(kept["parquet"].column(name))
    features = flights.drop_columns(["arrival"])
    expected = sluice.select(
        features, flights.column("arrival").to_pylist(), task="tabular", method="k_medoids",
        budget=0.1,
    )  # fmt: skip
    assert typed.to_pylist() == [rows[place] for place in expected.ids]
    assert kept["parquet"].column("gain").to_pylist() == expected.gains.tolist()


def test_gais_with_options(files, tmp_path):
    more = ["--option", "networks=2", "--option", "epochs=5", "--out", tmp_path / "kept.csv"]
    result = select(files["csv"], *more, method="gais", budget="0.04")
    assert result.exit_code == 0, result.stderr
    assert read_file(tmp_path / "kept.csv").num_rows == 8


def test_a_method_with_a_size_of_its_own(files):
    result = select(files["csv"], method="enn", budget=None)
    assert result.exit_code == 0, result.stderr
    assert "kept" in result.stdout


def test_some_columns_and_rows_left_out(files, tmp_path):
    broken = (files["csv"].read_text() + "x,UA,EWR,FLL,inf,8,false,,,,,,,,,late\n").encode()
    source = tmp_path / "rows.csv"
    source.write_bytes(broken)
    result = select(source)
    assert result.exit_code == 0, result.stderr
    assert "1 of 201 rows left out: infinite_value 1." in result.stderr
    assert "row 201: The column 'distance' holds an infinite number." in result.stderr
    result = select(source, "--feature-column", "dep_delay", "--feature-column", "carrier")
    assert "left out" not in result.stderr
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"method": "margin"}, "margin is no method of the task tabular: give --task text."),
        ({"budget": "1"}, "The least possible budget is 2."),
        ({"budget": None}, "k_medoids needs a budget: it has no size of its own."),
        ({"more": ["--feature-column", "carier"]}, "no column 'carier'. Did you mean 'carrier'?"),
        ({"more": ["--feature-column", "arrival"]}, "gives the column 'arrival' two meanings"),
        ({"more": ["--label-column", "arival"]}, "has no column 'arival'. Did you mean 'arrival'?"),
        ({"more": ["--label-column", "pressure"]}, "holds numbers that are not whole, such as 9"),
        ({"more": ["--text-column", "dest"]}, "columns: has text, which the task tabular does not"),
        ({"more": ["--encoder", "x"]}, "--encoder is not for the task tabular; leave it out."),
        ({"more": ["--task", "text"], "method": "k_center"}, "columns: lacks text; name the"),
        ({"more": ["--option", "k=1"]}, "Unknown option of k_medoids 'k'."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_message(options, expected, files):
    more = options.pop("more", [])
    result = select(files["csv"], *more, **options)
    assert result.exit_code == 2
    assert expected in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr


def test_no_usable_row(tmp_path):
    (tmp_path / "rows.csv").write_text("a,arrival\n,x\n1,\n")
    result = select(tmp_path / "rows.csv")
    assert result.exit_code == 2
    assert "Check --feature-column and --label-column." in result.stderr


def test_adding_a_table(files, tmp_path):
    options = ["--task", "tabular", "--label-column", "arrival", "--datasets", tmp_path]
    result = invoke("add", files["parquet"], *options)
    assert result.exit_code == 0, result.stderr
    config = load_config(tmp_path / "flights")
    assert (config.task, config.columns.features) == ("tabular", None)
    assert "on time" in result.stdout
    named = ["--name", "two", "--feature-column", "dest", "--feature-column", "carrier"]
    result = invoke("add", files["csv"], *options, *named)
    assert result.exit_code == 0, result.stderr
    assert load_config(tmp_path / "two").columns.features == ["dest", "carrier"]
    assert "Warning: duplicate_rows: " in result.stderr
    assert "Warning: conflicting_labels: " in result.stderr


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--text-column", "dest"], "has text, which the task tabular does not read"),
        (["--feature-column", "nope"], "has no column 'nope'"),
        (["--task", "text"], "columns: lacks text; name the column that holds the text."),
        (["--label-column", "temp"], "The column 'temp' holds numbers that are not whole"),
    ],
)
def test_adding_what_does_not_fit(files, tmp_path, more, expected):
    options = ["--task", "tabular", "--label-column", "arrival", "--datasets", tmp_path / "d"]
    result = invoke("add", files["csv"], *options, *more)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert not (tmp_path / "d" / "flights").exists()


def test_methods_of_the_task():
    described = json.loads(invoke("methods", "--task", "tabular", "--json").stdout)
    assert [each["name"] for each in described] == [
        each["name"] for each in sluice.methods("tabular")
    ]
