import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from sluice.heads.temperature import best_scale, cross_entropy, softmax


def drawn(seed, n=60, classes=3, sharp=1.0):
    rng = np.random.default_rng(seed)
    logits = sharp * rng.normal(size=(n, classes))
    labels = np.array([rng.choice(classes, p=row) for row in softmax(rng.normal() + logits)])
    return logits, (np.arange(classes) == labels[:, None]).astype(float), labels


@given(st.integers(0, 200), st.floats(0.2, 20.0))
@settings(max_examples=40, deadline=None)
def test_no_other_scale_fits_better(seed, sharp):
    logits, targets, _ = drawn(seed, sharp=sharp)
    found = best_scale(logits, targets)
    best = minimize_scalar(
        lambda power: cross_entropy(np.exp(power) * logits, targets),
        bounds=(-3, 8),
        method="bounded",
    )
    assert cross_entropy(found * logits, targets) <= best.fun + 1e-6


def test_cross_entropy_is_scikit_learns():
    logits, targets, labels = drawn(0)
    assert cross_entropy(logits, targets) == pytest.approx(log_loss(labels, softmax(logits)))


def test_perfect_logits_and_equal_ones_stay_finite():
    targets = np.eye(3)
    assert cross_entropy(best_scale(targets * 5, targets) * 5 * targets, targets) < 1e-6
    assert np.isfinite(best_scale(np.zeros((3, 3)), targets))
    assert best_scale(-5 * targets, targets) == pytest.approx(np.exp(-3), rel=0.01)
