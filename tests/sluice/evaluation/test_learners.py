import numpy as np

from sluice.evaluation.learners import learner
from sluice.evaluation.learning_curve import evaluate_subset
from sluice.heads.fitting import fit_family
from sluice.heads.logistic import HeadConfig


def rows(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return (np.eye(3)[y] + 0.7 * rng.normal(size=(n, 3))).astype(np.float32), y


def test_none_is_the_logistic_head():
    (x, y), test = rows(50, 0), rows(40, 1)
    assert learner(None).version == HeadConfig().version
    by_default = evaluate_subset(x, y, {"test": test}, 3)
    named = evaluate_subset(x, y, {"test": test}, 3, learner=learner(None))
    np.testing.assert_array_equal(named.predictions["test"], by_default.predictions["test"])


def test_a_family_is_trained_in_its_place():
    (x, y), (unseen, truth) = rows(50, 0), rows(40, 1)
    scores = evaluate_subset(x, y, {"test": (unseen, truth)}, 3, learner=learner("tree"))
    expected = fit_family("tree", x, y).predict(unseen)
    np.testing.assert_array_equal(scores.predictions["test"], expected)
    assert scores.predictions["test"].dtype == np.int64
    assert scores.accuracy["test"] == np.mean(expected == truth)
    assert len({learner(name).version for name in (None, "tree", "svm")}) == 3
