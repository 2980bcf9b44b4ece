"""What each stage of a small real lineage records, computed for real, stays what it was.

The files were written before the lineage was rebuilt. They may change for the stages of
evaluation, comparison, model and champion, once, and for a new version of a method. What depends
on the machine, the number of threads or the folder was taken out of them by running, after

    GOLDEN=write python -m pytest THIS_FILE

the same with GOLDEN=narrow under other numbers of threads (OMP_NUM_THREADS), instruction sets
(ATEN_CPU_CAPABILITY=default, OPENBLAS_CORETYPE=Haswell, ONEDNN_MAX_CPU_ISA=AVX2) and TMPDIR.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tagged_sentences
import yaml
from golden.frozen import check_frozen
from lineage import run_lineage
from safetensors.numpy import load_file, save_file
from tables import tumours
from tiny_language_model import save_tiny_model

from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import records

Make = Callable[..., Path]
# Of how long something took, of where, and of the bytes of files that the test writes.
LEFT_OUT = {
    "seconds",
    "training_seconds",
    "loading_cpu_seconds",
    "hours",
    "mlflow_url",
    "folder_digest",
}


def recorded(dataset: str) -> dict[str, Any]:
    """Return by asset what is recorded of a dataset.

    The instances' input digest is that of the folder's bytes, which name the tiny models' folder.
    """
    return {
        name: {
            "input_digest": "" if name.endswith("/instances") else record.input_digest,
            "data_version": record.data_version,
            "version": record.version,
            "rows_total": record.rows_total,
            "details": rounded(record.details),
        }
        for name, record in records.latest(Lake(), dataset).items()
    }


def rounded(value: Any) -> Any:
    """Return details with six significant digits, and without times and addresses."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items() if key not in LEFT_OUT}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def ran(dataset: str, on_demand: tuple[str, ...] = ()) -> None:
    """Run a lineage, and then the evaluations of these."""
    import dagster as dg

    done = run_lineage(dataset)
    assert done.success, "\n".join(done.errors.values())
    if on_demand:
        task = Datasets().config(dataset).task
        named = ["estimate", *on_demand, "all_rows", "comparison"]
        keys = [dg.AssetKey([task, "evaluations", name]) for name in named]
        done = run_lineage(dataset, job=f"{task}_evaluations", keys=keys)
        assert done.success, "\n".join(done.errors.values())


def with_plain_weights(folder: Path) -> Path:
    """Give a tiny model weights of the same bytes on every machine: torch's depend on it."""
    path = folder / "model.safetensors"
    draw = np.random.default_rng(0)
    weights = {
        name: draw.integers(-40, 41, array.shape).astype(np.float32) / 512
        + ("norm" in name.lower())
        for name, array in sorted(load_file(path).items())
    }
    save_file(weights, path, metadata={"format": "pt"})
    return folder


@pytest.mark.slow
def test_texts(home: Path, make_dataset: Make, tweets: pa.Table) -> None:
    chosen = ["facility_location", "k_medoids", "margin", "random_stratified"]
    make_dataset("kept", tweets, selectors=chosen, labelling={"rows": 5}, label_noise={})
    ran("kept")
    check_frozen("details_text", recorded("kept"))


@pytest.mark.slow
def test_tables(home: Path, make_table: Make) -> None:
    make_table("kept", tumours(200))
    ran("kept")
    check_frozen("details_tabular", recorded("kept"))


@pytest.mark.slow
def test_instructions(home: Path, root: Path, tmp_path: Path) -> None:
    path = root / "datasets" / "evals_instructions" / "evals_instructions.parquet"
    rows = pq.read_table(path).to_pylist()
    families = sorted({row["family"] for row in rows})[:4]
    short = sorted(rows, key=lambda row: (len(json.dumps(row["messages"])), row["id"]))
    content = [row for f in families for row in [r for r in short if r["family"] == f][:10]]
    folder = Datasets().folder / "kept"
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    config = {
        "task": "instructions",
        "files": ["rows.jsonl"],
        "columns": {"messages": "messages", "family": "family", "id": "id"},
        "selectors": ["mig", "t_shirt", "dac", "bids", "longest"],
        "budgets": [0.2],
        "chosen_budget": 0.2,
        "seeds": [0],
        "neighbours": {"copies": 2},
        "gradients": {"dimension": 64, "warmup_rows": 12, "refit_drift": 0.5},
        "graph": {"k": 5, "slack": 5},
        "training": {"batch_size": 4},
        "evaluation": {"held_out_rows": 4, "resamples": 50, "answers": False},
        "plots": False,
        "language_model": {"model": str(with_plain_weights(save_tiny_model(tmp_path / "llama")))},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(config))
    ran("kept", ("longest", "random_stratified", "mig", "t_shirt", "dac", "bids"))
    check_frozen("details_instructions", recorded("kept"))


@pytest.mark.slow
def test_tagged_sentences(home: Path, tmp_path: Path) -> None:
    tiny = tagged_sentences.tiny(tmp_path)
    with_plain_weights(tmp_path / "bert")
    changes = {"selectors": ["t_frex", "mnlp"], "adaptation": {"epochs": 1, "block_length": 60}}
    tagged_sentences.write(tagged_sentences.sentences(), "\nbad\n", **tiny, **changes)
    ran(tagged_sentences.NAME, ("t_frex", "mnlp", "random_stratified"))
    check_frozen("details_tokens", recorded(tagged_sentences.NAME))
