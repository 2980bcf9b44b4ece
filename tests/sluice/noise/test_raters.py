import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.noise.raters import CLASSES, draw_raters, rating_class

lists = st.lists(st.lists(st.integers(-4, 4), min_size=2, max_size=8), min_size=1, max_size=12)


def names(n):
    return np.array([f"r{i}" for i in range(n)])


@settings(max_examples=100, deadline=None)
@given(lists, st.integers(0, 99))
def test_the_drawn_rating_is_not_in_the_truth(ratings, seed):
    found = draw_raters(ratings, ids=names(len(ratings)), seed=seed)
    for i, row in enumerate(ratings):
        place = int(found.rater[i])
        others = row[:place] + row[place + 1 :]
        mean = sum(others) / len(others)
        for number, code in ((row[place], found.labels[i]), (mean, found.truth[i])):
            word = "positive" if number >= 0.5 else "negative" if number <= -0.5 else "neutral"
            assert CLASSES[code] == word
        assert found.near_border[i] == (min(abs(mean - 0.5), abs(mean + 0.5)) <= 0.1 + 1e-9)
    # a row's rater does not depend on other rows
    order = np.random.default_rng(seed).permutation(len(ratings))
    again = draw_raters([ratings[i] for i in order], ids=names(len(ratings))[order], seed=seed)
    assert np.array_equal(again.rater, found.rater[order])


def test_every_rater_is_drawn_about_as_often():
    n = 6000
    found = draw_raters([[1, 2, 3]] * n, ids=names(n))
    assert np.bincount(found.rater) / n == pytest.approx(np.full(3, 1 / 3), abs=0.02)
    other = draw_raters([[1, 2, 3]] * n, ids=names(n), seed=1)
    assert (other.rater == found.rater).mean() == pytest.approx(1 / 3, abs=0.03)


def test_borders():
    values = np.array([-4, -0.5, -0.49, 0, 0.49, 0.5, 4])
    assert rating_class(values).tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert rating_class(values, (-1.0, 0.4)).tolist() == [0, 1, 1, 1, 2, 2, 2]
    wide = draw_raters([[1, 1], [2, 2]], ids=["a", "b"], borders=(-1.5, 1.5), near=0.5)
    assert wide.truth.tolist() == [1, 2]
    assert wide.near_border.tolist() == [True, True]
    for options in ({"borders": (1.0, 1.0)}, {"near": -0.1}):
        with pytest.raises(ConfigError, match="border"):
            draw_raters([[1, 1]], ids=["a"], **options)


def test_one_rating_has_no_others():
    ratings = [[1, 2], [3], [0, -1, -2]]
    with pytest.raises(DataError, match="Row 'b' has 1 rating"):
        draw_raters(ratings, ids=["a", "b", "c"])
    found = draw_raters(ratings, ids=["a", "b", "c"], set_aside=True)
    assert found.usable.tolist() == [True, False, True]
    assert found.labels[1] == found.truth[1] == found.rater[1] == -1
    assert not found.near_border[1]
    both = draw_raters([ratings[0], ratings[2]], ids=["a", "c"])
    assert np.array_equal(both.labels, found.labels[[0, 2]])
    assert not draw_raters([[]], ids=["a"], set_aside=True).usable.any()


def test_a_rating_that_is_no_number():
    with pytest.raises(DataError, match="Row 'b' has a rating that is not finite"):
        draw_raters([[1, 2], [1, float("nan")]], ids=["a", "b"])
