import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.evaluation import attention_value as module
from sluice.evaluation.attention_value import attention_value, left_after
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.head_ablation import Head, HeadValue

FAMILY = "one_nearest_neighbour"


def content(n=100):
    """On a line: in each class ten rows close to the other class, the rest far away."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    near = np.arange(n) < 20
    sign = 2 * labels - 1
    line = np.where(near, 0.1 * sign, 3.0 * sign) + 0.02 * rng.normal(size=n)
    # only the near rows of class 1 reach over: without them the border moves
    line[near & (labels == 1)] -= 1.0
    line[near & (labels == 0)] -= 1.0
    held = np.linspace(-1.4, 1.4, 60)
    ids = np.array([f"{i:04d}" for i in range(n)])
    rows = line[:, None].astype(np.float32)
    return ids, rows, labels, near, held[:, None].astype(np.float32), (held > -1.0).astype(int)


def value(score, **options):
    ids, rows, labels, _, held, truth = content()
    noise = np.random.default_rng(1).random(100)
    given = {"family": FAMILY, "shares": (0.1, 0.2, 0.3), **options}
    return attention_value(ids, rows, labels, score, noise, held, truth, **given)


def test_rows_that_hold_the_border_are_worth_more():
    _, rows, labels, near, held, truth = content()
    found = value(near.astype(float))
    middle = found.deletions[1]
    left = ~near
    model = KNeighborsClassifier(1).fit(rows[left], labels[left])
    assert middle.rows == 20
    assert middle.by_attention.mean == pytest.approx((model.predict(held) == truth).mean())
    assert middle.attention_worth.low > 0
    assert middle.attention_worth.mean == pytest.approx(
        middle.by_random.mean - middle.by_attention.mean
    )
    assert "so they matter more than others" in found.sentence
    assert found.sentence.startswith("On this dataset attention is worth +")
    assert found.accuracy.mean == pytest.approx(1, abs=0.05)


def test_rows_that_nobody_needs_are_worth_nothing():
    _, _, _, near, _, _ = content()
    far_first = (~near).astype(float) + np.random.default_rng(2).random(100) / 9
    found = value(far_first)
    assert found.deletions[1].attention_worth.high <= module.NOTHING + 0.02
    assert "so they matter more than others" not in found.sentence


def test_order_of_rows_does_not_matter():
    ids, rows, labels, near, held, truth = content()
    order = np.random.default_rng(3).permutation(100)
    score, degree = near + np.arange(100) / 1e3, np.arange(100) % 7 + np.arange(100) / 1e3
    one = attention_value(ids, rows, labels, score, degree, held, truth, family="tree")
    other = attention_value(
        ids[order], rows[order], labels[order], score[order], degree[order], held, truth,
        family="tree",
    )  # fmt: skip
    assert one == other


def test_deletion_goes_class_by_class_and_leaves_every_class():
    labels = np.array([0] * 30 + [1] * 10 + [2])
    scores = np.arange(41.0)
    gone = np.setdiff1d(np.arange(41), left_after(labels, scores, 0.1))
    assert gone.tolist() == [27, 28, 29, 39]
    assert left_after(labels, np.zeros(41), 0.1)[0] == 3, "ties: the first goes"
    assert left_after(labels, scores, 0.99)[-1] == 40


def test_large_tables_are_tested_on_a_draw(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 40)
    assert value(np.arange(100.0)).rows == 40


def test_heads_are_told_with_it():
    heads = HeadValue(
        tuple(Head(0, h, Interval(c, c, c), 0.0) for h, c in enumerate((-0.004, 0.021))),
        0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip
    found = value(np.arange(100.0), heads=heads)
    assert found.heads is heads
    assert found.sentence.endswith("changes the network's error by -0.4 to +2.1 points.")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="shares"):
        value(np.zeros(100), shares=(1.5,))
    with pytest.raises(ConfigError, match="seeds"):
        value(np.zeros(100), seeds=1)
    with pytest.raises(DataError, match="one length"):
        value(np.zeros(3))
    with pytest.raises(UnknownNameError, match="random_forest"):
        value(np.zeros(100), family="random_forrest")
