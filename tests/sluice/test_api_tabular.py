from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

import sluice
from sluice.core.errors import BudgetError, ConfigError, DataError, UnknownNameError
from sluice.subsets.contract import Pool
from sluice.subsets.registry import selector, selectors_for
from sluice.subsets.runner import run
from sluice.tasks.tabular.caller_rows import table_labels, table_rows

SMALL = {"subset_search": {"evaluations": 60}, "gais": {"networks": 2, "epochs": 8}}
METHODS = [method.name for method in selectors_for("tabular")]
SIZED = [method.name for method in selectors_for("tabular") if method.sized]


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True)


def pick(X, y, method="k_medoids", budget=0.1, **options):
    every = SMALL.get(method, {}) | options
    return sluice.select(X, y, task="tabular", method=method, budget=budget, **every)


def mixed(n=60, seed=0):
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": np.where(draw.random(n) < 0.1, np.nan, draw.normal(size=n)),
            "colour": draw.choice(["red", "blue", None], n),
            "member": draw.random(n) < 0.5,
            "when": pd.to_datetime("2024-01-01") + pd.to_timedelta(draw.integers(0, 400, n), "D"),
        }
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_positions_and_the_same_rows_in_any_order(method, wine):
    X, y = wine[0][::2], wine[1][::2]
    kept = pick(X, y, method, seed=1)
    assert kept.ids.dtype == np.int64
    assert len(set(kept.ids.tolist())) == len(kept.gains) == len(kept.reasons) == 9
    if selector(method).class_floor:
        assert set(y[kept.ids]) == {0, 1, 2}
    order = np.random.default_rng(0).permutation(len(X))
    again = pick(X[order], y[order], method, seed=1)
    assert order[again.ids].tolist() == kept.ids.tolist()
    assert again.gains.tolist() == kept.gains.tolist()


@pytest.mark.parametrize("method", SIZED)
def test_methods_with_a_size_of_their_own_need_no_budget(method, wine):
    kept = pick(*wine, method, budget=None)
    assert 0 < len(kept.ids) < len(wine[1])


def test_rows_are_encoded_as_a_standard_scaler_does(wine):
    X, y = wine
    ids = np.array([f"{i:03}" for i in range(len(X))])
    vectors = StandardScaler().fit_transform(X).astype(np.float32)
    expected = run(selector("k_medoids"), Pool(ids, vectors, y.astype(np.int64)), 18, 0)
    kept = pick(X, y, ids=ids)
    assert kept.ids.tolist() == expected.ids.tolist()


def test_every_kind_of_table_gives_the_same_rows():
    frame = mixed()
    labels = np.random.default_rng(1).choice(["no", "yes"], len(frame))
    first = pick(frame, labels)
    arrow = pa.Table.from_pandas(frame)
    dicts = [{name: row[name] for name in frame.columns} for row in frame.to_dict("records")]
    for other in (arrow, dicts, frame[frame.columns[::-1]], frame.astype({"colour": "category"})):
        assert pick(other, labels).ids.tolist() == first.ids.tolist()
    texts, types = table_rows(frame)
    assert types == {}
    assert table_rows(dicts)[0] == texts == table_rows(arrow)[0]
    assert re.fullmatch(r'\{"colour":.*,"member":(true|false),"size":.*,"when":"202.-..-.."\}',
                        texts[0])  # fmt: skip


def test_an_array_of_numbers_and_lists_of_numbers():
    X = np.array([[1.0, np.nan], [2.0, 3.0]])
    assert table_rows(X) == (
        ['{"x0":1,"x1":null}', '{"x0":2,"x1":3}'],
        {"x0": "numeric", "x1": "numeric"},
    )
    assert table_rows(X.tolist())[0] == table_rows(X)[0]
    assert table_rows(np.array([["a", 1]], dtype=object))[0] == ['{"x0":"a","x1":1}']
    assert list(table_rows(np.ones((1, 11), dtype=bool))[1]) == [f"x{i:02}" for i in range(11)]


def test_columns_of_no_one_type_and_categories_of_numbers():
    frame = pd.DataFrame({"a": [1, "x", None], "b": pd.Categorical([3, 1, 3])})
    texts, types = table_rows(frame)
    assert texts == ['{"a":1,"b":3}', '{"a":"x","b":1}', '{"a":null,"b":3}']
    assert types == {"b": "categorical"}
    assert table_rows([{"a": 2**70}, {"a": "x"}])[0][1] == '{"a":"x"}'
    assert table_rows([{"a": 1}, {"b": 2}])[0] == ['{"a":1,"b":null}', '{"a":null,"b":2}']


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (["b", "a", "b"], ["b", "a", "b"]),
        ([True, False, True], ["true", "false", "true"]),
        (np.array([1.0, 2.0, 1.0]), ["1", "2", "1"]),
        (np.array(["x", "y", "x"], dtype=object), ["x", "y", "x"]),
        ([1, "one", 1], ["1", "one", "1"]),
        (pd.Series([0, 1, 0]), ["0", "1", "0"]),
        (pd.Series(["u", "v", "u"], dtype="category"), ["u", "v", "u"]),
    ],
)
def test_labels_of_any_kind(y, expected):
    assert table_labels(y, 3) == expected
    kept = pick(np.array([[0.0], [5.0], [0.1]]), y, budget=2)
    assert {reason.split("class ")[1].split(",")[0] for reason in kept.reasons} == {
        repr(label) for label in set(expected)
    }


