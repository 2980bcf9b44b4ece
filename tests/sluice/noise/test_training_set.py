import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.noise.echo_select import echo_select
from sluice.noise.training_set import echo_training_set


def test_worked_example():
    x = np.arange(8.0).reshape(4, 2)
    kept = echo_select([0.9, 0.6, 0.5, 0.3], threshold=0.52).kept
    found = echo_training_set(x, -x, [0, 1, 1, 0], kept)
    assert len(found.x) == 6
    assert found.row.tolist() == [0, 1, 0, 1, 2, 3]
    assert found.modified.tolist() == [False, False, True, True, True, True]
    assert found.weight == pytest.approx([2 / 3] * 2 + [1 / 3] * 4)
    assert found.weight[found.modified].sum() == pytest.approx(4 / 3)
    assert found.weight[~found.modified].sum() == pytest.approx(4 / 3)
    assert np.array_equal(found.x, np.where(found.modified[:, None], -x[found.row], x[found.row]))
    assert found.y.tolist() == [0, 1, 0, 1, 1, 0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 50))
def test_size_and_masses(seed, n):
    rng = np.random.default_rng(seed)
    x, kept = rng.normal(size=(n, 3)).astype(np.float32), rng.uniform(size=n) < 0.5
    kept[rng.integers(n)] = True
    found = echo_training_set(x, x + 1, rng.integers(0, 4, n), kept)
    assert len(found.y) == kept.sum() + n
    assert found.weight[found.modified].sum() == pytest.approx(found.weight[~found.modified].sum())
    assert found.x.dtype == np.float32
    assert sorted(found.row[found.modified]) == list(range(n))
    assert np.array_equal(found.row[~found.modified], np.flatnonzero(kept))


def test_bad_input():
    x = np.ones((2, 2))
    with pytest.raises(DataError, match="lower the threshold"):
        echo_training_set(x, x, [0, 1], [False, False])
    with pytest.raises(DataError, match="shapes"):
        echo_training_set(x, np.ones((2, 3)), [0, 1], [True, True])
    with pytest.raises(DataError, match="True or False"):
        echo_training_set(x, x, [0, 1], [1, 0])
    with pytest.raises(DataError, match="whole number"):
        echo_training_set(x, x, [0.5, 1], [True, True])
