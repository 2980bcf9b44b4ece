import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from sluice.core.errors import DataError
from sluice.evaluation.learning_curve import evaluate_subset, macro_f1
from sluice.heads.logistic import fit_head


def rows(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return (np.eye(3)[y] + 0.7 * rng.normal(size=(n, 3))).astype(np.float32), y


def test_scores_are_those_of_the_head():
    (x, y), validation, test = rows(60, 0), rows(40, 1), rows(50, 2)
    scores = evaluate_subset(x, y, {"validation": validation, "test": test}, 3)
    head = fit_head(x, y, 3)
    for split, (sx, sy) in {"validation": validation, "test": test}.items():
        np.testing.assert_array_equal(scores.predictions[split], head.predict(sx))
        assert scores.predictions[split].dtype == np.int64
        assert scores.accuracy[split] == np.mean(head.predict(sx) == sy)
        assert scores.macro_f1[split] == pytest.approx(
            f1_score(sy, head.predict(sx), average="macro"), abs=1e-12
        )
    assert scores.converged
    assert scores.seconds > 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_macro_f1_equals_sklearn(pairs):
    truth, predicted = np.array(pairs).T
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert macro_f1(truth, predicted, 5) == pytest.approx(expected, abs=1e-12)


def test_a_split_without_rows_or_with_too_few_labels_is_refused():
    x, y = rows(20, 0)
    for part in ((x[:0], y[:0]), (x, y[:3])):
        with pytest.raises(DataError, match="'test'"):
            evaluate_subset(x, y, {"test": part}, 3)
