import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import sluice.subsets.information.information_greedy as module
from sluice.subsets.information.information_greedy import A, B, lazy_greedy


def phi(total):
    return ((total + A) ** B).sum()


def naive_greedy(x, budget, exact):
    """Every gain at every step, label by label; ties: lower position."""
    total, slope, picks, gains = np.zeros(x.shape[1]), np.full(x.shape[1], np.inf), [], []
    for _ in range(budget):
        slope = np.minimum(slope, B * np.power(total + A, B - 1))
        level = total + A
        terms = np.power(level, B) * np.expm1(B * np.log1p(x / level)) if exact else x * slope
        each = np.zeros(len(x))
        for label in range(x.shape[1]):
            each += terms[:, label]
        each[picks] = -np.inf
        picks.append(int(np.argmax(each)))
        gains.append(each[picks[-1]])
        total = total + x[picks[-1]]
    return picks, gains, total


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 40),
    labels=st.integers(0, 6),
    values=st.sampled_from([(0, 1), (0, 0, 1, 2, 3), (0, 0.1, 0.7, 1e-9, 1e6)]),
    exact=st.booleans(),
    sizes=st.sampled_from([(1, 1), (2, 3), (5, 8), (512, 8192)]),
    seed=st.integers(0, 999),
)
def test_lazy_equals_naive_bit_for_bit(n, labels, values, exact, sizes, seed):
    x = np.random.default_rng(seed).choice(np.array(values, float), size=(n, labels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH", sizes[0])
        patch.setattr(module, "ACTIVE", sizes[1])
        found = lazy_greedy(csr_array(x), n, exact=exact)
    picks, gains, total = naive_greedy(x, n, exact)
    assert found.positions.tolist() == picks
    assert found.gains.tolist() == gains
    assert found.information.tolist() == total.tolist()


@pytest.mark.parametrize("exact", [False, True])
def test_more_equal_rows_than_are_active(exact, monkeypatch):
    monkeypatch.setattr(module, "ACTIVE", 4)
    found = lazy_greedy(csr_array(np.ones((50, 2))), 50, exact=exact)
    assert found.positions.tolist() == list(range(50))


@pytest.mark.parametrize("exact", [False, True])
def test_information_adds_up_and_gains_never_rise(exact):
    rng = np.random.default_rng(0)
    x = rng.random((200, 15)) * (rng.random((200, 15)) < 0.3)
    found = lazy_greedy(csr_array(x), 120, exact=exact)
    assert found.information == pytest.approx(x[found.positions].sum(axis=0), rel=1e-12)
    assert (np.diff(found.gains) <= 1e-12 * found.gains[:-1]).all()
    values = [phi(x[found.positions[:k]].sum(axis=0)) for k in range(121)]
    assert (np.diff(values) >= 0).all()
    if exact:
        assert found.gains == pytest.approx(np.diff(values), rel=1e-9)
    else:  # the first-order gain of a concave function is never below the true one
        assert (found.gains >= np.diff(values) * (1 - 1e-12)).all()


def test_the_exact_form_reaches_its_guarantee():
    from itertools import combinations

    rng = np.random.default_rng(1)
    x = rng.random((13, 6)) * (rng.random((13, 6)) < 0.4)
    best = max(phi(x[list(s)].sum(axis=0)) for s in combinations(range(13), 4))
    empty = phi(np.zeros(6))
    gained = lazy_greedy(csr_array(x), 4, exact=True).gains.sum()
    assert gained >= (1 - 1 / np.e) * (best - empty)


def test_names_the_labels_whose_information_rose_most():
    x = np.array([[5.0, 0, 0, 0, 0], [4, 0.5, 0, 0.4, 0.3]])
    found = lazy_greedy(csr_array(x), 2)
    assert found.positions.tolist() == [1, 0]
    assert found.labels.tolist() == [[0, 1, 3], [0, -1, -1]]
    # label 0 has the greatest value of row 1 again, but no longer the greatest rise
    again = lazy_greedy(csr_array(np.array([[900.0, 0, 0], [1, 0.5, 0.4]])), 2)
    assert again.labels.tolist() == [[0, -1, -1], [1, 2, 0]]