def test_equal_rows_with_different_labels_and_rare_classes():
    X = np.array([[1.0, 7.0]] * 6 + [[2.0, 7.0]] * 3 + [[3.0, 7.0]])
    y = ["a", "b"] * 3 + ["c", "c", "b"] + ["d"]
    for method in METHODS:
        kept = pick(X, y, method, budget=5)
        assert len(set(kept.ids.tolist())) == len(kept.ids)
        if selector(method).class_floor:
            assert {y[row] for row in kept.ids} == set("abcd"), method


def test_more_columns_than_rows_and_all_of_them_categories():
    rows = [{"a": f"a{i}", "b": f"b{i % 3}", "same": "x"} for i in range(12)]
    kept = pick(rows, [i % 2 for i in range(12)], budget=4)
    assert len(kept.ids) == 4


def test_ids_come_back_and_options_reach_the_method(wine):
    X, y = wine
    ids = [f"row {i}" for i in range(len(X))]
    kept = pick(X, y, "random_stratified", ids=ids)
    assert set(kept.ids.tolist()) < set(ids)
    five = pick(X, y, "enn", n_neighbors=5, budget=None)
    assert five.ids.tolist() != pick(X, y, "enn", budget=None).ids.tolist()


@pytest.mark.parametrize("graph", ["hash", "multilevel", "multiview"])
def test_a_graph_is_chosen_by_name(graph, wine):
    kept = pick(*wine, "gais", graph=graph)
    assert len(kept.ids) == 18
    with pytest.raises(UnknownNameError, match=r"Unknown graph 'hsh'\. Did you mean hash"):
        pick(*wine, "gais", graph="hsh")


X3 = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"method": "margin"}, UnknownNameError, "margin is no method of the task 'tabular': give"),
        ({"encoder": object()}, ConfigError, "encoder is for the task instructions, text, tokens;"),
        ({"budget": 1}, BudgetError, "The least possible budget is 2."),
        ({"budget": 0.01}, BudgetError, "The least possible budget is 2."),
        ({"budget": None}, BudgetError, "k_medoids needs a budget"),
        ({"budget": 9}, BudgetError, "more than the 3 rows"),
        ({"y": None}, DataError, "k_medoids needs labels: give y"),
        ({"y": [1, 2]}, DataError, "2 labels for 3 rows"),
        ({"y": [1, None, 2]}, DataError, "y has missing labels, the first in row 1; leave"),
        ({"y": [1.0, np.nan, 2.0]}, DataError, "y has missing labels, the first in row 1"),
        ({"y": [0.5, 1.0, 2.0]}, DataError, "numbers that are not whole, such as 0.5: a quantity"),
        ({"X": np.array([[1, np.inf], [2, 3], [1, 2]])}, DataError,
         "Row 0 of X is infinite in column 'x1'; leave the row out"),
        ({"X": [{"a": 1}, {"a": 2}, {"a": "-inf"}]}, DataError, "Row 2 of X is infinite in column"),
        ({"X": np.array([[1, 2], [np.nan, np.nan], [1, 2]])}, DataError, "Row 1 of X has no value"),
        ({"X": np.ones((3, 2))}, DataError, "No column of the 3 rows to learn from varies"),
        ({"X": np.ones(3)}, DataError, "X has shape (3,); give one row of values each"),
        ({"X": np.ones((0, 2))}, DataError, "X has no row or no column"),
        ({"X": X3 * 1j}, DataError, "X holds complex numbers"),
        ({"X": ["a", "b", "c"]}, DataError, "X is a list and no table; give an array"),
        ({"X": [[1], [1, 2], [3]]}, DataError, "X is a list and no table"),
        ({"X": [{"a": [1]}, {"a": [2]}, {"a": [3]}]}, DataError, "'a' of X holds lists or objects"),
        ({"X": [{"a": [1]}, {"a": 2}, {"a": 3}]}, DataError, "'a' of X holds lists or objects"),
        ({"X": pd.DataFrame([[1, 2], [3, 4], [5, 6]], columns=["a", "a"])}, DataError,
         "X has 2 columns named 'a'"),
        ({"ids": ["a", "b"]}, DataError, "one for each of 3 rows"),
        ({"ids": ["a", "b", "b"]}, DataError, "'b' occurs twice"),
        ({"graph": "hash"}, UnknownNameError, "Unknown option of k_medoids 'graph'"),
    ],
)  # fmt: skip
def test_errors(given, error, message):
    call = {"X": X3, "y": ["a", "b", "a"], "budget": 2, "method": "k_medoids", **given}
    with pytest.raises(error, match=re.escape(message)):
        sluice.select(task="tabular", **call)


def test_methods_of_the_task():
    described = sluice.methods(task="tabular")
    assert [entry["name"] for entry in described] == METHODS
    assert {"gais", "subset_search", "random_stratified", "enn_k_medoids"} < set(METHODS)
    assert [entry["name"] for entry in described if entry["sized"]] == SIZED
