"""The votes equal a count by hand, on any tables with ties, draws, duplicates and nulls."""

from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import sluice
from sluice.choices.bounds import ADVERSARY, ORACLE
from sluice.choices.registry import chooser
from sluice.choices.runner import run
from sluice.choices.tables import read_tables

NAMES = st.sampled_from(["q1", "q2", "q10", "é", "Q1"])
ANSWERS = st.sampled_from(["a", "b", "ab", "", "B", None])
ITEMS = st.dictionaries(NAMES, ANSWERS, min_size=1)
CANDIDATES = st.lists(st.tuples(NAMES, st.sampled_from("stuv"), ANSWERS), max_size=25)


def tables(golds: dict[str, Any], said: list[Any]) -> tuple[Any, Any]:
    items = [{"item": name, "text": "", "gold": gold} for name, gold in golds.items()]
    keys = ("item", "source", "answer")
    rows = [dict(zip(keys, row, strict=True)) | {"content": "-"} for row in said if row[0] in golds]
    return items, rows


def best_answer(rows: list[Any], weight: dict[str, Fraction]) -> tuple[str, Fraction] | None:
    """Count by hand: most weight; then the heaviest supporter; then the first one by source."""
    votes: dict[str, Fraction] = defaultdict(Fraction)
    lead: dict[str, tuple[Fraction, str]] = {}
    for row in rows:
        answer, source = row["answer"], row["source"]
        if answer is None:
            continue
        votes[answer] += weight[source]
        lead[answer] = min(lead.get(answer, (Fraction(9), "")), (-weight[source], source))
    # One source that says several things: its draws are numbered by answer.
    order = sorted(votes, key=lambda answer: (-votes[answer], *lead[answer], answer))
    return (order[0], votes[order[0]]) if order else None


@given(ITEMS, CANDIDATES)
@settings(max_examples=300, deadline=None)
def test_majority_and_weighted_vote_equal_a_count_by_hand(golds: Any, said: Any) -> None:
    items, rows = tables(golds, said)
    weights = {source: Fraction(1) for source in "stuv"}
    check(sluice.choose(items, rows, method="majority"), rows, weights)
    if all(gold is None for gold in golds.values()):
        return
    for source in weights:
        right, asked = Fraction(0), 0
        for name, gold in golds.items():
            mine = [r["answer"] == gold for r in rows if (r["item"], r["source"]) == (name, source)]
            if gold is not None and mine:
                right, asked = right + Fraction(sum(mine), len(mine)), asked + 1
        weights[source] = (right + 1) / (asked + 2)
    check(sluice.choose(items, rows, method="weighted_vote"), rows, weights)
    single = sluice.choose(items, rows, method="best_single")
    for name, who in zip(single.items, single.sources, strict=True):
        offering = {row["source"] for row in rows if row["item"] == name}
        ordered = sorted(offering, key=lambda source: (-weights[source], source))
        assert list(who) == ordered[:1]


def check(chosen: Any, rows: Any, weights: dict[str, Fraction]) -> None:
    for at, name in enumerate(chosen.items):
        wanted = best_answer([row for row in rows if row["item"] == name], weights)
        if wanted is None:
            assert chosen.answers[at] is None
            continue
        assert chosen.answers[at] == wanted[0]
        assert abs(chosen.scores[at] - float(wanted[1])) < 1e-9


@given(ITEMS, CANDIDATES, st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_nobody_is_better_than_the_oracle(golds: Any, said: Any, seed: int) -> None:
    items, rows = tables(golds, said)
    asked = read_tables(items, rows)
    # Decide every other item, of which the gold is known to the bounds alone.
    decided = np.arange(len(asked.names)) % 2 == 0
    right: dict[str, list[bool]] = {}
    learnable = bool((asked.pool.gold[~decided] >= 0).any())
    names = ["majority", "random", *(["weighted_vote", "best_single"] if learnable else [])]
    for method in (ORACLE, ADVERSARY, *map(chooser, names)):
        chosen = run(method, asked, seed, decided=decided)
        right[method.name] = [
            answer is not None and answer == golds[name]
            for name, answer in zip(chosen.items, chosen.answers, strict=True)
        ]
        answered = [answer is not None for answer in chosen.answers]
        for at, name in enumerate(chosen.items):
            mine = {row["answer"] for row in rows if row["item"] == name} - {None}
            if method is ORACLE:
                assert right["oracle"][at] == (golds[name] in mine)
            if method is ADVERSARY:
                assert right["adversary"][at] == (mine == {golds[name]})
            assert right[method.name][at] <= right["oracle"][at]
            if answered[at] and method is not ORACLE:
                assert right["adversary"][at] <= right[method.name][at]


def test_log_odds_count_the_answers_that_there_are() -> None:
    golds = dict.fromkeys(map(str, range(8)), "a")
    said = [(name, "s", "a" if int(name) < 6 else "b") for name in golds]
    said += [(name, "t", "c" if int(name) < 7 else "a") for name in golds]
    items, rows = tables(golds | {"new": None}, said)
    rows += [{"item": "new", "source": "s", "content": "-", "answer": "x"}]
    chosen = sluice.choose(items, rows, method="weighted_vote", weights="log_odds")
    # s was right on 6 of 8; a, b and c are three different answers
    assert np.isclose(chosen.scores[0], np.log(7 / 3) + np.log(2))


def test_a_source_more_changes_the_draw_of_few() -> None:
    items = [{"item": k, "text": "", "gold": None} for k in range(400)]
    rows = [{"item": k, "source": s, "content": s} for k in range(400) for s in "abc"]
    before = sluice.choose(items, rows, method="random")
    after = sluice.choose(
        items,
        [*rows, *({"item": k, "source": "d", "content": "d"} for k in range(400))],
        method="random",
    )
    pairs = list(zip(before.answers, after.answers, strict=True))
    assert {answer for was, answer in pairs if was != answer} == {"d"}
    assert 60 < sum(answer == "d" for _, answer in pairs) < 140
    assert 100 < sum(was == "a" for was, _ in pairs) < 170
    assert sluice.choose(items, rows, method="random", seed=1).answers != before.answers
