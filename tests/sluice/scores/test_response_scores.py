"""Scores from token losses, part by part, against plain numpy on whole rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.scores.response_scores import LOSS_SCORES, NOISY_SCORES, loss_scores, noisy_scores
from sluice.scores.s_ifd import TokenValues

LOSSES = st.floats(0.0625, 8, width=32)
ROWS = st.lists(st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=6), min_size=2, max_size=6)


def of(rows, side):
    return TokenValues.of([np.array([pair[side] for pair in row], np.float32) for row in rows])


@given(ROWS)
def test_losses_are_scored_as_by_hand(rows):
    found = loss_scores(of(rows, 0), of(rows, 1))
    assert set(found) == set(LOSS_SCORES)
    for row, pairs in enumerate(rows):
        given_, alone = (np.array(side, np.float64).mean() for side in zip(*pairs, strict=True))
        assert found["ifd"][row] == pytest.approx(np.exp(given_ - alone))
        assert found["ifd_loss"][row] == pytest.approx(given_ / alone)
        assert found["perplexity"][row] == pytest.approx(np.exp(given_))
        assert found["response_loss"][row] == pytest.approx(given_)
        assert found["response_tokens"][row] == len(pairs)


@settings(max_examples=40)
@given(ROWS, st.integers(1, 3), st.floats(0.1, 1), st.randoms(use_true_random=False))
def test_copies_are_scored_as_by_hand_in_any_parts(rows, copies, share, random):
    scaled = [
        [[(a * random.uniform(0.5, 1), b) for a, b in row] for row in rows] for _ in range(copies)
    ]
    cut = len(rows) // 2
    whole = noisy_scores(lambda: [[(of(each, 0), of(each, 1))] for each in scaled], share)
    parts = noisy_scores(
        lambda: (
            ((of(part, 0), of(part, 1)) for part in (each[:cut], each[cut:])) for each in scaled
        ),
        share,
    )
    assert set(whole[0]) == set(NOISY_SCORES)
    assert whole[1] == parts[1]
    for name in NOISY_SCORES:
        assert whole[0][name].tolist() == parts[0][name].tolist()
    deltas = [
        [np.array([b - a for a, b in np.array(row, np.float32).astype(np.float64)], np.float32)
         for row in each] for each in scaled
    ]  # fmt: skip
    flat = np.abs(np.concatenate([row for each in deltas for row in each]).astype(np.float64))
    assert whole[1] == pytest.approx(float(np.quantile(flat, 1 - share)), abs=1e-12)
    scores = np.empty((len(rows), copies))
    counts = np.empty((len(rows), copies))
    for copy, each in enumerate(deltas):
        for row, values in enumerate(each):
            kept = values[np.abs(values).astype(np.float64) > whole[1]].astype(np.float64)
            scores[row, copy] = np.exp(-kept.sum() / max(len(kept), 1))
            counts[row, copy] = len(kept)
    np.testing.assert_allclose(whole[0]["s_ifd_mean"], scores.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(whole[0]["s_ifd_std"], scores.std(axis=1), atol=1e-9)
    np.testing.assert_allclose(whole[0]["informative_tokens"], counts.mean(axis=1))
