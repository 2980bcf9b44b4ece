import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2

from sluice.core.errors import DataError
from sluice.data.payloads.bio import spans_of
from sluice.evaluation.metrics import f_of_sums
from sluice.tokens.tag_counts import T_FREX_BETA, span_counts, token_counts

TAG = st.sampled_from(["O", "O", "B-x", "I-x", "B-y", "I-y"])
PAIRS = st.lists(st.lists(st.tuples(TAG, TAG), max_size=8), min_size=1, max_size=6)


def sides(pairs):
    return [[t for t, _ in row] for row in pairs], [[p for _, p in row] for row in pairs]


def test_by_hand():
    truth = [["B-x", "I-x", "O", "B-y"], ["B-x", "O"]]
    predicted = [["B-x", "O", "O", "B-y"], ["I-x", "O"]]
    spans = span_counts(truth, predicted)
    assert spans.dtype == np.int64
    # right: y. Predicted: x (too short), y; the lone I is none
    assert spans.tolist() == [[1, 2, 2], [0, 0, 1]]
    assert f_of_sums(spans.sum(axis=0)) == pytest.approx(0.4)
    words = token_counts(truth, predicted)
    assert {name: counts.tolist() for name, counts in words.items()} == {
        "x": [[1, 1, 2], [0, 1, 1]],
        "y": [[1, 1, 1], [0, 0, 0]],
    }
    # right: B-x, B-y. Predicted 3 words, true 4: P = 2/3, R = 1/2
    b2 = 2.385**2
    total = sum(words.values()).sum(axis=0)
    expected = (1 + b2) / 3 / (b2 * 2 / 3 + 1 / 2)
    assert f_of_sums(total, T_FREX_BETA) == pytest.approx(expected)
    assert pytest.approx(28.29 / 11.86, abs=1e-3) == T_FREX_BETA


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_span_counts_are_those_of_seqeval_in_strict_mode(pairs):
    truth, predicted = sides(pairs)
    counts = span_counts(truth, predicted)
    assert counts.shape == (len(pairs), 3)
    right, said, true = counts.sum(axis=0)
    if said + true == 0:  # seqeval has no score of no span
        assert not any(spans_of(tags) for tags in truth + predicted)
        return
    precision, recall, f, support = precision_recall_fscore_support(
        truth, predicted, scheme=IOB2, average="micro", zero_division=0
    )
    assert (right / max(said, 1), right / max(true, 1)) == pytest.approx((precision, recall))
    assert (f_of_sums(counts.sum(axis=0)), true) == (pytest.approx(f), support)


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_token_counts_are_the_naive_ones(pairs):
    counts = token_counts(*sides(pairs))
    for name, table in counts.items():
        for pair, row in zip(pairs, table.tolist(), strict=True):
            right = sum(t == p and t[2:] == name for t, p in pair)
            said = sum(p[2:] == name for _, p in pair)
            assert row == [right, said, sum(t[2:] == name for t, _ in pair)]
    assert [*counts] == sorted({tag[2:] for row in pairs for pair in row for tag in pair} - {""})


def test_nothing_to_find_and_perfection():
    assert span_counts([["O"], ["I-x"]], [["O"], ["I-x"]]).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert token_counts([["O"], []], [["O"], []]) == {}
    perfect = [["B-x", "I-x", "B-x", "O"]]
    assert f_of_sums(span_counts(perfect, perfect).sum(axis=0)) == 1
    assert f_of_sums(token_counts(perfect, perfect)["x"].sum(axis=0)) == 1


@pytest.mark.parametrize("count", [span_counts, token_counts])
def test_bad_input(count):
    with pytest.raises(DataError, match="at least one"):
        count([], [])
    with pytest.raises(DataError, match="of 1 sentences and predicted ones of 2"):
        count([["O"]], [["O"], ["O"]])
    with pytest.raises(DataError, match="1 true tags and 2"):
        count([["O"]], [["O", "O"]])
    with pytest.raises(DataError, match="'person' is no BIO tag"):
        count([["O"]], [["person"]])
