import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.tokens.mnlp import mnlp


def test_by_hand():
    rows = [[[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], [[0.25, 0.25, 0.5]], np.empty((0, 3))]
    assert mnlp(rows) == pytest.approx([np.log(2) / 2, np.log(2), np.nan], nan_ok=True)


@given(st.integers(0, 9999), st.integers(1, 9), st.integers(2, 6))
def test_bounds_length_and_unread_words(seed, words, tags):
    p = np.random.default_rng(seed).dirichlet(np.ones(tags), words)
    value = mnlp([p])[0]
    assert 0 <= value <= np.log(tags) + 1e-12
    # a sentence said twice is as uncertain as once; unread words change nothing
    assert mnlp([np.vstack([p, p])])[0] == pytest.approx(value)
    assert mnlp([np.vstack([p, np.full((1, tags), np.nan)])])[0] == value
    assert mnlp([np.full((words, tags), 1 / tags)])[0] == pytest.approx(np.log(tags))
    # the likeliest tags of the sentence: no other sequence of tags has a greater product
    assert np.exp(-words * value) == pytest.approx(np.prod(p.max(axis=1)))


@pytest.mark.parametrize(
    "bad", [[0.5, 0.5], [[0.5, 0.6]], [[1.5, -0.5]], [[np.nan, 1.0]], np.empty((2, 0))]
)
def test_bad_input(bad):
    with pytest.raises(DataError, match="entence 0"):
        mnlp([bad])
