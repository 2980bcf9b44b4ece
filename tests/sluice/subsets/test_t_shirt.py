import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import BudgetError, ConfigError, DataError
from sluice.subsets.by_score.t_shirt import SELECTOR, t_shirt
from sluice.subsets.contract import Pool
from sluice.subsets.runner import run

MEAN = [0.90, 0.85, 0.80, 0.75, 0.95]
STD = [0.05, 0.01, 0.02, 0.001, 0.20]
LOW = [0.5] * 5


def naive(mean, std, ifd, budget, factor=2, empty=()):
    """The two stages by plain sorting of tuples."""
    rows = [i for i in range(len(mean)) if ifd[i] < 1 and i not in empty]
    high = sorted(rows, key=lambda i: (-mean[i], i))[: factor * budget]
    return sorted(high, key=lambda i: (std[i], i))[:budget], high


def test_worked_example():
    kept = t_shirt(MEAN, STD, LOW, 2)
    assert kept.ids.dtype == np.int64
    assert kept.ids.tolist() == [1, 2]  # 3 has the least deviation, but is not in stage one
    assert kept.gains.tolist() == [0.85, 0.80]
    assert kept.note == ""
    assert kept.reasons[0] == (
        "Mean S-IFD 0.8500 is number 3 of 5; its standard deviation 0.01 is number 1 of the 4 "
        "with the highest means."
    )


def test_a_smaller_budget_is_no_prefix():
    one, two = (t_shirt(MEAN, STD, LOW, budget).ids.tolist() for budget in (1, 2))
    assert one == [0]
    assert two == [1, 2]
    assert not SELECTOR.nested


# few distinct values, so that ties decide often
tenths = st.integers(0, 12).map(lambda i: i / 10)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(tenths, tenths, tenths, st.integers(0, 2)), min_size=1, max_size=25),
    st.data(),
)
def test_equals_the_naive_stages(rows, data):
    mean, std, ifd, tokens = (np.array(each, dtype=float) for each in zip(*rows, strict=True))
    budget = data.draw(st.integers(1, len(rows)))
    empty = set(np.flatnonzero(tokens == 0))
    picks, high = naive(mean, std, ifd, budget, empty=empty)
    kept = t_shirt(mean, std, ifd, budget, informative_tokens=tokens).ids.tolist()
    assert kept == picks
    assert len(kept) <= budget
    assert set(kept) <= set(high)
    assert (ifd[kept] < 1).all()
    # unknown tokens, or the authors' way: nobody is without
    picks, _ = naive(mean, std, ifd, budget)
    assert t_shirt(mean, std, ifd, budget).ids.tolist() == picks
    for how in ({"mode": "reference"}, {"empty_tokens": "reference"}):
        again = t_shirt(mean, std, ifd, budget, informative_tokens=tokens, **how)
        assert again.ids.tolist() == picks


def test_a_wider_first_stage():
    assert t_shirt(MEAN, STD, LOW, 2, pool_factor=2.5).ids.tolist() == [3, 1]
    assert t_shirt(MEAN, STD, LOW, 2, pool_factor=1).ids.tolist() == [0, 4]
    # rounded up, as the decimal says it: 1.1 times 10 is 11, although 1.1 * 10 is above it
    mean, std = np.linspace(1, 0.5, 20), np.linspace(1, 0, 20)
    assert t_shirt(mean, std, [0.5] * 20, 10, pool_factor=1.1).ids.tolist() == list(
        range(10, 0, -1)
    )


def test_rows_without_an_informative_token():
    # by definition their S-IFD is 1 and their deviation 0: the authors' code takes them first
    mean, std, tokens = [1.0, 0.9, 0.8], [0.0, 0.01, 0.02], [0, 5, 5]
    ours = t_shirt(mean, std, [0.5] * 3, 1, informative_tokens=tokens)
    assert ours.ids.tolist() == [1]
    assert ours.note == "1 of 3 rows without an informative token are left out."
    theirs = t_shirt(mean, std, [0.5] * 3, 1, informative_tokens=tokens, mode="reference")
    assert theirs.ids.tolist() == [0]
    assert theirs.note == "1 of 3 rows without an informative token take part with S-IFD 1."


def test_caps():
    mean, std, ifd = [1.2, 0.9, 0.8], [0.01, 0.02, 0.03], [0.9, 1.0, 0.7]
    kept = t_shirt(mean, std, ifd, 3)
    assert kept.ids.tolist() == [0, 2]
    assert kept.note == (
        "t_shirt kept 2 rows of the 3 asked for: no more are usable. "
        "1 of 3 rows are left out: mean IFD is 1 or more."
    )
    assert t_shirt(mean, std, ifd, 3, cap="s_ifd").ids.tolist() == [1, 2]
    assert t_shirt(mean, std, ifd, 3, cap="none").ids.tolist() == [0, 1, 2]


def test_nan_and_infinite_scores_are_set_aside():
    mean, std, ifd = np.array(MEAN), np.array(STD), np.array(LOW)
    mean[0], std[1], ifd[2] = np.nan, np.inf, np.nan
    tokens = [3, 3, 3, 3, np.nan]
    kept = t_shirt(mean, std, ifd, 5, informative_tokens=tokens)
    assert kept.ids.tolist() == [3]
    assert "4 of 5 rows are set aside: a score is NaN or infinite." in kept.note


def test_pool_in_any_order():
    rng = np.random.default_rng(4)
    scores = {
        "s_ifd_mean": rng.integers(5, 12, 60) / 10,
        "s_ifd_std": rng.integers(0, 4, 60) / 10,
        "noisy_ifd": rng.integers(5, 12, 60) / 10,
        "informative_tokens": rng.integers(0, 4, 60) * 1.0,
    }
    ids = np.array([f"row {i:02d}" for i in range(60)])
    kept = run(SELECTOR, Pool(ids, scores=scores), 8, 0)
    mean, std, ifd, tokens = scores.values()
    plain = t_shirt(mean, std, ifd, 8, informative_tokens=tokens)
    assert kept.ids.tolist() == [f"row {i:02d}" for i in plain.ids]
    assert kept.reasons == plain.reasons
    order = rng.permutation(60)
    shuffled = Pool(ids[order], scores={name: each[order] for name, each in scores.items()})
    assert run(SELECTOR, shuffled, 8, 1).ids.tolist() == kept.ids.tolist()


def test_what_is_wrong_is_said():
    with pytest.raises(DataError, match="standard deviations have shape"):
        t_shirt(MEAN, STD[:4], LOW, 2)
    with pytest.raises(DataError, match="standard deviations of row 0"):
        t_shirt(MEAN, [-1, 0, 0, 0, 0], LOW, 2)
    with pytest.raises(BudgetError):
        t_shirt(MEAN, STD, LOW, 6)
    for wrong in ({"cap": "x"}, {"mode": "x"}, {"empty_tokens": "x"}, {"pool_factor": 0.5},
                  {"pool_factor": float("nan")}, {"pool_factor": "2"}):  # fmt: skip
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            t_shirt(MEAN, STD, LOW, 2, **wrong)
