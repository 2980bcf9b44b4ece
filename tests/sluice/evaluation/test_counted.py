import numpy as np
import pytest

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import row_counts
from sluice.evaluation.cells import Measured
from sluice.evaluation.count_bootstrap import (
    CountBootstrap,
    choose_by_counts,
    f_of_sums,
    summarise_counts,
)
from sluice.tokens.span_f1 import score_of


def counts(seed, seeds=1, rows=40):
    rng = np.random.default_rng(seed)
    true, said = rng.integers(0, 4, (2, seeds, rows))
    right = rng.binomial(np.minimum(true, said), 0.6)
    return np.stack([right, said, true], axis=-1)


@pytest.mark.parametrize("beta", [1.0, 2.385])
def test_the_score_is_that_of_the_added_counts(beta):
    sums = counts(0).sum(axis=(0, 1))
    assert f_of_sums(sums, beta) == pytest.approx(score_of(sums, beta).f)
    assert f_of_sums(np.zeros(3)) == 0


def test_resamples_add_up_before_they_divide():
    options = CountBootstrap(resamples=20, confidence=0.9)
    values = counts(1)
    drawn = np.concatenate(list(row_counts(40, 20, 0)))
    plain = []
    for draw in drawn:
        rows = np.repeat(np.arange(40), draw.astype(int))
        plain.append(score_of(values[0, rows].sum(axis=0)).f)
    found = options.accuracy(values)
    assert found.mean == pytest.approx(score_of(values[0].sum(axis=0)).f)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(plain, [0.05, 0.95])))


def test_a_difference_is_paired():
    options = CountBootstrap(resamples=100)
    same = options.difference(counts(2), counts(2))
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    better = counts(2)
    better[..., 0] = np.minimum(better[..., 1], better[..., 2])
    assert options.difference(better, counts(2)).low > 0
    with pytest.raises(DataError, match="same rows"):
        options.difference(counts(2), counts(2, rows=3))


def test_methods_are_compared_and_the_best_is_chosen():
    def measured(name, seed, values):
        return Measured(name, 0, seed, {"validation": values[0], "test": values[0]})

    best = counts(3)
    best[..., 0] = np.minimum(best[..., 1], best[..., 2])
    results = [measured("random_stratified", s, counts(3)) for s in (0, 1)]
    results += [measured("t_frex", 0, best), measured("all_rows", 0, best)]
    table = summarise_counts(results, CountBootstrap(resamples=50))
    assert [line.selector for line in table] == ["random_stratified", "t_frex", "all_rows"]
    assert table[1].beats_random
    assert table[1].against_all["test"].mean == 0
    choice = choose_by_counts(results, 0)
    assert (choice.selector, choice.seed) == ("t_frex", 0)
    assert choice.mean_accuracy == pytest.approx(score_of(best[0].sum(axis=0)).f)
