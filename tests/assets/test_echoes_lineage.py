"""Labels that are not to be trusted: found, measured, and what a change or a service costs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chat_server import Server, answer
from lineage import Ran, run_lineage
from tiny_bert import tiny_bert

from assets.lineage.inputs import read_rows, read_vectors
from assets.text.lineage import LINEAGE, TEXT
from resources.lake import Lake
from resources.store import echoes, records
from sluice.data.config import load_config

Make = Callable[..., Path]
NAME = "reviews"
ECHOES, VALUE = "text/labels/echoes", "text/evaluations/echo_value"
KEYS = [
    *(TEXT.key("instances"), TEXT.key("embeddings"), TEXT.key("labels", "echoes")),
    TEXT.key("evaluations", "echo_value"),
]
WHOLE = Path("datasets", "vader_reviews", "vader_reviews.parquet")


@pytest.fixture(scope="module")
def reviews(root: Path) -> pa.Table:
    """Return real review sentences with their classes."""
    return pq.read_table(root / WHOLE).slice(0, 100).select(["id", "text", "label"])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tiny_bert(tmp_path_factory.mktemp("encoder") / "bert")
    return {"model": str(folder), "max_length": 48}


@pytest.fixture(scope="module")
def speaker(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny language model with a prompt that does not end with a line break.

    With random weights it repeats the last token.
    """
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("speaker") / "llama"
    shutil.copytree(tiny_folder, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = tokenizer.chat_template.replace("assistant\n", "assistant")
    tokenizer.save_pretrained(folder)
    return folder


def replaced(table: pa.Table, column: str, row: int, value: str) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    at = table.column_names.index(column)
    return table.set_column(at, column, pa.array(values, pa.string()))


def refresh(job: str | None = None) -> Ran:
    ran = run_lineage(NAME, keys=KEYS, job=job)
    assert ran.success, "\n".join(ran.errors.values())
    return ran


def stored() -> list[dict[str, Any]]:
    return echoes.read(Lake(), NAME).to_pylist()


def versions() -> dict[str, str]:
    return {name: record.data_version for name, record in records.latest(Lake(), NAME).items()}


def test_the_nearest_row_of_the_label(
    home: Path, make_dataset: Make, reviews: pa.Table, encoder: dict[str, Any]
) -> None:
    folder = make_dataset(NAME, reviews, encoder=encoder)
    assert not {*KEYS[2:]} & {*LINEAGE.wanted(load_config(folder))}
    # the class of one row has no other
    first = reviews.slice(0, 90)
    alone = next(i for i in range(90) if i not in (5, 6))
    first = replaced(first, "label", alone, "odd")
    folder = make_dataset(NAME, first, encoder=encoder, label_noise={"threshold": 0.9})
    assert {*KEYS} <= {*LINEAGE.wanted(load_config(folder))}
    ran = refresh()
    said, found = ran.metadata[ECHOES], stored()
    _check_by_brute_force(found)
    assert said["threshold"] == 0.9
    assert said["kept"] + said["not_kept"] + said["set_aside_rows"] == said["rows_total"]
    assert said["kept"] == sum(row["trusted"] is True for row in found)
    lowest = said["least_similar"].records
    assert lowest[0].data["similarity"] == f"{min(similarities(found)):.4f}"
    assert lowest[0].data["text"] in reviews["text"].to_pylist()
    assert "may be wrong in the same way" in ran.metadata[VALUE]["says"]
    names = [record.data["trained_on"] for record in ran.metadata[VALUE]["trained"].records]
    assert {"all rows", "rows that EchoSelect keeps", "EchoAlign's weighted set"} < {*names}

    assert refresh().computed == {}

    # Rows come, go and change; the result is that of a rebuild.
    second = replaced(replaced(reviews.slice(10, 90), "label", 40, "odd"), "text", 41, "All new.")
    make_dataset(NAME, second, encoder=encoder, label_noise={})
    again = refresh()
    assert 0 < again.metadata[ECHOES]["rows_new"] < again.metadata[ECHOES]["rows_total"]
    then, before = stored(), versions()
    _check_by_brute_force(then)
    refresh(job="text_rebuild")
    assert stored() == then
    assert versions() == before


def similarities(found: list[dict[str, Any]]) -> list[float]:
    return [row["similarity"] for row in found if row["similarity"] is not None]


def _check_by_brute_force(found: list[dict[str, Any]]) -> None:
    lake = Lake()
    train = read_rows(lake, NAME).of("train")
    x = read_vectors(lake, TEXT, NAME, train).astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    assert [row["instance_id"] for row in found] == train.ids
    for i, row in enumerate(found):
        others = [j for j in np.flatnonzero(train.labels == train.labels[i]) if j != i]
        if not others:
            assert row["trusted"] is row["similarity"] is row["echo_hash"] is None
            assert "no other row is labelled" in row["reason"]
            continue
        nearest = max(others, key=lambda j: x[i] @ x[j])
        assert row["similarity"] == pytest.approx(x[i] @ x[nearest], abs=1e-6)
        assert repr(train.ids[nearest]) in row["reason"]


def test_texts_rewritten_by_a_service_and_by_a_model(
    home: Path,
    make_dataset: Make,
    reviews: pa.Table,
    encoder: dict[str, Any],
    speaker: Path,
    serve: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away, refused = set[str](), set[str]()

    def reply(body: dict[str, Any], _: int) -> tuple[int, dict[str, str], bytes]:
        text = body["messages"][1]["content"].rpartition("\n\n")[2]
        if text in away | refused:
            return (503 if text in away else 400), {}, b"not now"
        return answer(f"{text} Really.")

    server, key = serve(reply), "sk-very-secret"
    service = {"base_url": server.url, "model": "m", "key_variable": "ECHO_KEY", "attempts": 1}
    noise = {"generator": "endpoint", "rows": 9, "threshold": 0.5, "endpoint": service}
    make_dataset(NAME, reviews, encoder=encoder, label_noise=noise)
    monkeypatch.delenv("ECHO_KEY", raising=False)
    errors = run_lineage(NAME, keys=KEYS).errors
    assert "'ECHO_KEY' holds no usable key" in errors["text__labels__echoes"]

    monkeypatch.setenv("ECHO_KEY", key)
    train = read_rows(Lake(), NAME).of("train")
    away.update(train.texts[::3])
    refused.update(train.texts[1::3])
    said = refresh().metadata[ECHOES]
    assert (said["rows_total"], said["asked_of_a_model"]) == (9, 9)
    mine = {row["instance_id"]: row for row in stored()}
    texts = dict(zip(train.ids, train.texts, strict=True))
    for name, row in mine.items():
        faulty = texts[name] in away | refused
        assert (row["trusted"] is None) == faulty
        assert ("Not looked at: " in row["reason"]) == faulty
        assert faulty or row["reason"].startswith("Rewritten for ")
    missing = sum(texts[name] in away for name in mine)
    declined = sum(texts[name] in refused for name in mine)
    assert missing
    assert declined
    assert said["set_aside_rows"] == missing + declined
    assert key not in str(records.latest(Lake(), NAME)) + str(stored())

    # Who was away is asked again; who refused is only asked because the stage runs at all.
    away.clear()
    assert refresh().metadata[ECHOES]["asked_of_a_model"] == missing + declined
    assert refresh().computed == {}

    # A language model of this machine, its prompt as long as it may be for most rows.
    own = {"generator": "rewriting", "rows": 9, "max_new_tokens": 4, "threshold": 0.5}
    model = {"model": str(speaker), "max_length": 450}
    make_dataset(NAME, reviews, encoder=encoder, label_noise=own, language_model=model)
    asked = len(server.asked)
    ran = refresh()
    assert ran.metadata[ECHOES]["asked_of_a_model"] == 9
    assert set(ran.computed) == {"text/instances", ECHOES, VALUE}
    assert len(server.asked) == asked
    found = stored()
    long = [row for row in found if "longer than max_length, 450 tokens" in row["reason"]]
    assert 0 < len(long) < len(found)
    assert all(row["trusted"] is None for row in long)
    assert all(-1 <= row["similarity"] <= 1 for row in found if row not in long)
