"""`sluice.choose`: whatever holds the tables, and whatever is wrong with them."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import sluice
from sluice.core.errors import ConfigError, DataError, UnknownNameError

ITEMS: list[dict[str, Any]] = [
    {"item": 30, "text": "2+2", "gold": None, "category": "sum"},
    {"item": 7, "text": "3+3", "gold": "6", "category": "sum"},
    {"item": 12, "text": "4*4", "gold": None, "category": "product"},
    {"item": 1, "text": "nobody", "gold": None, "category": "none"},
    {"item": 2, "text": "unreadable", "gold": None, "category": "none"},
]
CANDIDATES: list[dict[str, Any]] = [
    {"item": 12, "source": "b", "content": "so 16", "answer": "16"},
    {"item": 30, "source": "c", "content": "4!", "answer": "4"},
    {"item": 30, "source": "a", "content": "five", "answer": "5"},
    {"item": 7, "source": "b", "content": "6", "answer": "6"},
    {"item": 7, "source": "a", "content": "7", "answer": "7"},
    {"item": 12, "source": "a", "content": "8", "answer": "8"},
    {"item": 30, "source": "b", "content": "4", "answer": "4"},
    {"item": 2, "source": "a", "content": "hm", "answer": None},
]


def frames(items: list[dict[str, Any]], candidates: list[dict[str, Any]]) -> Any:
    return pd.DataFrame(items), pd.DataFrame(candidates)


def arrow(items: list[dict[str, Any]], candidates: list[dict[str, Any]]) -> Any:
    return pa.Table.from_pylist(items), pa.Table.from_pylist(candidates)


@pytest.mark.parametrize("hold", [lambda i, c: (i, c), frames, arrow])
def test_what_was_chosen(hold: Any) -> None:
    items, candidates = hold(ITEMS, CANDIDATES)
    chosen = sluice.choose(items, candidates, method="weighted_vote")
    assert chosen.items == [30, 12, 1, 2]
    assert all(type(name) is int for name in chosen.items)
    assert chosen.answers == ["4", "16", None, None]
    assert chosen.candidates == [6, 0, None, None]
    assert chosen.sources == [("b", "c", "a"), ("b", "a"), (), ("a",)]
    # b: 2/3, a: 1/3, and c, of whom nothing is known, 1/2
    assert chosen.scores == pytest.approx([2 / 3 + 1 / 2, 2 / 3, 0, 0])
    assert chosen.calls.dtype.kind == "i"
    assert chosen.calls.tolist() == [3, 2, 0, 1]
    assert chosen.reasons[0] == "2 of 3 say so (b, c); next '5' at 0.3333 against 1.167"
    assert chosen.reasons[2:] == ["no source has a candidate", "none of 1 candidates is an answer"]
    assert chosen.ranking.to_pydict()["item"] == [0, 0, 0, 1, 1]
    assert chosen.ranking.to_pydict()["rank"] == [1, 2, 3, 1, 2]
    assert chosen.ranking.to_pydict()["candidate"] == [6, 1, 2, 0, 5]


def test_without_a_column_of_answers_the_content_is_compared() -> None:
    rows = [{k: v for k, v in row.items() if k != "answer"} for row in CANDIDATES]
    chosen = sluice.choose(ITEMS, rows, method="best_single")
    assert chosen.answers == ["4", "so 16", None, "hm"]
    assert chosen.sources == [("b",), ("b",), (), ("a",)]
    assert chosen.reasons[0].startswith("b was right on 1 of 1 items with gold")


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA])
def test_a_missing_gold_is_a_missing_gold(missing: Any) -> None:
    items = [{**row, "gold": row["gold"] or missing} for row in ITEMS]
    plain = sluice.choose(ITEMS, CANDIDATES, method="weighted_vote")
    chosen = sluice.choose(items, CANDIDATES, method="weighted_vote")
    assert (chosen.items, chosen.answers) == (plain.items, plain.answers)
    framed = sluice.choose(pd.DataFrame(items), CANDIDATES, method="weighted_vote")
    assert (framed.items, framed.answers) == (plain.items, plain.answers)


def test_gold_and_answers_may_be_numbers() -> None:
    items = [{"item": "a", "text": "", "gold": 3}, {"item": "b", "text": "", "gold": None}]
    rows = [
        {"item": name, "source": source, "content": answer}
        for name, source, answer in [("a", "x", 3.0), ("a", "y", 4), ("b", "x", 1), ("b", "y", 2)]
    ]
    chosen = sluice.choose(items, rows, method="weighted_vote")
    assert (chosen.items, chosen.answers) == (["b"], ["1"])


def test_nothing_to_decide_and_nobody_who_answers() -> None:
    every = [{**row, "gold": "x"} for row in ITEMS]
    assert sluice.choose(every, CANDIDATES).items == []
    chosen = sluice.choose(ITEMS, [])
    assert (chosen.answers, chosen.calls.tolist()) == ([None] * 4, [0] * 4)
    assert sluice.choose([], []).items == []


def test_draws_are_votes_and_equal_ones_are_kept_apart() -> None:
    items = [{"item": "q", "text": "", "gold": None}]
    said = [("s", "a"), ("t", "b"), ("t", "b"), ("u", "a"), ("t", "b")]
    rows = [{"item": "q", "source": s, "content": c} for s, c in said]
    chosen = sluice.choose(items, rows)
    assert (chosen.answers, chosen.candidates, chosen.calls.tolist()) == (["b"], [1], [3])
    assert chosen.scores.tolist() == [3.0]
    assert chosen.sources == [("t", "s", "u")]


def test_calls_are_the_most_that_are_asked() -> None:
    items = [{"item": k, "text": "", "gold": None} for k in range(40)]
    rows = [{"item": k, "source": s, "content": s} for k in range(40) for s in "abcd"]
    for calls in (1, 2, 4, 9):
        chosen = sluice.choose(items, rows, calls=calls)
        assert chosen.calls.tolist() == [min(calls, 4)] * 40
    one = sluice.choose(items, rows, method="majority", calls=1)
    assert set(one.answers) == set("abcd")
    for bad in (0, -1, 1.5, True, "2"):
        with pytest.raises(ConfigError, match="calls is"):
            sluice.choose(items, rows, calls=bad)


@pytest.mark.parametrize(
    ("items", "candidates", "said"),
    [
        ([ITEMS[0], ITEMS[1], ITEMS[0]], CANDIDATES, "30 occurs twice in items (rows 0 and 2)"),
        (ITEMS[1:], CANDIDATES, "Row 1 of candidates answers the item 30, which is not in items"),
        ([{**r, "item": str(r["item"])} for r in ITEMS], CANDIDATES, "texts and those of cand"),
        ([ITEMS[0], {**ITEMS[1], "item": "7"}], [], "numbers and texts"),
        ([{**ITEMS[0], "item": True}], [], "truths"),
        ([{**ITEMS[0], "item": None}, ITEMS[1]], [], "Row 0 of items has no item"),
        ([{"item": 1, "text": "x"}], [], "items has no column 'gold'"),
        ([{"item": 1, "gold": None}], [], "items has no column 'text'"),
        (ITEMS, [{"item": 7, "source": "a"}], "candidates has no column 'content'"),
        (ITEMS, [{"item": 7, "content": "a", "Source": 1}], "Did you mean 'Source'"),
        (ITEMS, [{**CANDIDATES[0], "source": None}], "Row 0 of candidates has no source"),
        (ITEMS, [{**CANDIDATES[0], "cost": -1.0}], "cost in row 0"),
        (ITEMS, [{**CANDIDATES[0], "cost": float("inf")}], "cost in row 0"),
        (ITEMS, [{**CANDIDATES[0], "draw": 1}] * 2, "Rows 0 and 1 of candidates are the same draw"),
        (ITEMS, [{**CANDIDATES[0], "draw": 1.5}], "whole numbers"),
        (ITEMS, [{**CANDIDATES[0], "content": ["a"]}], "lists or objects"),
        ("items.csv", CANDIDATES, "items is a str and no table"),
        (ITEMS, {"item": [1]}, "candidates is a dict and no table"),
        (ITEMS, [1, 2], "candidates is a list and no table"),
        (ITEMS, None, "candidates is a NoneType and no table"),
    ],
)
def test_what_cannot_be_used_is_named(items: Any, candidates: Any, said: str) -> None:
    with pytest.raises(DataError) as caught:
        sluice.choose(items, candidates)
    assert said in str(caught.value)


def test_wrong_names_and_what_a_method_lacks() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean majority"):
        sluice.choose(ITEMS, CANDIDATES, method="majorty")
    with pytest.raises(UnknownNameError, match="Unknown task 'text'"):
        sluice.choose(ITEMS, CANDIDATES, task="text")
    with pytest.raises(UnknownNameError, match="option of majority 'call'"):
        sluice.choose(ITEMS, CANDIDATES, call=2)
    with pytest.raises(ConfigError, match="seed is 'x'"):
        sluice.choose(ITEMS, CANDIDATES, seed="x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match="weights is 'odds'; give one of accuracy, log_odds"):
        sluice.choose(ITEMS, CANDIDATES, method="weighted_vote", weights="odds")
    with pytest.raises(ConfigError, match="oracle needs the gold of the items that it decides"):
        sluice.choose(ITEMS, CANDIDATES, method="oracle")
    with pytest.raises(DataError, match="best_single learns from items with gold"):
        sluice.choose([ITEMS[0], *ITEMS[2:]], CANDIDATES[:1], method="best_single")
