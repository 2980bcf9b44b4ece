import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.data.payloads.bio import spans_of
from sluice.tokens.span_f1 import (
    T_FREX_BETA,
    f_beta,
    score_of,
    span_counts,
    span_f1,
    token_f_beta,
)

TAG = st.sampled_from(["O", "O", "B-x", "I-x", "B-y", "I-y"])
PAIRS = st.lists(st.lists(st.tuples(TAG, TAG), max_size=8), min_size=1, max_size=6)
UNIT = st.floats(0.001, 1)


def sides(pairs):
    return [[t for t, _ in row] for row in pairs], [[p for _, p in row] for row in pairs]


def naive_spans(truth, predicted, only=None):
    """Sets of (sentence, span) on both sides."""
    found = []
    for side in (truth, predicted):
        found.append(
            {
                (r, s)
                for r, tags in enumerate(side)
                for s in spans_of(tags)
                if only in (None, s.type)
            }
        )
    t, p = found
    precision = len(t & p) / len(p) if p else 0
    recall = len(t & p) / len(t) if t else 0
    f = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return (precision, recall, f, len(t))


def test_by_hand():
    truth = [["B-x", "I-x", "O", "B-y"], ["B-x", "O"]]
    predicted = [["B-x", "O", "O", "B-y"], ["I-x", "O"]]
    spans = span_f1(truth, predicted)
    # right: y. Predicted: x (too short), y; the lone I is none
    assert (spans.overall.precision, spans.overall.recall) == (1 / 2, 1 / 3)
    assert spans.overall.f == pytest.approx(0.4)
    assert spans.by_type["x"].support == 2
    assert spans.by_type["y"].f == 1
    tokens = token_f_beta(truth, predicted)
    # right: B-x, B-y. Predicted 3 words, true 4
    assert (tokens.overall.precision, tokens.overall.recall) == (2 / 3, 1 / 2)
    b2 = 2.385**2
    assert tokens.overall.f == pytest.approx((1 + b2) / 3 / (b2 * 2 / 3 + 1 / 2))
    assert tokens.by_type["x"].recall == pytest.approx(1 / 3)
    assert pytest.approx(28.29 / 11.86, abs=1e-3) == T_FREX_BETA


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_strict_spans_are_the_naive_count(pairs):
    truth, predicted = sides(pairs)
    found = span_f1(truth, predicted)
    scores = [(None, found.overall), *found.by_type.items()]
    for name, score in scores:
        expected = naive_spans(truth, predicted, name)
        got = (score.precision, score.recall, score.f, score.support)
        assert got == pytest.approx(expected)
    counts = span_counts(truth, predicted)
    assert counts.shape == (len(pairs), 3)
    assert score_of(counts.sum(axis=0)).f == pytest.approx(found.overall.f)


@settings(max_examples=150, deadline=None)
@given(PAIRS, st.floats(0.1, 5))
def test_token_f_beta_is_the_naive_count(pairs, beta):
    flat = [pair for row in pairs for pair in row]
    found = token_f_beta(*sides(pairs), beta=beta)
    for name in (None, *found.by_type):
        mine = [(t, p) for t, p in flat if name is None or name in (t[2:], p[2:])]
        right = sum(t == p != "O" for t, p in mine)
        said = sum(p != "O" and name in (None, p[2:]) for _, p in mine)
        true = sum(t != "O" and name in (None, t[2:]) for t, _ in mine)
        score = found.overall if name is None else found.by_type[name]
        assert score.precision == pytest.approx(right / said if said else 0)
        assert score.recall == pytest.approx(right / true if true else 0)
        assert score.f == pytest.approx(f_beta(score.precision, score.recall, beta))
    assert set(found.by_type) == {tag[2:] for pair in flat for tag in pair} - {""}


@given(UNIT, UNIT, st.floats(0.1, 10))
def test_f_beta(precision, recall, beta):
    assert f_beta(precision, recall) == pytest.approx(2 * precision * recall / (precision + recall))
    assert f_beta(precision, precision, beta) == pytest.approx(precision)
    low, high = sorted([precision, recall])
    assert low - 1e-12 <= f_beta(precision, recall, beta) <= high + 1e-12
    assert f_beta(0, 0, beta) == 0
    # much of recall is much of F where recall counts more
    if recall > precision:
        assert f_beta(precision, recall, 1 + beta) >= f_beta(precision, recall, 1) - 1e-12


def test_nothing_to_find_and_perfection():
    nothing = span_f1([["O"]], [["O"]])
    assert (nothing.overall.f, nothing.overall.support, nothing.by_type) == (0, 0, {})
    assert token_f_beta([["O"], []], [["O"], []]).overall.support == 0
    assert span_f1([["I-x"]], [["I-x"]]).overall.support == 0
    perfect = [["B-x", "I-x", "B-x", "O"]]
    assert span_f1(perfect, perfect).overall.f == 1
    assert token_f_beta(perfect, perfect).overall.f == 1


@pytest.mark.parametrize("score", [span_f1, token_f_beta, span_counts])
def test_bad_input(score):
    with pytest.raises(DataError, match="at least one"):
        score([], [])
    with pytest.raises(DataError, match="of 1 sentences and predicted ones of 2"):
        score([["O"]], [["O"], ["O"]])
    with pytest.raises(DataError, match="1 true tags and 2"):
        score([["O"]], [["O", "O"]])
    with pytest.raises(DataError, match="'person' is no BIO tag"):
        score([["O"]], [["person"]])


@pytest.mark.parametrize("beta", [0, -1, float("nan"), float("inf")])
def test_bad_beta(beta):
    with pytest.raises(ConfigError, match="above 0"):
        f_beta(0.5, 0.5, beta)


def test_counts_are_integers():
    assert span_counts([["B-x"]], [["B-x"]]).dtype == np.int64
