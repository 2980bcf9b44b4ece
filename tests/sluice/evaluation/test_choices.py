"""Choosers are measured beside their controls and bounds, on gold that they do not see."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import accuracy_interval, paired_difference
from sluice.evaluation.choices import above_oracle, below_random, measure

METHODS: dict[str, dict[str, Any]] = {"weighted_vote": {"weights": "log_odds"}}


def tables(count: int, skill: list[float], seed: int = 0) -> tuple[Any, Any, Any]:
    """Questions with ten answers; sources that are right as often as their skill says."""
    rng = np.random.default_rng(seed)
    items: list[Any] = []
    rows: list[Any] = []
    for k in rng.permutation(count).tolist():
        gold = int(rng.integers(10))
        items.append({"item": k, "text": "", "gold": gold})
        for s, p in enumerate(skill):
            said = gold if rng.random() < p else int(rng.integers(10))
            rows.append({"item": k, "source": f"s{s}", "content": said, "cost": 10.0**s})
    return items, rows, rng.random(count) < 0.5


def mine_of(found: Any) -> Any:
    return found.measured["weighted_vote"]


def test_methods_stand_beside_their_controls_and_bounds() -> None:
    items, rows, decided = tables(600, [0.8, 0.3, 0.3, 0.3, 0.1])
    found = measure(items, rows, decided, METHODS)
    names = ["weighted_vote", "random", "best_single", "majority", "oracle", "adversary"]
    assert list(found.measured) == names
    assert found.items == [row["item"] for row, d in zip(items, decided, strict=True) if d]
    level = {name: one.accuracy.mean for name, one in found.measured.items()}
    assert level["adversary"] < level["random"] < level["majority"] < level["oracle"]
    assert level["majority"] < level["weighted_vote"] <= level["oracle"]
    assert (above_oracle(found.measured), below_random(found.measured)) == ([], [])
    worst = {"random": found.measured["random"], "ours": found.measured["adversary"]}
    assert below_random(worst) == ["ours"]
    low = {"oracle": found.measured["adversary"], "ours": mine_of(found)}
    assert above_oracle(low) == ["ours"]
    mine = found.measured["weighted_vote"]
    assert mine.accuracy == accuracy_interval(mine.right)
    for name in ("random", "majority", "best_single"):
        other = found.measured[name]
        assert mine.against[name].difference == paired_difference(mine.right, other.right)
    assert mine.against["random"].is_claimed
    assert not mine.against["majority"].is_claimed
    assert (mine.calls, mine.cost) == (5.0, pytest.approx(11111.0))
    single = found.measured["best_single"]
    assert (single.calls, single.cost) == (1.0, 1.0)
    assert found.measured["random"].right.shape == (5, decided.sum())
    table = found.table().to_pylist()
    assert table[0]["over_random"] == pytest.approx(level["weighted_vote"] - level["random"])
    assert table[1]["over_random"] is None
    assert [row["method"] for row in table] == names


def test_claims_are_corrected_for_their_number() -> None:
    items, rows, decided = tables(200, [0.5, 0.45, 0.4])
    found = measure(items, rows, decided, {"weighted_vote": {}})
    mine = found.measured["weighted_vote"]
    raw = {}
    for name in mine.against:
        pair = (mine.right.mean(axis=0), found.measured[name].right.mean(axis=0))
        raw[name] = 1.0 if (pair[0] == pair[1]).all() else float(ttest_rel(*pair).pvalue)
    order = sorted(raw, key=raw.__getitem__)
    least = 0.0
    for place, name in enumerate(order):
        least = max(least, min(1.0, raw[name] * (3 - place)))
        assert mine.against[name].p == pytest.approx(least)


def test_sources_that_are_alike_give_no_claim() -> None:
    claims = 0
    for seed in range(20):
        items, rows, decided = tables(120, [0.4] * 3, seed)
        found = measure(items, rows, decided, {"weighted_vote": {}}, seeds=[0])
        against = found.measured["weighted_vote"].against
        claims += against["majority"].is_claimed
    assert claims <= 2


def test_gold_that_is_decided_is_not_seen() -> None:
    items, rows, decided = tables(80, [0.9, 0.2])
    found = measure(items, rows, decided, METHODS)
    poisoned = [
        {**row, "gold": 99 if d else row["gold"]} for row, d in zip(items, decided, strict=True)
    ]
    other = measure(poisoned, rows, decided, METHODS)
    assert found.measured["weighted_vote"].right.any()
    assert not any(one.right.any() for one in other.measured.values())
    calls = [[one.calls for one in each.measured.values()] for each in (found, other)]
    assert calls[0] == calls[1]


def test_without_items_to_learn_from_what_learns_is_left_out() -> None:
    items, rows, _ = tables(30, [0.9, 0.2])
    found = measure(items, rows, [True] * 30, {"majority": {"calls": 1}})
    assert list(found.measured) == ["majority", "random", "oracle", "adversary"]
    assert found.measured["majority"].calls == 1.0
    with pytest.raises(DataError, match="weighted_vote learns from items with gold"):
        measure(items, rows, [True] * 30, {"weighted_vote": {}})


def test_what_cannot_be_measured_is_named() -> None:
    items, rows, _ = tables(30, [0.9, 0.2])
    for decided in ([False] * 30, [True] * 29, np.ones((30, 1), bool)):
        with pytest.raises(DataError, match="decided has shape"):
            measure(items, rows, decided, METHODS)
    items[3]["gold"] = None
    with pytest.raises(DataError, match="is to be decided and has no gold"):
        measure(items, rows, [True] * 30, METHODS)
