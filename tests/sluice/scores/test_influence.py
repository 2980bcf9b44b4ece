import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sluice.core.errors import DataError
from sluice.scores.influence import Influence, influence_of


def test_a_sum_of_weighted_cosines():
    rng = np.random.default_rng(0)
    train = [rng.normal(size=(5, 8)).astype("f4") for _ in range(2)]
    validation = [rng.normal(size=(3, 8)).astype("f4") for _ in range(2)]
    found = influence_of(train, validation, [0.1, 0.4])
    for i in range(5):
        for j in range(3):
            expected = sum(
                eta * (t[i] @ v[j]) / (np.linalg.norm(t[i]) * np.linalg.norm(v[j]))
                for eta, t, v in zip([0.1, 0.4], train, validation, strict=True)
            )
            assert found[i, j] == pytest.approx(expected, abs=1e-6)
    # the length of a feature does not count, and a feature of nothing has no influence
    train[0][2] *= 7
    assert np.allclose(influence_of(train, validation, [0.1, 0.4]), found, atol=1e-6)
    train[0][1] = train[1][1] = 0
    assert not influence_of(train, validation, [1, 1])[1].any()


def test_rows_keep_their_place():
    given = Influence(np.arange(12.0).reshape(4, 3), ("a", "b", "c"))
    assert given.of(np.array([2, 0])).matrix.tolist() == [[6, 7, 8], [0, 1, 2]]
    assert len(given) == 4


def test_positive_is_helpful():
    """A step on a row of positive influence lowers the loss of the validation row."""
    rng = np.random.default_rng(1)
    x, beta = rng.normal(size=(30, 4)), rng.normal(size=4)
    y = x @ beta + rng.normal(size=30)
    weights = Ridge(alpha=1e3).fit(x, y).coef_
    gradients = (2 * (x @ weights - y)[:, None] * x).astype("f4")
    target = gradients[0]
    found = influence_of([gradients[1:]], [target[None]], [1.0])[:, 0]
    before = (x[0] @ weights - y[0]) ** 2
    after = [(x[0] @ (weights - 1e-4 * g) - y[0]) ** 2 for g in gradients[1:]]
    assert ((np.array(after) < before) == (found > 0)).all()


def test_what_does_not_fit_is_refused():
    one = np.ones((2, 3), np.float32)
    with pytest.raises(DataError, match="as many"):
        influence_of([one], [one], [])
    with pytest.raises(DataError, match="project both alike"):
        influence_of([one], [np.ones((2, 4), np.float32)], [1.0])
