import numpy as np
import pytest

from sluice.core.errors import DataError, UnknownNameError
from sluice.heads.families import FAMILIES, make_classifier
from sluice.heads.fitting import fit_family
from sluice.heads.logistic import fit_head


def rows(n, classes, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return (np.eye(classes)[y] + 0.2 * rng.normal(size=(n, classes))).astype(np.float32), y


@pytest.mark.parametrize("family", list(FAMILIES))
def test_it_is_the_familys_own_classifier(family):
    x, y = rows(40, 3)
    unseen, _ = rows(30, 3, seed=1)
    expected = make_classifier(family, 7).fit(x, y).predict(unseen)
    np.testing.assert_array_equal(fit_family(family, x, y, 7).predict(unseen), expected)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_few_rows_and_one_class_are_no_error(family):
    x, y = rows(2, 2)
    assert set(fit_family(family, x, y).predict(x).tolist()) <= {0, 1}
    one = fit_family(family, x, np.array([4, 4]))
    np.testing.assert_array_equal(one.predict(rows(5, 2)[0]), [4] * 5)


def test_what_is_wrong_is_said():
    x, y = rows(4, 2)
    with pytest.raises(DataError, match="0 rows and 0 labels"):
        fit_family("tree", x[:0], y[:0])
    with pytest.raises(DataError, match="4 rows and 3 labels"):
        fit_family("tree", x, y[:3])
    with pytest.raises(UnknownNameError, match="random_forest"):
        fit_family("random_forests", x, y)


@pytest.mark.filterwarnings("error")
def test_nearly_as_many_classes_as_rows_are_no_warning():
    # scikit-learn takes them for quantities, from 20 rows on.
    x, y = np.random.default_rng(0).normal(size=(24, 4)), np.arange(24) % 14
    assert len(fit_head(x, y, n_classes=14).classes) == 14
    assert len(fit_family("tree", x, y).classes_) == 14
