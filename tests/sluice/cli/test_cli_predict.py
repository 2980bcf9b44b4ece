"""`sluice predict`: what the champion says of rows without a label."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from click.testing import Result
from lineage import run_lineage
from tables import tumours
from typer.testing import CliRunner

from resources.tracking import Tracking
from sluice.cli import app

Make = Callable[..., Path]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.mark.slow
def test_a_table_and_texts(
    home: Path, make_table: Make, make_dataset: Make, tweets: pa.Table, tmp_path: Path
) -> None:
    table, small = tumours(200), {"selectors": ["random_stratified"], "seeds": [0]}
    make_table("mine", table, **small)
    assert run_lineage("mine").success
    unseen, out = tmp_path / "unseen.csv", tmp_path / "said.jsonl"
    pacsv.write_csv(tumours(260).slice(200).drop_columns(["label"]), unseen)
    done = invoke("predict", "mine", str(unseen), "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "60 rows: " in done.output
    said = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in said] == [f"case-{i}" for i in range(200, 260)]
    truth = tumours(260)["label"].to_pylist()[200:]
    assert sum(row["prediction"] == t for row, t in zip(said, truth, strict=True)) > 48
    assert all(abs(row["p(benign)"] + row["p(malignant)"] - 1) < 1e-6 for row in said)
    # The same by MLflow alone.
    mlflow.set_tracking_uri(Tracking().tracking_uri)
    model = mlflow.pyfunc.load_model("models:/sluice.tabular.mine@champion")
    rows = pacsv.read_csv(unseen).drop_columns(["id"]).to_pandas()
    rows["seen"] = rows["seen"].astype(str)
    assert model.predict(rows)["prediction"].tolist() == [row["prediction"] for row in said]

    training = {"epochs": 1, "max_length": 32}
    make_dataset("tweets", tweets, training=training, budgets=[0.2], **small)
    assert run_lineage("tweets").success
    lines = tmp_path / "lines.csv"
    pacsv.write_csv(tweets.slice(0, 5).select(["text"]), lines)
    found = json.loads(invoke("predict", "tweets", str(lines), "--json").stdout)
    model = mlflow.pyfunc.load_model("models:/sluice.text.tweets@champion")
    same = model.predict(tweets["text"].to_pylist()[:5])["prediction"].tolist()
    assert [row["prediction"] for row in found] == same

    refused = invoke("predict", "tweets", str(unseen))
    assert refused.exit_code != 0
    assert "'text'" in " ".join(refused.output.split())
    refused = invoke("predict", "tweets", str(lines), "--alias", "best")
    assert "has the alias best" in " ".join(refused.output.split())
    refused = invoke("predict", "tweets", str(lines), "--out", str(lines))
    assert "is the file that is read" in " ".join(refused.output.split())
