import numpy as np
import pandas as pd
import pytest

from benchmarks.tables.protocol import CONSUMERS
from benchmarks.tables.statistics import (
    by_set,
    cliques,
    comparable,
    mean_over_sets,
    ranks_of,
    retained,
    wilcoxon_p,
)

# Demsar, JMLR 7 (2006), table 6: AUC of four variants of C4.5 on fourteen sets
PUBLISHED = pd.DataFrame(
    {
        "C4.5": [.763, .599, .954, .628, .882, .936, .661, .583, .775, 1, .940, .619, .972, .957],
        "m": [.768, .591, .971, .661, .888, .931, .668, .583, .838, 1, .962, .666, .981, .978],
        "cf": [.771, .590, .968, .654, .886, .916, .609, .563, .866, 1, .965, .614, .9751, .946],
        "m+cf": [.798, .569, .967, .657, .898, .931, .685, .625, .875, 1, .962, .669, .975, .970],
    }
)  # fmt: skip


def test_ranks_and_critical_difference_are_the_published_ones():
    ranks = ranks_of(PUBLISHED)
    assert ranks.means.round(3).to_dict() == {
        "m+cf": 1.964, "m": 2.0, "cf": 2.893, "C4.5": 3.143
    }  # fmt: skip
    assert ranks.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranks.friedman_p < 0.05


def test_cliques_join_what_is_not_told_apart():
    assert cliques(np.array([1.0, 1.5, 2.2, 4.0]), 1.0) == [(0, 1), (1, 2)]
    assert cliques(np.array([1.0, 3.0]), 1.0) == []


def cell(dataset, fold, method, accuracy, seed=0, error=None):
    names = {f"{m}:{f}": accuracy for m in ("acc", "bal") for f in CONSUMERS}
    names["acc:svm"] = None  # not trained
    return {
        "dataset": dataset, "fold": fold, "method": method, "seed": seed, "error": error
    } | names  # fmt: skip


CELLS = pd.DataFrame(
    [
        cell("a", 0, "all_rows", 0.8),
        cell("a", 0, "random", 0.4, seed=0),
        cell("a", 0, "random", 0.8, seed=1),
        cell("a", 1, "all_rows", 0.5),
        cell("a", 1, "random", 0.6),
        cell("b", 0, "all_rows", 0.5),
        cell("b", 0, "random", 0.4),
        cell("b", 0, "other", 0.5),
        cell("c", 0, "all_rows", 0.5),
        cell("c", 0, "random", 0.4, error="ValueError"),
    ]
)


def test_retained_averages_seeds_then_divides_then_averages_folds():
    shares = retained(comparable(CELLS, ["random"]))
    # fold 0: 0.6 / 0.8 = 75 %; fold 1: 120 %
    assert shares.loc[("a", "tree"), "random"] == pytest.approx(97.5)
    assert shares.loc[("b", "tree"), "random"] == pytest.approx(80)
    assert "svm" not in shares.index.get_level_values("model")
    assert set(shares.index.get_level_values("dataset")) == {"a", "b"}  # c failed


def test_the_cap_is_on_each_set_and_model():
    shares = pd.DataFrame(
        {"x": [120.0, 80.0]}, pd.MultiIndex.from_product([["a"], ["tree", "svm"]])
    ).rename_axis(["dataset", "model"])
    assert by_set(shares, ["tree", "svm"], capped=True).loc["a", "x"] == 90
    assert by_set(shares, ["tree", "svm"], capped=False).loc["a", "x"] == 100


def test_methods_are_compared_on_folds_that_all_have():
    chosen = comparable(CELLS, ["random", "other"])
    assert set(zip(chosen["dataset"], chosen["fold"], strict=True)) == {("b", 0)}


def test_interval_holds_the_mean_and_narrows():
    rng = np.random.default_rng(1)
    few, many = (mean_over_sets(rng.normal(90, 5, size)) for size in (8, 400))
    for mean in (few, many):
        assert mean.low < mean.mean < mean.high
    assert many.high - many.low < few.high - few.low
    assert str(mean_over_sets(np.full(3, 97.0))) == "97.0 [97.0, 97.0]"


def test_signed_ranks():
    one = np.arange(10.0)
    assert wilcoxon_p(one, one) == 1
    # ten differences of one sign: 2 / 2 ** 10
    assert wilcoxon_p(one, one - np.linspace(1, 2, 10)) == pytest.approx(2 / 1024)
