from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sluice.encoders.batches import longest_first, padded, token_batches

lengths = st.lists(st.integers(0, 300), max_size=80).map(lambda x: np.array(x, dtype=np.int64))


@given(lengths, st.integers(1, 2000))
def test_batches_cover_once_within_budget(given_lengths, budget):
    order = longest_first(given_lengths)
    falling = given_lengths[order]
    assert (np.diff(falling) <= 0).all()
    parts = list(token_batches(falling, budget))
    rows = [i for part in parts for i in range(part.start, part.stop)]
    assert rows == list(range(len(falling)))
    for part in parts:
        size = part.stop - part.start
        assert size == 1 or size * falling[part.start] <= budget
        fits_one_more = (size + 1) * max(falling[part.start], 1) <= budget
        assert part.stop == len(falling) or not fits_one_more


@given(lengths)
def test_equal_lengths_keep_their_order(given_lengths):
    order = longest_first(given_lengths)
    for a, b in pairwise(order):
        assert given_lengths[a] > given_lengths[b] or a < b


@given(st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=6))
def test_padding_is_on_the_right(tokens):
    ids, found = padded(tokens, pad=0)
    assert ids.shape == (len(tokens), max(map(len, tokens)))
    for row, length, expected in zip(ids, found, tokens, strict=True):
        assert row[:length].tolist() == expected
        assert not row[length:].any()
