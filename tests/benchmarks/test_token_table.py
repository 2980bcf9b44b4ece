import numpy as np
import pytest

from benchmarks.token_table import curve, f_of, grouped, resampled, table

SHARES, METHODS = (0.5,), ("random", "t_frex")


def cells():
    rng = np.random.default_rng(0)
    right = rng.integers(0, 2, (3, 40))
    counts = np.stack([right, right + 1, np.ones_like(right) * 2], axis=-1)
    return [
        {"method": method, "share": share, "seed": seed, "rows": 7, "spans_kept": 4}
        | {"spans": counts[seed].tolist()}
        for seed in (2, 0, 1)
        for method, share in (("random", 0.5), ("t_frex", 0.5), ("all_rows", 1.0))
    ]


def test_f_is_the_weighted_harmonic_mean_of_precision_and_recall():
    precision, recall, beta = 3 / 4, 3 / 9, 2.385
    expected = (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
    assert f_of(np.array([3, 4, 9]), beta) == pytest.approx(expected)
    assert f_of(np.array([0, 0, 9]), beta) == 0


def test_the_mean_is_over_seeds_and_the_draws_lie_around_it():
    counts = np.array([cell["spans"] for cell in grouped(cells())[0.5, "random"]], dtype=float)
    mean, values = resampled(counts, 1.0)
    assert mean == pytest.approx(np.mean([f_of(seed.sum(axis=0), 1.0) for seed in counts]))
    assert values.min() < mean < values.max()


def test_equal_cells_do_not_differ_from_random_whatever_their_order():
    lines = table(cells(), "spans", 1.0, SHARES, METHODS)
    assert lines[3].startswith("| 50.0% | t_frex | 3 | 7 | 4 | ")
    assert lines[3].endswith("| +0.000 [0.000, 0.000] |  |")
    assert lines == table(cells()[::-1], "spans", 1.0, SHARES, METHODS)
    assert "all_rows" in lines[-1]


def test_the_curve_is_a_picture():
    assert curve(cells(), "spans", 1.0, "span F1").startswith(b"\x89PNG")
