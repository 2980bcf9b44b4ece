import subprocess
import sys
import warnings
from collections import Counter
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

import sluice
from sluice.core.errors import BudgetError, ConfigError, DataError, UnknownNameError
from sluice.subsets.registry import SELECTORS, selectors_for

TEXT = [method.name for method in selectors_for("text")]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:250], y[:250]


class Letters:
    """A real, if small, encoder: letter counts. Counts how often it is asked."""

    def __init__(self):
        self.calls = []

    def encode(self, texts):
        self.calls.append(texts)
        counts = [[text.count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
        x = np.array(counts, dtype=np.float32) + 0.01
        return x / np.linalg.norm(x, axis=1, keepdims=True)


TEXTS = [
    "a fine film", "a bad film", "a fine film", "quite zany", "zzz zzz", "bad bad bad", "film buff",
    "jazz quiz",
]  # fmt: skip


@pytest.mark.parametrize("method", TEXT)
def test_every_method_selects_vectors_in_any_row_order(method, digits):
    X, y = digits
    first = sluice.select(X, y, method=method, budget=0.1, seed=1)
    assert len(first.ids) == 25
    order = np.random.default_rng(0).permutation(len(X))
    again = sluice.select(X[order], y[order], method=method, budget=0.1, seed=1)
    assert first.ids.dtype == again.ids.dtype == np.int64
    assert first.ids.tolist() == order[again.ids].tolist()
    assert first.gains.tolist() == again.gains.tolist()
    assert first.weights.tolist() == [1.0] * 25


def test_vectors_are_normalised_and_unit_ones_left_alone(digits):
    X, _ = digits
    ids = [str(i) for i in range(len(X))]
    unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    picks = [sluice.select(rows, budget=20, ids=ids) for rows in (X, 7.0 * X, unit)]
    assert picks[0].ids.tolist() == picks[1].ids.tolist() == picks[2].ids.tolist()


@pytest.mark.parametrize("method", TEXT)
def test_every_method_selects_texts(method):
    y = ["good", "bad", "good", "odd", "odd", "bad", "good", "odd"]
    kept = sluice.select(TEXTS * 3, y * 3, method=method, budget=5, encoder=Letters())
    assert len(set(kept.ids)) == 5


def test_picks_are_those_of_hashes_of_the_content_with_ordinals():
    """What keys the randomness where there are no ids, as it always did."""
    y = list("abababab")
    seen = Counter()
    names = []
    for text in TEXTS:
        digest = sha256(text.encode()).hexdigest()[:16]
        names.append(f"{digest}-{seen[digest]:06d}")
        seen[digest] += 1
    call = {"method": "random_stratified", "budget": 4, "seed": 3}
    kept, named = sluice.select(TEXTS, y, **call), sluice.select(TEXTS, y, ids=names, **call)
    assert [names[row] for row in kept.ids] == named.ids.tolist()


def test_pandas_objects_with_other_indices_are_warned_of():
    frame = pd.DataFrame(np.eye(3), index=[5, 6, 7])
    for task in ("text", "tabular"):
        call = {"task": task, "method": "random_stratified", "budget": 2}
        with pytest.warns(UserWarning, match="indices differ; rows are matched by position"):
            sluice.select(frame if task == "tabular" else frame[0].astype(str),
                          pd.Series(list("aba")), **call)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sluice.select(frame, pd.Series(list("aba"), index=frame.index), **call)


def test_sparse_rows_are_made_dense_within_bounds():
    X = sparse.random(30, 8, density=0.5, random_state=0, format="csr") + sparse.eye(30, 8)
    y = [0, 1] * 15
    for task, method in (("text", "k_center"), ("tabular", "k_medoids")):
        rows = X if task == "tabular" else X[:8]
        labels = y[: rows.shape[0]]
        call = {"task": task, "method": method, "budget": 3}
        kept = sluice.select(rows, labels, **call)
        assert kept.ids.tolist() == sluice.select(rows.toarray(), labels, **call).ids.tolist()
        with pytest.raises(DataError, match="TruncatedSVD"):
            sluice.select(sparse.eye(10_000, format="csr"), **call)


def test_settings_are_sections_of_a_dataset():
    call = {"method": "facility_location", "budget": 3, "encoder": Letters()}
    kept = sluice.select(TEXTS, settings={"graph": {"k": 1, "slack": 0}}, **call)
    assert kept.ids.tolist() != sluice.select(TEXTS, **call).ids.tolist()
    for given, message in (
        ({"grph": {}}, "Did you mean graph"),
        ({"graph": {"k": 0}}, "graph.k"),
        ({"tagging": {"phrases": 3}}, "which is for the task instructions"),
        ({"columns": {"id": "name"}}, "columns.id is for files; give ids itself"),
    ):
        with pytest.raises(ConfigError, match=message):
            sluice.select(TEXTS, settings=given, **call)


def test_an_encoder_gets_the_same_batches_in_any_row_order():
    one, other = Letters(), Letters()
    sluice.select(TEXTS, budget=3, encoder=one)
    sluice.select(TEXTS[::-1], budget=3, encoder=other)
    assert one.calls == other.calls


def test_nothing_is_computed_that_the_method_does_not_need():
    encoder = Letters()
    kept = sluice.select(
        TEXTS, list("aabbabab"), method="random_stratified", budget=4, encoder=encoder
    )
    assert encoder.calls == []
    assert len(kept.ids) == 4


def test_labels_of_any_kind_and_their_names_in_reasons():
    X = np.eye(4) + 0.1
    for y in (["x", "y", "x", "y"], [1, 2, 1, 2], [1, "one", 1, "one"], np.array([0.5, 2, 0.5, 2])):
        kept = sluice.select(X, y, method="k_medoids", budget=2)
        assert {reason.split("class ")[1].split(",")[0] for reason in kept.reasons} == {
            repr(str(label)) for label in (y.tolist() if isinstance(y, np.ndarray) else y)
        }


def test_options_reach_the_method():
    kept = sluice.select(np.eye(3), ids=["a", "b", "c"], budget=1, start="b")
    assert kept.ids.tolist() == ["b"]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"method": "k_centre"}, UnknownNameError, "Did you mean k_center"),
        ({"task": "video"}, UnknownNameError, "Unknown task"),
        ({"budget": 9}, BudgetError, "more than the 3 rows"),
        ({"method": "k_medoids"}, DataError, "k_medoids needs labels: give y"),
        ({"method": "margin"}, DataError, "margin needs labels: give y"),
        ({"y": [1, 2]}, DataError, "2 labels for 3 rows"),
        ({"y": [1, None, 2]}, DataError, "missing labels"),
        ({"y": [1.0, float("nan"), 2.0]}, DataError, "missing labels"),
        ({"X": "one text"}, DataError, "one text"),
        ({"X": ["a", 3]}, DataError, "Row 1 of X is of type int"),
        ({"X": np.ones(3)}, DataError, "one vector a row"),
        ({"X": np.zeros((3, 2))}, DataError, "Row 0 of X has norm 0"),
        ({"X": np.full((3, 2), np.inf)}, DataError, "Row 0 of X has norm inf"),
        ({"ids": ["a", "b"]}, DataError, "one for each of 3 rows"),
        ({"ids": ["a", "b", "b"]}, DataError, "'b' occurs twice"),
        ({"stat": 1}, UnknownNameError, "Did you mean start"),
        ({"method": "enn"}, UnknownNameError, "enn is no method of the task 'text': give task='t"),
        ({"budget": None}, BudgetError, "k_center needs a budget"),
        ({"language_model": "x"}, ConfigError, "is for the task instructions; the task text"),
        ({"validation": ["a"]}, ConfigError, "is for the task instructions; the task text"),
    ],
)
def test_errors(given, error, message):
    call = {"X": np.eye(3), "budget": 2, **given}
    with pytest.raises(error, match=message):
        sluice.select(**call)


def test_methods_describes_every_selector():
    described = sluice.methods()
    assert [entry["name"] for entry in described] == list(SELECTORS)
    assert [entry["name"] for entry in sluice.methods("text")] == TEXT
    for entry in described:
        for key in ("tasks", "needs", "stochastic", "nested", "class_floor", "sized", "cost",
                    "paper", "formula", "summary", "options"):  # fmt: skip
            assert key in entry
    with pytest.raises(UnknownNameError, match="Unknown task"):
        sluice.methods("video")


def test_import_loads_no_heavy_library():
    script = (
        "import sys, sluice, sluice.api, sluice.subsets.registry;"
        "heavy = {'torch', 'faiss', 'scipy', 'sklearn', 'cleanlab', 'transformers', 'mlflow'};"
        "print(sorted(heavy & set(sys.modules)), sluice.__version__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0] == "[]"
    with pytest.raises(AttributeError, match="no attribute 'selekt'"):
        _ = sluice.selekt
