"""The suite of choosers passes what keeps the contract, and fails what breaks any part of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sluice.choices.contract import NO_ANSWER, Chooser, Questions, Ranking
from sluice.choices.registry import chooser, choosers_for
from sluice.choices.votes import vote
from sluice.testing import check_chooser

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "majority": [{"calls": 1}, {"calls": 3}],
    "weighted_vote": [{"calls": 2}, {"weights": "log_odds"}, {"weights": "log_odds", "calls": 1}],
}


@pytest.mark.parametrize("method", choosers_for(), ids=lambda method: method.name)
def test_every_chooser_keeps_the_contract(method: Chooser) -> None:
    check_chooser(method)
    for options in OPTIONS.get(method.name, []):
        check_chooser(method, **options)


def faulty(decide: Any, **changes: Any) -> Chooser:
    return replace(chooser("majority"), name="faulty", decide=decide, **changes)


def by_row(fitted: None, questions: Questions, seed: int) -> Ranking:
    """Takes what stands first in the caller's table."""
    pool = questions.ask()
    rows = np.flatnonzero(pool.answer != NO_ANSWER)
    order = rows[np.lexsort((pool.rows[rows], pool.item[rows]))]
    _, first = np.unique(pool.item[order], return_index=True)
    chosen = order[first]
    ones = np.ones(len(chosen))
    return Ranking(chosen, ones, ones, ["first"] * len(pool.items))


def peeping(fitted: None, questions: Questions, seed: int) -> Ranking:
    """Asks one source, having looked at all."""
    secret = questions._pool
    best = vote(secret, np.ones(len(secret.item))).candidates
    _, first = np.unique(secret.item[best], return_index=True)
    wanted = np.zeros_like(questions.offers)
    wanted[secret.item[best[first]], secret.source[best[first]]] = True
    pool = questions.ask(wanted)
    return vote(pool, np.ones(len(pool.item)))


def by_seed(fitted: None, questions: Questions, seed: int) -> Ranking:
    pool = questions.ask()
    return vote(pool, np.full(len(pool.item), seed + 1.0))


def counting(fitted: int, questions: Questions, seed: int) -> Ranking:
    """Its weights are how many items it learnt from: of other tables, other scores."""
    pool = questions.ask()
    return vote(pool, np.full(len(pool.item), np.nan))


def unasked(fitted: None, questions: Questions, seed: int) -> Ranking:
    return vote(questions._pool, np.ones(len(questions._pool.item)))


class Memory:
    """Decides otherwise each time."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, fitted: None, questions: Questions, seed: int) -> Ranking:
        self.times += 1
        pool = questions.ask()
        return vote(pool, np.full(len(pool.item), float(self.times)))


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (faulty(by_row), "the order of rows"),
        (faulty(peeping), "has not asked"),
        (faulty(by_seed, stochastic=False), "another seed"),
        (faulty(counting), "not finite"),
        (faulty(unasked), "not asked for"),
        (faulty(Memory()), "the same tables and seed"),
        (faulty(by_seed, paper=""), "no paper"),
    ],
)
def test_what_breaks_the_contract_is_found(method: Chooser, said: str) -> None:
    with pytest.raises((AssertionError, RuntimeError), match=said):
        check_chooser(method)


def test_who_reads_the_gold_of_what_it_decides_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell hides it; a shell that did not would be found."""
    from sluice.choices import runner

    def greedy(fitted: None, questions: Questions, seed: int) -> Ranking:
        pool = questions.ask()
        return vote(pool, 1.0 + pool.is_right)

    check_chooser(faulty(greedy))
    monkeypatch.setattr(runner, "_without_gold", lambda pool: pool)
    with pytest.raises(AssertionError, match="gold"):
        check_chooser(faulty(greedy), [poisonable()])


def poisonable() -> Any:
    items = [{"item": "a", "text": "", "gold": None}, {"item": "b", "text": "", "gold": "x"}]
    said = [("a", "s", "x"), ("a", "t", "poison")]
    rows = [{"item": i, "source": s, "content": c, "answer": c} for i, s, c in said]
    return items, rows
