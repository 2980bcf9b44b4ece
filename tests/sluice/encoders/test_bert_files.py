"""A BERT read from its files alone is the one that transformers reads."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import TWEETS
from safetensors.torch import load_file, save_file

from sluice.encoders.bert_files import WordPieces, read_bert
from sluice.encoders.text import TextEncoder, default_encoder_folder

ODD = [
    "",
    " ",
    "naïve Ünïcødé 漢字かな",
    "a" * 3000,
    "it's [MASK] [PAD] <b>&amp;</b>",
    "\t\n\x00",
    "😀👍🏽",
]


@pytest.fixture(scope="module")
def texts():
    return [*ODD, *pq.read_table(TWEETS)["text"].to_pylist()[:1500]]


@pytest.fixture
def model_copy(tmp_path):
    return shutil.copytree(default_encoder_folder(), tmp_path / "model")


@pytest.mark.parametrize("max_length", [256, 8])
def test_tokens_are_those_of_transformers(texts, max_length):
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(default_encoder_folder())
    ours = WordPieces(default_encoder_folder())
    options = {"truncation": True, "max_length": max_length, "padding": False}
    assert ours(texts, **options)["input_ids"] == theirs(texts, **options)["input_ids"]
    assert ours.pad_token_id == theirs.pad_token_id


def test_vectors_are_those_of_transformers_bit_for_bit(texts, monkeypatch):
    import sluice.encoders.text as module

    light = TextEncoder(device="cpu").encode(texts[:400])
    monkeypatch.setattr(module, "read_bert", lambda folder: None)
    assert np.array_equal(light, TextEncoder(device="cpu").encode(texts[:400]))


def test_transformers_is_not_loaded():
    script = (
        "import sys; from sluice.encoders.text import TextEncoder; "
        "TextEncoder(device='cpu').encode(['a text']); print('transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_half_precision_and_a_prefix_are_read(model_copy):
    weights = load_file(model_copy / "model.safetensors")
    halves = {f"bert.{n}": t.half() if t.is_floating_point() else t for n, t in weights.items()}
    save_file(halves, model_copy / "model.safetensors")
    assert read_bert(model_copy) is not None
    half = TextEncoder(str(model_copy), device="cpu").encode(["a text", "another"])
    whole = TextEncoder(device="cpu").encode(["a text", "another"])
    assert np.sum(half * whole, axis=1).min() > 0.9999
    assert not np.array_equal(half, whole)


@pytest.mark.parametrize("change", ["tokenizer", "weights", "config", "names"])
def test_what_is_not_an_ordinary_bert_is_left_to_transformers(model_copy, change):
    if change == "tokenizer":
        path = model_copy / "tokenizer_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "tokenizer_class": "Other"}))
    if change == "weights":
        (model_copy / "model.safetensors").rename(model_copy / "weights.safetensors")
    if change == "config":
        path = model_copy / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "hidden_act": "relu"}))
    if change == "names":
        weights = load_file(model_copy / "model.safetensors")
        renamed = {n.replace("LayerNorm.weight", "LayerNorm.gamma"): t for n, t in weights.items()}
        save_file(renamed, model_copy / "model.safetensors")
    assert read_bert(model_copy) is None
