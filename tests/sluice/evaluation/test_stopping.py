"""When to stop labelling, against formulas written out and scikit-learn."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score

from sluice.core.errors import ConfigError, DataError
from sluice.evaluation.stopping import (
    cohen_kappa,
    delta_f,
    kappa_average,
    overall_uncertainty,
)


def codes(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize("seed", range(8))
def test_kappa_and_f_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 4, (2, 50))
    second = np.where(random.random(50) < 0.6, first, second)
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
    change = delta_f([second, first], window=1)[1]
    assert 1 - change == pytest.approx(f1_score(first, second, average="macro"))


def test_kappa_by_hand() -> None:
    # Agreement 3/4; by chance 1/2 * 3/4 + 1/2 * 1/4 = 1/2.
    assert cohen_kappa(codes(0, 0, 1, 1), codes(0, 0, 0, 1)) == pytest.approx(0.5)
    assert cohen_kappa(codes(2, 2), codes(2, 2)) == 1.0
    assert cohen_kappa(codes(0, 1), codes(1, 0)) == -1.0


def test_kappa_average_waits_for_the_window_and_looks_at_the_newest() -> None:
    same, other = codes(0, 1, 0, 1), codes(1, 0, 1, 0)
    assert np.isnan(kappa_average([same])[1])
    assert kappa_average([same] * 3) == (False, 1.0)
    assert kappa_average([same] * 4) == (True, 1.0)
    assert kappa_average([other, same, same, same, same]) == (True, 1.0)
    stop, mean = kappa_average([same, same, other, other])
    assert (stop, mean) == (False, pytest.approx(1 / 3))
    assert kappa_average([same, other], window=1, threshold=-1.0) == (True, -1.0)


def test_delta_f_takes_the_newer_predictions_for_the_truth() -> None:
    older, newer = codes(0, 0, 1, 1), codes(0, 0, 0, 1)
    # Class 0: 2*2/(2*2+0+1) = 4/5; class 1: 2*1/(2*1+1+0) = 2/3.
    stop, change = delta_f([older, newer], window=1)
    assert (stop, change) == (False, pytest.approx(1 - (4 / 5 + 2 / 3) / 2))
    assert delta_f([newer] * 4) == (True, 0.0)
    assert delta_f([newer] * 3) == (False, 0.0)
    # One change among the newest three is too many, whatever the mean.
    assert not delta_f([older, newer, newer, newer], threshold=0.2)[0]
    assert delta_f([older, newer, newer, newer], threshold=0.3)[0]


def test_overall_uncertainty_is_a_share_of_the_greatest_entropy() -> None:
    sure, even = [1.0, 0.0, 0.0], [1 / 3] * 3
    assert overall_uncertainty(np.array([sure, sure])) == (True, 0.0)
    assert overall_uncertainty(np.array([even])) == (False, pytest.approx(1.0))
    assert overall_uncertainty(np.array([sure, even]))[1] == pytest.approx(0.5)
    half = overall_uncertainty(np.array([[0.5, 0.5, 0.0]]))[1]
    assert half == pytest.approx(np.log(2) / np.log(3))
    assert overall_uncertainty(np.ones((4, 1))) == (True, 0.0)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="same stop set"):
        cohen_kappa(codes(0, 1), codes(0))
    with pytest.raises(DataError, match="at least one"):
        cohen_kappa(codes(), codes())
    with pytest.raises(DataError, match="no row"):
        overall_uncertainty(np.empty((0, 3)))
    for method in (kappa_average, delta_f):
        with pytest.raises(ConfigError, match="window"):
            method([codes(0)], window=0)
