import numpy as np
import pytest
from sklearn.datasets import load_digits

from sluice.core.errors import ConfigError, DataError
from sluice.evaluation.labelling_loop import (
    Curve,
    LabellingSet,
    Loop,
    labelling_curve,
    starting_rows,
)
from sluice.heads.logistic import fit_head
from sluice.subsets.queries.registry import STRATEGIES

SHORT = {"expected_error_reduction": {"candidates": 6, "judges": 10}}
LOOP = Loop(start=12, batch=6, rounds=2, candidates=20)


@pytest.fixture(scope="module")
def given():
    x, y = load_digits(return_X_y=True)
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    ids = np.array([f"d{i:04d}" for i in range(300)])
    seen = []

    def words(head, positions):
        seen.append(len(positions))
        return np.linspace(0, 1, len(positions))

    held = {"test": (x[300:500], y[300:500])}
    made = LabellingSet(ids, x[:300], y[:300], 10, held, words)
    object.__setattr__(made, "seen", seen)
    return made


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_goes_through_the_loop(name, given):
    curve = labelling_curve(given, name, 1, LOOP, SHORT.get(name))
    assert curve.labelled == [12, 18, 24]
    assert len(set(curve.order.tolist())) == 24
    assert curve.order[:12].tolist() == starting_rows(given, 1, 12).tolist()
    head = fit_head(given.rows[curve.order], given.labels[curve.order], 10)
    x, y = given.held["test"]
    assert curve.accuracy["test"][-1] == pytest.approx((head.predict(x) == y).mean())


def test_what_reads_words_looks_at_some_candidates(given):
    given.seen.clear()
    labelling_curve(given, "egl_word", 0, LOOP)
    assert given.seen == [20, 20]


def test_the_same_seed_asks_for_the_same_rows(given):
    first = labelling_curve(given, "badge", 3, LOOP)
    assert labelling_curve(given, "badge", 3, LOOP).order.tolist() == first.order.tolist()
    assert labelling_curve(given, "badge", 4, LOOP).order.tolist() != first.order.tolist()


def test_the_start_grows_until_there_are_two_classes(given):
    labels = np.zeros(300, dtype=np.int64)
    order = starting_rows(given, 5, 300)
    labels[order[40]] = 1
    made = LabellingSet(given.ids, given.rows, labels, 2, {})
    assert len(starting_rows(made, 5, 3)) == 41
    with pytest.raises(DataError, match="one class"):
        starting_rows(LabellingSet(given.ids, given.rows, labels * 0, 2, {}), 5, 3)


def test_the_area_is_the_mean_height():
    curve = Curve([10, 20, 40], {"test": [0.2, 0.4, 0.8]}, np.arange(40))
    assert curve.area("test") == pytest.approx((10 * 0.3 + 20 * 0.6) / 30)
    assert Curve([10], {"test": [0.2]}, np.arange(10)).area("test") == 0.2


def test_more_rows_than_there_are(given):
    with pytest.raises(ConfigError, match="of 300 rows"):
        labelling_curve(given, "random", 0, Loop(start=100, batch=100, rounds=3))
