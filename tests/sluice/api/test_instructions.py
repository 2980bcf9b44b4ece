"""Every method of instructions through the front door, and what it picks in a lineage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import sluice
from sluice.core.errors import BudgetError, ConfigError, DataError, UnknownNameError
from sluice.data.payloads.conversations import read_conversation
from sluice.subsets.registry import selectors_for

METHODS = [method.name for method in selectors_for("instructions")]
OPTIONS: dict[str, dict[str, Any]] = {"dac_iterative": {"rounds": 2}, "quad": {"pull": 3}}
SERVING = ("bids", "quad")


class Letters:
    """A real, if small, encoder: letter counts."""

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.array([[text.count(c) + 0.01 for c in "abcdefghijklmnop"] for text in texts])


@pytest.fixture(scope="module")
def rows(root: Path) -> list[dict[str, Any]]:
    """Forty real pairs of four families, the shortest of each."""
    path = root / "datasets" / "evals_instructions" / "evals_instructions.parquet"
    read = pq.read_table(path).to_pylist()
    families = sorted({row["family"] for row in read})[:4]
    return [
        row
        for family in families
        for row in sorted(
            (row for row in read if row["family"] == family),
            key=lambda row: len(json.dumps(row["messages"])),
        )[:10]
    ]


@pytest.fixture(scope="module")
def settings(tiny_folder: Path) -> dict[str, Any]:
    return {
        "columns": {"messages": "messages", "family": "family"},
        "language_model": {"model": str(tiny_folder), "max_length": 128},
        "neighbours": {"copies": 2},
        "gradients": {"dimension": 64, "warmup_rows": 12},
        "graph": {"k": 5, "slack": 5},
        "training": {"max_length": 128},
    }


def pick(method: str, settings: dict[str, Any], X: object, budget: object = 6, **more: Any):
    given = {"encoder": Letters(), **OPTIONS.get(method, {}), **more}
    return sluice.select(
        X, task="instructions", method=method, budget=budget, settings=settings, **given
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_picks_positions_in_any_row_order(method, rows, settings):
    first = pick(method, settings, rows, seed=1)
    assert first.ids.dtype == np.int64
    assert 0 < len(set(first.ids.tolist())) == len(first.ids) <= 6
    assert len(first.reasons) == len(first.weights) == len(first.ids)
    order = np.random.default_rng(0).permutation(len(rows))
    again = pick(method, settings, [rows[i] for i in order], seed=1)
    assert order[again.ids].tolist() == first.ids.tolist()


def forms() -> dict[str, list[dict[str, Any]]]:
    """The same twelve pairs in each form."""
    pairs = [(f"Name {n} things like {w}.", " and ".join([w] * n)) for n in (1, 2, 3)
             for w in ("fish", "birds", "old stones", "x")]  # fmt: skip
    return {
        "pairs": [{"prompt": p, "response": r} for p, r in pairs],
        "alpaca": [{"instruction": p, "input": "", "output": r} for p, r in pairs],
        "messages": [
            {"messages": [{"role": "user", "content": p}, {"role": "assistant", "content": r}]}
            for p, r in pairs
        ],
        "sharegpt": [
            {"conversations": [{"from": "human", "value": p}, {"from": "gpt", "value": r}]}
            for p, r in pairs
        ],
    }


def test_every_form_of_the_rows_gives_the_same_picks():
    first = None
    for name, given in forms().items():
        frame = pd.DataFrame(given)
        for X in (given, frame, pa.table(frame), iter(given)):
            kept = pick("k_center", {}, X, 4).ids.tolist()
            first = first or kept
            assert kept == first, name
    from sluice.api.settings import settings_of
    from sluice.tasks.instructions.caller_rows import conversation_texts

    texts, _ = conversation_texts(forms()["alpaca"], settings_of("instructions", None))
    assert pick("k_center", {}, texts, 4).ids.tolist() == first
    named = pd.DataFrame(forms()["pairs"]).rename(columns={"prompt": "ask", "response": "say"})
    columns = {"prompt": "ask", "response": "say"}
    assert pick("k_center", {"columns": columns}, named, 4).ids.tolist() == first


def test_families_tags_and_quality_of_the_callers_own(monkeypatch, tmp_path):
    monkeypatch.setenv("SLUICE_MODELS", str(tmp_path / "none"))
    given = [
        {**row, "about": ["fish" if "fish" in row["prompt"] else "else"], "good": float(i)}
        for i, row in enumerate(forms()["pairs"])
    ]
    columns = {"prompt": "prompt", "response": "response", "tags": "about", "quality": "good"}
    kept = pick("mig", {"columns": columns}, given, 3)
    assert 11 in kept.ids
    assert "'fish'" in " ".join(kept.reasons)
    assert not (tmp_path / "none").exists(), "no language model is read for them"
    y = ["short", "long"] * 6
    kinds = pick("random_stratified", {}, forms()["pairs"], 4, y=y)
    assert {y[row] for row in kinds.ids} == {"short", "long"}


@pytest.mark.parametrize("method", SERVING)
def test_rows_to_validate_on_are_not_picked(method, rows, settings):
    from sluice.api.settings import settings_of
    from sluice.tasks.instructions.caller_rows import ConversationRows

    taken = ConversationRows.take(rows, None, None, settings_of("instructions", settings))
    held = taken.serving(None).target
    assert held is not None
    every = pick(method, settings, rows, "100%")
    assert not set(held.positions.tolist()) & set(every.ids.tolist())
    assert len(held) + len(every.ids) == len(rows)
    given = pick(method, settings, rows[:30], "100%", validation=rows[30:])
    assert sorted(given.ids.tolist()) == list(range(30))
    if method == "bids":
        assert "of the validation rows" in " ".join(given.reasons)
    with pytest.raises(DataError, match="Give rows as validation="):
        pick(method, {**settings, "split": {"validation": 1e-9, "test": 0.1}}, rows)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"X": []}, DataError, "no row"),
        ({"X": ["a text"]}, DataError, "Row 0 of X is a text and no conversation"),
        ({"X": [{"a": 1}]}, DataError, "X shows no form of instructions; its columns: a"),
        ({"X": [{"prompt": "a", "response": " "}]}, DataError, r"Row 0 of X \(no_response\)"),
        ({"method": "margin"}, UnknownNameError, "margin is no method of the task"),
        ({"budget": 13}, BudgetError, "more than the 12 rows"),
        ({"method": "ifd_top", "language_model": "no/such"}, ConfigError, "no/such"),
        ({"validation": [{"prompt": "a", "response": "b"}]}, ConfigError, "leave validation out"),
        ({"settings": {"columns": {"prompt": "prompt"}}}, ConfigError, "response"),
        ({"settings": {"columns": {"quality": "good"}}}, DataError, "no column 'good'"),
        ({"settings": {"tagging": {"phrases": 0}}}, ConfigError, "tagging.phrases"),
        ({"start": "x", "stat": 1}, UnknownNameError, "Did you mean start"),
    ],
)
def test_errors_come_before_a_model_is_read(given, error, message):
    call = {"X": forms()["pairs"], "method": "k_center", "budget": 2, **given}
    with pytest.raises(error, match=message):
        sluice.select(task="instructions", encoder=None, **call)


def test_the_same_rows_as_in_a_lineage(home: Path, rows, settings, tmp_path: Path) -> None:
    from lineage import run_lineage
    from tiny_bert import tiny_bert

    from assets.lineage.inputs import read_rows
    from resources.datasets import Datasets
    from resources.lake import Lake
    from resources.store import records, selections

    given = {**settings, "encoder": {"model": str(tiny_bert(tmp_path / "bert")), "max_length": 60}}
    folder = Datasets().folder / "answers"
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "task": "instructions",
        "files": ["rows.jsonl"],
        "budgets": [0.2],
        "chosen_budget": 0.2,
        "seeds": [0],
        "selectors": METHODS,
        "options": OPTIONS,
        "plots": False,
        **given,
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(config))
    done = run_lineage("answers")
    assert done.success, "\n".join(done.errors.values())
    lake = Lake()
    present = read_rows(lake, "answers")
    train, held = present.of("train"), present.of("validation")

    def again(part) -> list[dict[str, Any]]:
        families = [part.class_names[code] for code in part.labels.tolist()]
        read = zip(part.texts, families, strict=True)
        return [{"messages": read_conversation(t).mappings, "family": f} for t, f in read]

    for method in METHODS:
        record = records.latest(lake, "answers")[f"instructions/subsets/{method}"]
        stored = selections.rows(lake, record.details["selections"][0]["selection_id"])
        more = {"validation": again(held)} if method in SERVING else {}
        for ids in (train.ids, None):
            kept = pick(method, given, again(train), 0.2, encoder=None, ids=ids, **more)
            named = kept.ids if ids else [train.ids[i] for i in kept.ids]
            assert list(named) == stored["instance_id"].to_pylist(), method
        np.testing.assert_allclose(kept.gains, stored["gain"].to_numpy(), rtol=1e-4, atol=1e-6)
