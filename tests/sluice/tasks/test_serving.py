"""A final model answers by MLflow alone: without the dataset, a workspace or Sluice installed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tables import tumours
from tiny_bert import tiny_bert

from sluice.data.config import DatasetConfig
from sluice.encoders.tabular import TabularEncoder
from sluice.evaluation.learner import Examples, Given, Learner
from sluice.tasks import serving
from sluice.tasks.tabular.caller_rows import table_rows
from sluice.tasks.tabular.config import TabularConfig
from sluice.tasks.tabular.learner import TabularLearner
from sluice.tasks.text.learner import TextLearner

# As in an environment where nothing of Sluice is installed.
FRESH = """
import importlib.metadata, json, sys
repository, folder, given = sys.argv[1:]
sys.path = [path for path in sys.path if path not in ("", repository)]
importlib.metadata.entry_points = lambda **_: ()
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(folder)
answered = model.predict(json.loads(given))
import sluice
assert sluice.__file__.startswith(folder), sluice.__file__
takes = model.metadata.get_input_schema().to_dict()
print(json.dumps({"rows": answered.to_dict("list"), "takes": takes}))
"""


def served(learner: Learner, rows: Examples, names: tuple[str, ...], folder: Path) -> Path:
    learner.fit(rows, names, 0, folder / "model", rows)
    serving.save(learner, folder / "model", rows, folder / "served")
    return folder / "served"


def asked(root: Path, folder: Path, given: object) -> dict[str, object]:
    command = [sys.executable, "-c", FRESH, str(root), str(folder), json.dumps(given)]
    done = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_texts(root: Path, tmp_path: Path) -> None:
    names = ("bad", "good")
    texts = [f"{'fine' if i % 2 else 'poor'} number {i}" for i in range(12)]
    rows = Examples([f"{i:02d}" for i in range(12)], texts, np.arange(12) % 2, names)
    raw = {
        "task": "text",
        "files": ["a.csv"],
        "columns": {"text": "t", "label": "l"},
        "encoder": {"model": str(tiny_bert(tmp_path / "encoder"))},
        "training": {"epochs": 1},
    }
    learner = TextLearner(Given(DatasetConfig.model_validate(raw)))
    folder = served(learner, rows, names, tmp_path)
    expected = learner.load(folder / "data" / "model").predictions(rows)
    found = asked(root, folder, texts)["rows"]
    assert found["prediction"] == expected["prediction"]
    assert found.keys() == {"prediction", "p(bad)", "p(good)"}
    assert np.allclose(found["p(good)"], expected["p(good)"], atol=1e-6)
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert all("==" in line for line in lines)
    assert {line.split("==")[0] for line in lines} >= {"torch", "transformers", "mlflow"}
    assert (folder / "input_example.json").exists()


@pytest.mark.slow
def test_tables(root: Path, tmp_path: Path) -> None:
    table = tumours(80)
    labels = table["label"].to_pylist()
    # A date is a text in JSON, as everywhere where rows come from outside.
    seen = [str(day) for day in table["seen"].to_pylist()]
    features = table.drop_columns(["id", "label", "seen"]).append_column("seen", [seen])
    texts, _ = table_rows(features)
    names = tuple(sorted(set(labels)))
    codes = np.array([names.index(label) for label in labels])
    rows = Examples([f"{i:02d}" for i in range(len(texts))], texts, codes, names)
    raw = {"task": "tabular", "files": ["a.csv"], "columns": {"label": "label"}}
    config = TabularConfig.model_validate(raw)
    artifact = TabularEncoder.fit(texts, config.encoding, {}).to_json()
    details = {"encoder": {"encoder": "mine"}}
    learner = TabularLearner(Given(config, details, fitted_encoder=lambda _: artifact))
    folder = served(learner, rows, names, tmp_path)
    expected = learner.load(folder / "data" / "model").predictions(rows)
    given = features.slice(0, 9).to_pylist()
    found = asked(root, folder, given)
    assert found["rows"]["prediction"] == expected["prediction"][:9]
    assert len(found["takes"]) == len(features.column_names)
    del given[3][features.column_names[0]]
    assert len(asked(root, folder, given)["rows"]["prediction"]) == 9, "a value may be missing"
