import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

from sluice.core.errors import ConfigError, DataError
from sluice.data.payloads.bio import (
    Span,
    checked_bio,
    features_of,
    ill_formed,
    repaired,
    spans_of,
    tag_names,
)
from sluice.data.readers.conll import Sentence

TAGS = st.lists(st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y", "B-a-b", "I-a-b"]), max_size=12)


def sentence(*pairs, **more):
    return Sentence(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), **more)


def test_by_hand():
    tags = ["I-x", "I-x", "O", "B-x", "I-y", "B-y", "I-y", "B-y"]
    assert ill_formed(tags) == [0, 4]
    assert repaired(tags) == (("B-x", "I-x", "O", "B-x", "B-y", "B-y", "I-y", "B-y"), 2)
    # what continues nothing is no span, and ends the one before it
    assert spans_of(tags) == [Span("x", 3, 4), Span("y", 5, 7), Span("y", 7, 8)]


@settings(max_examples=300, deadline=None)
@given(TAGS)
def test_strict_spans_are_those_of_seqeval(tags):
    theirs = [e.to_tuple()[1:] for e in Entities([tags], IOB2).entities[0]]
    assert [(s.type, s.start, s.end) for s in spans_of(tags)] == theirs


@settings(max_examples=300, deadline=None)
@given(TAGS)
def test_a_repair_is_well_formed_and_keeps_the_spans_of_lenient_reading(tags):
    mended, changed = repaired(tags)
    assert ill_formed(mended) == []
    assert changed == sum(a != b for a, b in zip(tags, mended, strict=True))
    assert repaired(mended) == (mended, 0)
    lenient = [(kind, start, stop + 1) for kind, start, stop in get_entities(list(tags))]
    assert [(s.type, s.start, s.end) for s in spans_of(mended)] == lenient


def test_ill_formed_tags_are_an_error_or_repaired_and_counted():
    bad = sentence(("a", "O"), ("b", "I-x"), file="f", line=7, line_a_word=True)
    good = sentence(("a", "B-x"), ("b", "I-x"))
    with pytest.raises(DataError, match=r"f, line 8 \('b'\): the tag 'I-x' continues no span"):
        checked_bio([good, bad])
    mended, changed = checked_bio([good, bad], repair=True)
    assert changed == 1
    assert mended[0] is good
    assert mended[1].tags == ("O", "B-x")


@pytest.mark.parametrize("tag", ["", "B", "B-", "b-x", "S-x", "person", "I- "])
def test_what_is_no_bio_tag_is_refused(tag):
    with pytest.raises(DataError, match="no BIO tag"):
        checked_bio([sentence(("a", tag))], repair=True)


def test_features():
    tweet = sentence(
        ("ESB", "B-facility"), ("Empire", "B-facility"), ("STATE", "I-facility"), ("esb", "B-other")
    )
    assert features_of(tweet) == ("empire state", "esb")
    assert features_of(tweet, "type") == ("facility", "other")
    assert features_of(sentence(("a", "O"))) == ()
    decomposed = sentence(("Cafe\u0301", "B-x"))
    assert features_of(decomposed) == features_of(sentence(("CAFÉ", "B-x")))
    with pytest.raises(ConfigError, match="'lemma' or 'type'"):
        features_of(tweet, "stem")
    assert tag_names([tweet])[:3] == ["O", "B-facility", "I-facility"]
    assert len(tag_names([tweet])) == 5
