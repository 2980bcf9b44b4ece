from dataclasses import replace

import numpy as np
import pytest
from tiny_bert import LETTERS, tiny_bert, tiny_tokenizer

from sluice.core.errors import ConfigError, DataError
from sluice.evaluation.metrics import f_of_sums
from sluice.models.token_fine_tune import T_FREX_TRAINING, token_fine_tune
from sluice.models.token_predict import predict_tags
from sluice.tokens.alignment import align
from sluice.tokens.mnlp import mnlp
from sluice.tokens.tag_counts import span_counts

NAMES = ["O", "B-digit", "I-digit"]
CONFIG = replace(T_FREX_TRAINING, epochs=1, max_length=32, learning_rate=5e-3)


def some(n, seed):
    """Sentences of letters and digits: runs of digits are the spans."""
    rng = np.random.default_rng(seed)
    sentences = [list(rng.choice(list(LETTERS), rng.integers(3, 9))) for _ in range(n)]
    tags = []
    for words in sentences:
        marks = ["O"]
        for word in words:
            inside = marks[-1] != "O"
            marks.append(("I-digit" if inside else "B-digit") if word.isdigit() else "O")
        tags.append(marks[1:])
    return sentences, tags


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def tagger(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagger")
    config = replace(CONFIG, epochs=16)
    result = token_fine_tune(*some(300, 0), NAMES, config, encoder, folder, device="cpu")
    return folder, result


def test_it_learns_spans_that_a_rule_makes(tagger):
    folder, result = tagger
    losses = [point["loss"] for point in result.curve]
    assert result.steps == 16 * 19
    assert losses[-1] < 0.2 * losses[0]
    sentences, tags = some(60, 1)
    found = predict_tags(folder, sentences, max_length=32, device="cpu")
    assert found.tag_names == tuple(NAMES)
    assert (found.truncated, found.unread) == (0, 0)
    spans = span_counts(tags, found.tags).sum(axis=0)
    assert f_of_sums(spans) > 0.6  # ill-formed or random tags: near 0
    for words, marks, values in zip(sentences, found.tags, found.probabilities, strict=True):
        assert values.shape == (len(words), 3)
        assert values.sum(axis=1) == pytest.approx(np.ones(len(words)))
        assert marks == [NAMES[code] for code in values.argmax(axis=1)]
    assert (mnlp(found.probabilities) >= 0).all()


def test_batch_mates_change_no_more_than_rounding(tagger):
    sentences = some(40, 2)[0]
    together = predict_tags(tagger[0], sentences, max_length=32, device="cpu")
    for row, words in enumerate(sentences):
        alone = predict_tags(tagger[0], [words], max_length=32, device="cpu") if row < 5 else None
        if alone is not None:
            difference = np.abs(alone.probabilities[0] - together.probabilities[row]).max()
            assert difference <= 1e-5


def test_words_that_are_cut_off_or_unread_are_o_and_counted(tagger):
    sentences = [["a", "\u0001", "7", "8", "9"], [], ["a"]]
    found = predict_tags(tagger[0], sentences, max_length=4, device="cpu")
    assert (found.truncated, found.unread) == (2, 1)
    assert found.tags[0][1] == "O"
    assert found.tags[0][3:] == ["O", "O"]
    assert np.isnan(found.probabilities[0]).all(axis=1).tolist() == [False, True, False, True, True]
    assert found.tags[1] == []
    assert np.isnan(mnlp(found.probabilities)).tolist() == [False, True, False]
    assert predict_tags(tagger[0], [], device="cpu").tags == []


def test_the_same_seed_gives_the_same_model_and_another_seed_another(encoder, tmp_path):
    rows = some(40, 3)

    def after(name, seed):
        config = replace(CONFIG, seed=seed)
        result = token_fine_tune(*rows, NAMES, config, encoder, tmp_path / name, device="cpu")
        return result.curve, predict_tags(tmp_path / name, rows[0], 32, device="cpu").probabilities

    import torch

    state = torch.get_rng_state()
    first, again, other = after("a", 0), after("b", 0), after("c", 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert first[0] == again[0]
    assert all(np.array_equal(x, y) for x, y in zip(first[1], again[1], strict=True))
    assert not np.allclose(np.vstack(first[1]), np.vstack(other[1]))


def test_the_loss_is_that_of_first_sub_words(encoder, tmp_path):
    """At almost no learning rate and no dropout: the mean over words, by hand."""
    import torch
    from transformers import AutoModelForTokenClassification

    sentences, tags = [["playing", "7", "the"], ["the"] * 6], [["O", "B-digit", "O"], ["O"] * 6]
    config = replace(CONFIG, learning_rate=1e-12, batch_size=1)
    result = token_fine_tune(sentences, tags, NAMES, config, encoder, tmp_path / "t", device="cpu")
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "t")
    tokenizer = tiny_tokenizer()
    losses = []
    for words, marks in zip(sentences, tags, strict=True):
        pieces = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            logs = torch.log_softmax(model(**pieces).logits[0], dim=1)
        seen = set()
        for place, word in enumerate(pieces.word_ids()):
            if word is not None and word not in seen:
                seen.add(word)
                losses.append(-float(logs[place, NAMES.index(marks[word])]))
    assert len(losses) == 9
    assert result.curve[0]["loss"] == pytest.approx(np.mean(losses), abs=1e-5)


def test_bad_input(encoder, tmp_path):
    rows = some(4, 0)
    options = {"model_folder": encoder, "output_folder": tmp_path, "device": "cpu"}
    with pytest.raises(DataError, match="at least one"):
        token_fine_tune([], [], NAMES, CONFIG, **options)
    with pytest.raises(DataError, match="'B-x', which is not among"):
        token_fine_tune([["a"]], [["B-x"]], NAMES, CONFIG, **options)
    with pytest.raises(DataError, match="2 words and 1 labels"):
        token_fine_tune([["a", "b"]], [["O"]], NAMES, CONFIG, **options)
    with pytest.raises(DataError, match="No sentence has a word"):
        token_fine_tune([["\u0001"], []], [["O"], []], NAMES, CONFIG, **options)
    with pytest.raises(ConfigError, match="epochs"):
        token_fine_tune(*rows, NAMES, replace(CONFIG, epochs=0), **options)
    with pytest.raises(ConfigError, match="does not exist"):
        token_fine_tune(*rows, NAMES, CONFIG, tmp_path / "none", tmp_path / "x", "cpu")
    with pytest.raises(ConfigError, match="batch_size"):
        predict_tags(encoder, rows[0], batch_size=0)


def test_the_default_encoder_is_tagged_with_its_own_tokenizer(tmp_path):
    sentences, tags = [["Empire", "State"], ["unbelievable"]], [["B-digit", "I-digit"], ["O"]]
    token_fine_tune(sentences, tags, NAMES, CONFIG, None, tmp_path / "m", device="cpu")
    found = predict_tags(tmp_path / "m", sentences, max_length=32, device="cpu")
    assert [values.shape for values in found.probabilities] == [(2, 3), (1, 3)]
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    assert align(tokenizer, sentences, None, 8).truncated == 0
