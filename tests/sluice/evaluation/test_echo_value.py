"""What trusted labels are worth: which rows each head is trained on, and what is said of it."""

import numpy as np
import pytest

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import accuracy_interval, paired_difference
from sluice.evaluation.echo_value import (
    ALL,
    JUDGED,
    KEPT,
    RANDOM,
    WEIGHTED,
    EchoValue,
    Looked,
    echo_value,
)
from sluice.heads.logistic import fit_head


def blobs(n, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = 2.0 * np.eye(3, 6)[y] + 0.5 * rng.normal(size=(n, 6))
    return x.astype(np.float32), y


N = 90
IDS = np.array([f"r{i:03d}" for i in range(N)])
X, TRUTH = blobs(N, 0)
HELD = {"validation": blobs(120, 1), "test": blobs(60, 2)}
# class 0 is called 1 for most of its rows
WRONG = (TRUTH == 0) & (np.arange(N) < 72)
GIVEN = np.where(WRONG, 1, TRUTH)


def value(kept, at=None, given=GIVEN) -> EchoValue:
    at = np.arange(N) if at is None else at
    return echo_value(
        IDS, X, given, Looked(at, X[at][::-1] * 0.5, kept), HELD, 3, seeds=(0, 1), resamples=200
    )


def test_each_head_is_trained_on_its_rows():
    found = value(~WRONG)
    assert [one.name for one in found.trained] == [ALL, KEPT, WEIGHTED, RANDOM]
    kept = int((~WRONG).sum())
    assert [one.rows for one in found.trained] == [N, kept, N + kept, kept]
    assert [one.seeds for one in found.trained] == [1, 1, 1, 2]
    by_name = {one.name: one for one in found.trained}
    x, y = HELD["validation"]
    every = fit_head(X, GIVEN, 3).predict(x) == y
    trusted = fit_head(X[~WRONG], GIVEN[~WRONG], 3).predict(x) == y
    assert by_name[ALL].accuracy["validation"] == accuracy_interval(every, resamples=200)
    difference = paired_difference(trusted, every, resamples=200)
    assert by_name[KEPT].against_all["validation"] == difference
    share = kept / (N + kept)
    weight = np.array([1 - share] * kept + [share] * N)
    rows = np.concatenate([X[~WRONG], X[::-1] * 0.5])
    labels = np.concatenate([GIVEN[~WRONG], GIVEN])
    weighted = fit_head(rows, labels, 3, weight=weight).predict(x) == y
    assert by_name[WEIGHTED].accuracy["validation"] == accuracy_interval(weighted, resamples=200)
    assert not by_name[ALL].against_all
    assert not by_name[RANDOM].against_random
    assert found == value(~WRONG)


def test_what_wins_and_what_does_not():
    said = value(~WRONG).sentence
    assert said.startswith("Rows that EchoSelect keeps: shown to train a better head than all row")
    assert "may be wrong in the same way" in said
    said = value(np.arange(N) % 2 == 0, given=TRUTH).sentence
    assert "Rows that EchoSelect keeps: not shown to train a better head than all rows." in said
    assert "Random rows, as many as kept, against all rows: " in said
    said = value(WRONG, given=GIVEN).sentence
    assert "Rows that EchoSelect keeps: shown to train a worse head than all rows." in said


def test_of_a_sample_and_of_nothing():
    at = np.arange(0, N, 2)
    found = value(np.ones(len(at), dtype=bool), at)
    assert [one.name for one in found.trained] == [ALL, JUDGED, KEPT, WEIGHTED, RANDOM]
    kept = found.trained[2]
    assert kept.against_all["test"].mean == 0  # of the rows that were looked at
    for nothing, of in ((np.zeros(N, dtype=bool), None), (np.zeros(0, dtype=bool), at[:0])):
        none = value(nothing, of)
        assert [one.name for one in none.trained] == [ALL]
        assert "keeps none of the" in none.sentence
    looked = Looked(at[:0], X[:0], np.zeros(0, dtype=bool))
    with pytest.raises(DataError, match="give some of each"):
        echo_value(IDS[:0], X[:0], GIVEN[:0], looked, HELD, 3)
