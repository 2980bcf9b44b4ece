"""What is killed: a dataset of each task, small and real, in two states of its files."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from tables import tumours
from tabular_histories import TABLES
from tagged_sentences import sentences, tiny
from tiny_language_model import save_tiny_model
from workshop import CONFIG, TEXTS, Case

from assets.instructions.lineage import INSTRUCTIONS
from assets.tokens.lineage import TOKENS

DATASETS = Path(__file__).parent.parent / "datasets"
COUNT, NEW, WAITING = 120, 20, 12


@dataclass(frozen=True)
class Killed:
    """One task's dataset.

    Attributes
    ----------
    case : Case
        Its task and settings.
    files : callable
        Takes its folder and whether the files are in their second state, and writes them.
    """

    case: Case
    files: Callable[[Path, bool], None]

    def write(self, folder: Path, *, changed: bool) -> None:
        """Write dataset.yaml and the files in their first state, or the second."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dataset.yaml").write_text(yaml.safe_dump(self.case.config))
        self.files(folder, changed)


def _chosen(total: int, changed: bool) -> list[int]:
    """Positions of the rows that are there: in the second state some are gone and others new."""
    order = np.random.default_rng(5).permutation(total)
    return (order[NEW : COUNT + NEW] if changed else order[:COUNT]).tolist()


def _texts(folder: Path, changed: bool) -> None:
    pool = pq.read_table(DATASETS / "vader_tweets" / "vader_tweets.parquet").slice(300, 300)
    rows = pool.take(_chosen(300, changed)).select(["id", "text", "label"]).to_pylist()
    for row in rows[10:15] if changed else ():
        row["text"] += " And more."
    # The last ones wait for a label.
    for row in rows[-WAITING:]:
        row["label"] = ""
    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")


def _table(folder: Path, changed: bool) -> None:
    pq.write_table(tumours(300).take(_chosen(300, changed)), folder / "rows.parquet")


def _sentences(folder: Path, changed: bool) -> None:
    content = sentences()[8:] if changed else sentences()[:-8]
    content[3] = [*content[3][:-1], ("slowly", "O"), (".", "O")] if changed else content[3]
    blocks = ("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in content)
    (folder / "notes.conll").write_text("\n".join(blocks))


def _answers(folder: Path, changed: bool) -> None:
    rows = pq.read_table(DATASETS / "evals_instructions" / "evals_instructions.parquet").to_pylist()
    chosen = []
    for family in sorted({row["family"] for row in rows})[:4]:
        mine = [row for row in rows if row["family"] == family]
        chosen += sorted(mine, key=lambda row: len(json.dumps(row["messages"])))[:10]
    lines = chosen[4:] if changed else chosen[:-4]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))


def killed(task: str, models: Path) -> Killed:
    """Return the dataset of a task; the small models that it uses are made in `models`."""
    small: dict[str, Any] = {"budgets": [0.25], "chosen_budget": 0.25, "seeds": [0], "plots": False}
    few: dict[str, Any] = {**small, "files": ["*"], "graph": {"k": 5, "slack": 5}}
    ids = {"id": "id", "label": "label"}
    if task == "text":
        training = {"epochs": 1, "max_length": 32}
        more = {"columns": {**ids, "text": "text"}, "training": training, **small}
        return Killed(Case(TEXTS.task, {**CONFIG, **more}, {}, {}), _texts)
    if task == "tabular":
        more = {"columns": ids, "training": {"enabled": True}}
        return Killed(Case(TABLES.task, {**TABLES.config, **more}, {}, {}), _table)
    if task == "tokens":
        more = {**tiny(models), "selectors": ["t_frex", "mnlp", "k_center"]}
        more |= {"adaptation": {"epochs": 1, "block_length": 32, "held_out": 0.2}}
        more |= {"uncertainty": {"sample_rows": 20}}
        return Killed(Case(TOKENS, {"task": task, **few, **more}, {}, {}), _sentences)
    model = models / "llama"
    if not model.exists():
        save_tiny_model(model)
    more = {
        "columns": {"messages": "messages", "family": "family", "id": "id"},
        "language_model": {"model": str(model)},
        "selectors": ["mig", "t_shirt", "dac", "bids", "longest"],
        "neighbours": {"copies": 2},
        "gradients": {"dimension": 64, "warmup_rows": 12, "refit_drift": 0.5},
    }
    return Killed(Case(INSTRUCTIONS, {"task": task, **few, **more}, {}, {}), _answers)
