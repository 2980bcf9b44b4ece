import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sluice.core.errors import ConfigError
from sluice.language.batches import TokenBudget, in_batches


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 100), st.integers(4, 60))
def test_each_position_comes_once_and_batches_fit(lengths, budget, memory):
    """A pretended GPU that holds `memory` tokens; a single row always fits here."""
    held = np.array([min(n, memory) for n in lengths], dtype=np.int64)

    def run(positions):
        if len(positions) * held[positions].max() > memory:
            raise torch.OutOfMemoryError
        return held[positions].tolist()

    limit = TokenBudget(budget)
    seen = []
    for positions, result in in_batches(held, limit, run):
        assert result == held[positions].tolist()
        assert result == sorted(result, reverse=True)
        assert len(positions) == 1 or len(positions) * max(result[0], 1) <= min(budget, memory)
        seen += positions.tolist()
    assert sorted(seen) == list(range(len(held)))


def test_a_batch_is_halved_once_and_not_again_for_each_batch():
    tried = []

    def run(positions):
        tried.append(len(positions))
        if len(positions) > 4:
            raise torch.OutOfMemoryError
        return 0

    limit = TokenBudget(80)
    list(in_batches(np.full(16, 10, dtype=np.int64), limit, run))
    assert tried == [8, 4, 4, 4, 4]
    list(in_batches(np.full(8, 10, dtype=np.int64), limit, run))
    assert tried[5:] == [4, 4]
    # shorter rows still fill the budget
    list(in_batches(np.full(4, 5, dtype=np.int64), limit, run))
    assert tried[7:] == [4]


def test_a_single_row_that_does_not_fit_is_an_error_that_says_what_to_do():
    def run(positions):
        raise torch.OutOfMemoryError

    with pytest.raises(ConfigError, match=r"300 tokens .*max_length"):
        list(in_batches(np.array([300, 200]), TokenBudget(1000), run))


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="max_tokens must be at least 1, got 0"):
        TokenBudget(0)
