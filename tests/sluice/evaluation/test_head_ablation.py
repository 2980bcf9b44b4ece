import math

import numpy as np
import pytest

from sluice.evaluation.head_ablation import focus, head_value, specialization
from sluice.scores.graph_attention.baseline_gate import Gate
from sluice.scores.graph_attention.gat_result import Ablation, GatResult

DEVIATIONS = np.array([0.3, 0.1, 0.0, -0.1, -0.1, -0.2])


def top(n, *rows):
    values = np.zeros(n)
    values[list(rows)] = 1.0
    return values


def test_the_worked_specialization():
    assert specialization(DEVIATIONS) == pytest.approx(math.sqrt(0.16 / 6))
    assert specialization(DEVIATIONS + 5) == pytest.approx(specialization(DEVIATIONS))
    assert specialization(np.full(4, 0.7)) == 0


def test_the_worked_focus():
    """Twenty rows, so each head looks at two: {1, 2}, {2, 3}, {1, 2}."""
    sets = [top(20, 1, 2), top(20, 2, 3), top(20, 1, 2)]
    assert focus(np.array([0.3, 0.2, 0.1]), sets) == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)
    assert focus(np.array([0.3, 0.0, 0.1]), sets) == 1, "exact zeros are skipped"
    assert focus(np.array([0.3, 0.0, 0.0]), sets) == 0, "one head is no pair"


def test_focus_takes_the_five_most_useful_heads():
    received = [top(10, 1)] * 5 + [top(10, 2)]
    assert focus(np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1]), received) == 1
    assert focus(np.array([0.1, 0.5, 0.4, 0.3, 0.2, 0.6]), received) == pytest.approx(6 / 10)


def result(ablations, wrong=0):
    labels = np.zeros(40, dtype=np.int64)
    labels[:wrong] = 1
    sure = np.tile([1.0, 0.0], (40, 1))
    received = [np.random.default_rng(0).random((4, 40)), np.zeros((1, 40))]
    gate = Gate(True, 1, 1, 1, 0.5, 40, "It has learnt.")
    ids = np.array([f"{i:02d}" for i in range(40)])
    return GatResult(
        ids, received, sure, np.ones(40), labels, np.ones(40, dtype=np.int64), gate, ablations, 0,
        0.0, "cpu",
    )  # fmt: skip


def test_head_value_tells_the_change_of_the_error_with_its_interval():
    half = np.arange(40) % 2 == 0
    ablations = (
        Ablation(0, 0, 0.5, 0.3, half),
        Ablation(0, 1, 0.0, 0.0, np.ones(40, dtype=bool)),
    )
    found = head_value(result(ablations))
    first, second = found.heads
    assert first.error.mean == 0.5
    assert 0.3 < first.error.low < 0.5 < first.error.high < 0.7
    assert abs(second.error.low) < 1e-9
    assert found.specialization == 0.25
    assert found.relative_specialization == 0, "nothing is wrong"
    assert found.focus_by_chance == pytest.approx(0.1 / 1.9)
    assert head_value(result(ablations, wrong=10)).relative_specialization == 1


def test_no_ablations_no_value():
    assert head_value(result(())) is None
