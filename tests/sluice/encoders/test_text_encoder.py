"""The encoder on the real model, against a by-hand computation with transformers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sluice.core.errors import ConfigError, DataError
from sluice.encoders.bert import Linear, is_supported
from sluice.encoders.text import TextEncoder, default_encoder_folder

TEXTS = [
    "The Rock is destined to be the new Conan.",
    "Effective but too tepid biopic",
    "",
    "   ",
    "bad",
    "Bad!",
    "A gorgeously elaborate continuation of the trilogy, so huge that a column of words cannot "
    "adequately describe its director's expanded vision.",
    "word " * 400,
    "日本語のテキスト and Ünïcödé ☃",
    "the camera's battery lasts two days, and the zoom is sharp.",
    "I returned it after a week.",
    "Works as advertised.",
    "works as advertised .",
    "It's not that it's bad; it's that it's boring, long, loud, and never once surprising.",
    "one two three four five six seven eight nine ten eleven twelve",
    "[CLS] [SEP] [MASK] [PAD]",
    "a" * 300,
    "great " * 60,
    "12345 67.89 -1e-5 $99",
    "Effective but too tepid biopic",
]


@pytest.fixture(scope="module")
def encoder():
    return TextEncoder(device="cpu")


@pytest.fixture(scope="module")
def vectors(encoder):
    return encoder.encode(TEXTS)


def by_hand(texts, max_length=256):
    """One text at a time, nothing padded, straight from the definition."""
    from transformers import AutoModel, AutoTokenizer

    folder = default_encoder_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    rows = []
    for text in texts:
        given = tokenizer([text], truncation=True, max_length=max_length, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**given).last_hidden_state[0].double().numpy()
        mean = hidden.mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.stack(rows)


def test_equals_transformers_by_hand(vectors):
    expected = by_hand(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert np.min(np.sum(vectors * expected, axis=1)) > 0.999999


def test_max_length_cuts(encoder):
    short = TextEncoder(device="cpu", max_length=16)
    texts = [TEXTS[6], TEXTS[7], "bad"]
    np.testing.assert_allclose(short.encode(texts), by_hand(texts, 16), atol=1e-5)
    assert np.abs(short.encode([TEXTS[6]]) - encoder.encode([TEXTS[6]])).max() > 1e-2


def test_batch_mates_change_no_more_than_rounding(encoder, vectors):
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.abs(alone - vectors).max() <= 1e-5
    for size in (1, 4, 1000):
        other = TextEncoder(device="cpu", batch_size=size).encode(TEXTS)
        assert np.abs(other - vectors).max() <= 1e-5


def test_generic_path_agrees_with_the_packed_one(encoder, vectors, monkeypatch):
    import sluice.encoders.text as module

    monkeypatch.setattr(module, "read_bert", lambda folder: None)
    monkeypatch.setattr(module, "is_supported", lambda config: False)
    generic = TextEncoder(device="cpu")
    assert type(generic._loaded.forward) is not type(encoder._loaded.forward)
    assert np.abs(generic.encode(TEXTS) - vectors).max() <= 1e-5


def test_packed_products_equal_plain_ones():
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(48, 32, generator=generator), torch.randn(48, generator=generator)
    x, residual = torch.randn(7, 32, generator=generator), torch.randn(7, 48, generator=generator)
    expected = x.double() @ weight.double().T + bias.double()
    gelu = 0.5 * expected * (1 + torch.erf(expected / 2**0.5))
    linear = Linear(weight, bias)
    kinds = [linear, Linear(weight, bias)]
    kinds[1].packed = None  # what a build of torch without the packed operators gets
    for kind in kinds:
        with torch.inference_mode():
            torch.testing.assert_close(kind.plain(x).double(), expected, atol=1e-4, rtol=1e-5)
            torch.testing.assert_close(kind.gelu(x).double(), gelu, atol=1e-4, rtol=1e-5)
            torch.testing.assert_close(
                kind.plus(x, residual).double(), expected + residual.double(), atol=1e-4, rtol=1e-5
            )


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "roberta"},
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
    ],
)
def test_packed_path_refuses_what_it_does_not_compute(change):
    from transformers import BertConfig

    assert is_supported(BertConfig())
    config = BertConfig()
    for name, value in change.items():
        setattr(config, name, value)
    assert not is_supported(config)


def test_input_order_is_kept(encoder, vectors):
    order = np.random.default_rng(0).permutation(len(TEXTS))
    shuffled = encoder.encode([TEXTS[i] for i in order])
    np.testing.assert_allclose(shuffled, vectors[order], atol=1e-5)


def test_shards_equal_encode(encoder, vectors):
    steps = []
    shards = list(encoder.encode_shards(TEXTS, shard_rows=6, advance=steps.append))
    assert [len(positions) for positions, _ in shards] == [6, 6, 6, 2]
    positions = np.concatenate([p for p, _ in shards])
    assert positions.dtype == np.int64
    assert sorted(positions) == list(range(len(TEXTS)))
    together = np.empty_like(vectors)
    together[positions] = np.concatenate([v for _, v in shards])
    assert np.abs(together - vectors).max() <= 1e-5
    assert sum(steps) == len(TEXTS)


def test_shards_come_as_they_finish(encoder):
    shards = encoder.encode_shards(["a b c", "a", "a b"], shard_rows=1)
    assert [int(p[0]) for p, _ in shards] == [0, 2, 1]


def test_nothing_gives_nothing(encoder):
    assert encoder.encode([]).shape == (0, 384)
    assert list(encoder.encode_shards([])) == []


def test_refuses_what_is_not_text(encoder):
    with pytest.raises(DataError, match="Row 1 of texts is missing"):
        encoder.encode(["fine", None])


@pytest.mark.parametrize("options", [{"max_length": 2}, {"batch_size": 0}, {"device": "gpu"}])
def test_refuses_senseless_options(options):
    with pytest.raises(ConfigError):
        TextEncoder(**options)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "~/nowhere", "a/b/c"])
def test_missing_folder_says_so(name):
    with pytest.raises(ConfigError, match="does not exist"):
        TextEncoder(name)


def test_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        TextEncoder(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="no weights"):
        TextEncoder(str(tmp_path))


def test_other_pooling_is_refused(model_copy):
    (model_copy / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (model_copy / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    with pytest.raises(ConfigError, match="pooling_mode_cls_token"):
        TextEncoder(str(model_copy))


@pytest.fixture
def model_copy(tmp_path):
    return Path(shutil.copytree(default_encoder_folder(), tmp_path / "model"))


def test_identity_follows_content_and_options(model_copy, encoder):
    same = TextEncoder(str(model_copy), batch_size=7, device="cpu")
    assert same.identity == encoder.identity
    assert TextEncoder(max_length=128).identity != encoder.identity

    weights = model_copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    time = weights.stat().st_mtime_ns
    weights.write_bytes(content)
    # A copy may keep the time, and a clock may be put back.
    os.utime(weights, ns=(time, time))
    changed = TextEncoder(str(model_copy)).identity
    assert changed != encoder.identity
    content[-1] ^= 1
    weights.write_bytes(content)
    assert TextEncoder(str(model_copy)).identity == encoder.identity

    vocabulary = model_copy / "tokenizer.json"
    vocabulary.write_text(vocabulary.read_text() + "\n")
    assert TextEncoder(str(model_copy)).identity not in (encoder.identity, changed)


def test_identity_needs_no_torch():
    code = (
        "import sys\nfrom sluice.encoders.text import TextEncoder\n"
        "e = TextEncoder()\nprint(e.identity, e.dim)\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.split() == [TextEncoder().identity, "384"]


def test_thread_count_is_left_alone(encoder):
    before = torch.get_num_threads()
    encoder.encode(["a few", "texts"])
    assert torch.get_num_threads() == before


def test_files_that_change_between_their_digest_and_loading_are_refused(model_copy):
    encoder = TextEncoder(str(model_copy), device="cpu")
    assert encoder.identity
    vocabulary = model_copy / "tokenizer.json"
    vocabulary.write_text(vocabulary.read_text() + "\n")
    with pytest.raises(ConfigError, match="changed while it was loaded"):
        encoder.load()
