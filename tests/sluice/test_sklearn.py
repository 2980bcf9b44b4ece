"""The sampler under the checks of scikit-learn and imbalanced-learn, and as people use it."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import parametrize_with_checks as imbalanced_checks
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import sluice
from sluice.sklearn import SubsetSelector
from sluice.subsets.registry import selectors_for

SAMPLERS = [
    SubsetSelector(),
    SubsetSelector("k_medoids", 0.5),
    SubsetSelector("random_stratified", 0.6, random_state=3),
]
NOT_OURS = {
    "check_samplers_fit": "asks for sampling_strategy_, a ratio of classes: none is aimed at",
    "check_samplers_nan": "has rows of missing values alone: there is nothing to tell of them",
    "check_samplers_one_label": "asks that one class be refused: rows are picked of one, too",
}


@parametrize_with_checks(SAMPLERS)
def test_scikit_learn(estimator, check):
    check(estimator)


@imbalanced_checks(SAMPLERS, expected_failed_checks=lambda _: NOT_OURS)
def test_imbalanced_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True, as_frame=True)


@pytest.mark.parametrize("method", ["k_center", "enn", "gais", "subset_search"])
def test_it_keeps_what_the_library_picks(method, wine):
    X, y = wine[0].to_numpy(), wine[1].to_numpy()
    options = {"gais": {"networks": 2, "epochs": 5}, "subset_search": {"evaluations": 50}}
    given = options.get(method, {})
    sampler = SubsetSelector(method, 0.1, random_state=4, options=given)
    kept_X, kept_y = sampler.fit_resample(X, y)
    expected = sluice.select(X, y, task="tabular", method=method, budget=0.1, seed=4, **given)
    assert sampler.sample_indices_.tolist() == expected.ids.tolist()
    np.testing.assert_array_equal(kept_X, X[expected.ids])
    np.testing.assert_array_equal(kept_y, y[expected.ids])
    assert sampler.sample_weight_.tolist() == [1.0] * 18
    assert sampler.selection_.reasons == expected.reasons


def test_frames_stay_frames_with_their_index(wine):
    X, y = wine[0].set_index(wine[0].index + 1000), wine[1].set_axis(wine[1].index + 1000)
    X = X.assign(grown=["north", "south"] * 89)
    X.iloc[3, 2] = np.nan
    sampler = SubsetSelector("k_medoids", 12)
    kept_X, kept_y = sampler.fit_resample(X, y)
    pd.testing.assert_frame_equal(kept_X, X.iloc[sampler.sample_indices_])
    pd.testing.assert_series_equal(kept_y, y.iloc[sampler.sample_indices_])
    assert sampler.feature_names_in_.tolist() == X.columns.tolist()
    with pytest.warns(UserWarning, match="indices differ"):
        sampler.fit_resample(X, y.reset_index(drop=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.fit_resample(X, y)


def test_ids_key_what_is_random(wine):
    X, y = wine[0].to_numpy(), wine[1].to_numpy()
    ids = [f"row {place}" for place in range(len(X))]
    sampler = SubsetSelector("random_stratified", 20, random_state=1)
    kept = sampler.fit(X, y, ids=ids).sample_indices_.tolist()
    order = np.random.default_rng(0).permutation(len(X))
    again = sampler.fit(X[order], y[order], ids=[ids[i] for i in order]).sample_indices_
    assert order[again].tolist() == kept
    assert kept != SubsetSelector("random_stratified", 20, random_state=1).fit(
        X, y
    ).sample_indices_.tolist()  # fmt: skip


def test_random_states(wine):
    X, y = wine[0].to_numpy(), wine[1].to_numpy()

    def drawn(state):
        return SubsetSelector("random_stratified", 20, random_state=state).fit(X, y).sample_indices_

    assert drawn(5).tolist() == drawn(np.int64(5)).tolist()
    state = np.random.RandomState(0)
    assert drawn(state).tolist() != drawn(state).tolist()
    assert drawn(np.random.RandomState(0)).tolist() == drawn(np.random.RandomState(0)).tolist()


def test_in_pipelines_and_grid_searches(wine):
    X, y = wine
    model = make_pipeline(
        StandardScaler(), SubsetSelector(budget=0.3), LogisticRegression(max_iter=500)
    )
    search = GridSearchCV(
        model,
        {
            "subsetselector__method": ["k_medoids", "random_stratified"],
            "subsetselector__options": [None, {}],
            "subsetselector__budget": [0.2, "40%"],
        },
        cv=3,
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.85
    # A fold is scored on all of its rows: nothing is picked of what a model predicts.
    assert len(search.best_estimator_.predict(X)) == len(X)
    assert cross_val_score(model, X, y, cv=3).mean() > 0.8


def test_parameters_are_seen_and_cloned():
    options = {"spread": 1}
    sampler = SubsetSelector("k_medoids", "4%", task="text", options=options)
    assert sampler.get_params()["options"] is options
    again = clone(sampler).set_params(budget=5)
    assert (again.budget, again.method, again.options) == (5, "k_medoids", options)


@pytest.mark.parametrize("method", [method.name for method in selectors_for("text")])
def test_texts_are_rows_too(method):
    class Letters:
        def encode(self, texts):
            return np.array([[text.count(c) + 0.1 for c in "abcdefgh"] for text in texts])

    texts = ["abc", "a bad cab", "feed", "egg", "deaf", "gab", "hag", "bed", "beef", "cage"]
    sampler = SubsetSelector(method, 4, task="text", encoder=Letters())
    kept, labels = sampler.fit_resample(texts, [0, 1] * 5)
    assert kept == [texts[i] for i in sampler.sample_indices_]
    assert labels == [i % 2 for i in sampler.sample_indices_]


@pytest.mark.parametrize(
    ("given", "call", "message"),
    [
        ({"method": "k_centre"}, {}, "Did you mean k_center"),
        ({"method": "k_medoids"}, {"y": None}, "k_medoids needs labels: give y"),
        ({"budget": 99}, {}, "more than the 4 rows"),
        ({"options": {"stat": 1}}, {}, "Did you mean start"),
        ({"settings": {"grph": 1}}, {}, "section of settings"),
        ({}, {"X": sparse.eye(9000, format="csr"), "y": None}, "TruncatedSVD"),
        ({}, {"X": [[1.0], [np.inf], [2.0], [3.0]]}, "infinity"),
        ({}, {"y": [0.1, 0.2, 0.3, 0.4]}, "Unknown label type"),
        ({}, {"y": [0, 1]}, "inconsistent numbers of samples"),
    ],
)
def test_errors_are_value_errors(given, call, message):
    rows = {"X": [[0.0], [0.1], [5.0], [5.1]], "y": [0, 0, 1, 1], **call}
    with pytest.raises(ValueError, match=message):
        SubsetSelector(**{"budget": 2, **given}).fit_resample(**rows)


def test_labels_may_be_left_out_where_none_are_read():
    kept, none = SubsetSelector(budget=2).fit_resample([[0.0], [0.1], [5.0]])
    assert (len(kept), none) == (2, None)
