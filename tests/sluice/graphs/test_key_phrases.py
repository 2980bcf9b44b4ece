import pytest

from sluice.core.errors import ConfigError, UnknownNameError
from sluice.graphs.key_phrases import key_phrases

TEXTS = [
    "Translate the sentence about the quarterly revenue report into French.",
    "Write a function that sorts a linked list in linear time.",
    "",
]


def test_each_text_by_itself_lower_case_and_no_phrase_twice():
    found = list(key_phrases(TEXTS, 4))
    assert found[2] == []
    for text, phrases in zip(TEXTS[:2], found, strict=False):
        assert 1 <= len(phrases) <= 4
        assert len(set(phrases)) == len(phrases)
        assert all(phrase == phrase.lower() and phrase in text.lower() for phrase in phrases)
    assert next(key_phrases([TEXTS[1]], 4)) == found[1]


def test_a_language_without_stop_words_is_refused():
    with pytest.raises(UnknownNameError, match="language of tagging 'xx'"):
        list(key_phrases(TEXTS, 3, "xx"))
    with pytest.raises(ConfigError, match="at least 1"):
        list(key_phrases(TEXTS, 0))
