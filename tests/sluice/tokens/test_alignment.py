from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.tokens.alignment import align

WORDS = st.text("abz 9.-\u0001\u00a0é漢", max_size=6)


def test_by_hand(tokenizer):
    found = align(tokenizer, [["the", "playing", "pool"]], [[0, 5, 6]], 16)
    pieces = tokenizer.convert_ids_to_tokens(found.input_ids[0])
    assert pieces == ["[CLS]", "the", "play", "##ing", "pool", "[SEP]"]
    assert found.labels == [[-100, 0, 5, -100, 6, -100]]
    assert found.firsts[0].tolist() == [1, 2, 4]
    # the first half of a word that is cut in two has its label
    cut = align(tokenizer, [["the", "playing", "pool"]], [[0, 5, 6]], 4)
    assert cut.labels == [[-100, 0, 5, -100]]
    assert (cut.truncated, cut.unread) == (1, 0)
    assert align(tokenizer, [["\u0001", "a"]], None, 8).unread == 1
    assert align(tokenizer, [], [], 8).input_ids == []


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(WORDS, max_size=8), min_size=1, max_size=4), st.integers(3, 20))
def test_one_label_for_each_word_that_survives(tokenizer, sentences, length):
    labels = [[10 * row + word for word in range(len(w))] for row, w in enumerate(sentences)]
    found = align(tokenizer, sentences, labels, length)
    lost = 0
    for row, words in enumerate(sentences):
        ids, marks = found.input_ids[row], found.labels[row]
        assert len(ids) == len(marks) <= length
        # the oracle: each word by itself, one after the other, until the place is used up
        expected, read = [], []
        for word, text in enumerate(words):
            pieces = tokenizer(text, add_special_tokens=False)["input_ids"]
            expected += [labels[row][word]] * bool(pieces) + [-100] * (len(pieces) - 1)
            read += [word] * bool(pieces)
        assert marks == [-100, *expected[: length - 2], -100]
        kept = [mark for mark in marks if mark != -100]
        assert kept == [labels[row][word] for word in found.words[row].tolist()]
        assert found.words[row].tolist() == read[: len(kept)]
        assert [marks[i] for i in found.firsts[row]] == kept
        lost += len(words) - len(kept)
    assert found.truncated + found.unread == lost


def test_bad_input(tokenizer):
    with pytest.raises(DataError, match="2 words and 1 labels"):
        align(tokenizer, [["a", "b"]], [[0]], 8)
    with pytest.raises(DataError, match="below 0"):
        align(tokenizer, [["a"]], [[-100]], 8)
    with pytest.raises(DataError, match="one text"):
        align(tokenizer, ["ab"], None, 8)
    with pytest.raises(DataError, match="1 sentences and labels of 0"):
        align(tokenizer, [["a"]], [], 8)
    with pytest.raises(ConfigError, match="room for a word"):
        align(tokenizer, [["a"]], None, 2)
    with pytest.raises(ConfigError, match="fast tokenizer"):
        align(SimpleNamespace(is_fast=False), [["a"]], None, 8)


def test_labels_are_the_same_whatever_else_is_aligned(tokenizer):
    both = align(tokenizer, [["the", "a"], ["playing"] * 9], None, 12)
    alone = align(tokenizer, [["the", "a"]], None, 12)
    assert both.labels[0] == alone.labels[0]
    assert np.array_equal(both.firsts[0], alone.firsts[0])
