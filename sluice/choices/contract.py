"""What every chooser takes and returns.

A chooser is fitted on items whose gold answer is known and decides the others. What the sources
say of an item to be decided is hidden until it is asked for, and who was asked is counted: so a
decision cannot rest on what was not paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.core.signatures import options_of

NO_ANSWER = -1


@dataclass(frozen=True)
class CandidatePool:
    """Items and what sources answer to them, in canonical order: nothing depends on row order.

    Attributes
    ----------
    items : ndarray of str, shape (n,)
        Ids, ascending and unique.
    columns : mapping of str to ChunkedArray
        Further columns of the items, such as ``text`` and ``category``, of n values each.
    gold : ndarray of int64, shape (n,)
        Code of the right answer among `answers`, or `NO_ANSWER` where it is not known.
    sources : tuple of str
        Ascending.
    answers : tuple of str
        Every answer and every gold there is, ascending.
    item, source, answer : ndarray of int64, shape (m,)
        Of each candidate, ordered by item, source, draw. An answer may be `NO_ANSWER`: the source
        was asked and gave none.
    draw : ndarray of int64, shape (m,)
        Which of several answers of one source.
    cost : ndarray of float64, shape (m,)
        0 where it is not known.
    contents : mapping of str to ChunkedArray
        Columns of the candidates, such as ``content``, of m values each.
    rows : ndarray of int64, shape (m,)
        Places of the candidates in the caller's table.
    """

    items: NDArray[np.str_]
    columns: Mapping[str, pa.ChunkedArray]
    gold: NDArray[np.int64]
    sources: tuple[str, ...]
    answers: tuple[str, ...]
    item: NDArray[np.int64]
    source: NDArray[np.int64]
    answer: NDArray[np.int64]
    draw: NDArray[np.int64]
    cost: NDArray[np.float64]
    contents: Mapping[str, pa.ChunkedArray]
    rows: NDArray[np.int64]

    def of(self, kept: NDArray[np.bool_]) -> CandidatePool:
        """Return some of the items with their candidates, shape of `kept` (n,)."""
        place = np.cumsum(kept) - 1
        pool = self.only(kept[self.item])
        return replace(
            pool,
            items=self.items[kept],
            columns={name: column.filter(pa.array(kept)) for name, column in self.columns.items()},
            gold=self.gold[kept],
            item=place[pool.item],
        )

    def only(self, kept: NDArray[np.bool_]) -> CandidatePool:
        """Return all items with some of the candidates, shape of `kept` (m,)."""
        if kept.all():
            return self
        return replace(
            self,
            item=self.item[kept],
            source=self.source[kept],
            answer=self.answer[kept],
            draw=self.draw[kept],
            cost=self.cost[kept],
            contents={n: column.filter(pa.array(kept)) for n, column in self.contents.items()},
            rows=self.rows[kept],
        )

    @property
    def offers(self) -> NDArray[np.bool_]:
        """Which source has a candidate for which item, shape (n, sources)."""
        there = np.zeros((len(self.items), len(self.sources)), dtype=np.bool_)
        there[self.item, self.source] = True
        return there

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether each candidate is the gold answer of its item, shape (m,)."""
        return (self.answer == self.gold[self.item]) & (self.answer != NO_ANSWER)


class Questions:
    """Items to be decided: what their sources say is told to who asks, and counted.

    Attributes
    ----------
    items : ndarray of str, shape (k,)
        Ids, ascending.
    columns : mapping of str to ChunkedArray
        Further columns of the items.
    sources : tuple of str
    offers : ndarray of bool, shape (k, sources)
        Which source has a candidate for which item.
    asked : ndarray of bool, shape (k, sources)
        Who has been asked for what.
    """

    def __init__(self, pool: CandidatePool) -> None:
        self._pool = pool
        self.items, self.columns, self.sources = pool.items, pool.columns, pool.sources
        self.offers = pool.offers
        self.asked = np.zeros_like(self.offers)

    def ask(self, wanted: NDArray[np.bool_] | None = None) -> CandidatePool:
        """Ask some sources and return the candidates of all that have been asked so far.

        Parameters
        ----------
        wanted : ndarray of bool, shape (k, sources), optional
            Every source where not given. Who has nothing to offer is not asked.
        """
        self.asked |= self.offers if wanted is None else self.offers & wanted
        return self._pool.only(self.asked[self._pool.item, self._pool.source])


@dataclass(frozen=True)
class Ranking:
    """What a chooser decided: of each item its candidates, best first.

    Attributes
    ----------
    candidates : ndarray of int64, shape (r,)
        Places in the pool that `Questions.ask` returned last, grouped by item and best first.
        An item of which none is named is left undecided.
    weights : ndarray of float64, shape (r,)
        What each candidate counted.
    scores : ndarray of float64, shape (r,)
        Support of the candidate's answer, in the method's own unit; finite.
    reasons : list of str, length k
        Of each item, why its first candidate was chosen, or why none was.
    """

    candidates: NDArray[np.int64]
    weights: NDArray[np.float64]
    scores: NDArray[np.float64]
    reasons: list[str]


Fit = Callable[..., Any]
"""``fit(pool, seed, **options)`` on the items with gold -> whatever `decide` needs."""
Decide = Callable[..., Ranking]
"""``decide(fitted, questions, pool_of_all..., seed, **options) -> Ranking``."""


def nothing(pool: CandidatePool, seed: int) -> None:
    """Learn nothing: the fit of choosers that need no gold."""


@dataclass(frozen=True)
class Chooser:
    """One registered method.

    Attributes
    ----------
    name : str
    decide : callable
        ``decide(fitted, questions, seed, **options) -> Ranking``.
    version : str
        Changes whenever the same input may give other choices.
    summary, formula, paper, cost : str
        For people: one line each.
    fit : callable
        ``fit(pool, seed, **options)`` on the items with gold; what it returns is `fitted`.
    needs : frozenset of str
        ``"gold"`` where it learns from items with gold; ``"items:NAME"`` and
        ``"candidates:NAME"`` for columns that it reads.
    tasks : frozenset of str
        Tasks in whose lineage it appears; empty for every task that has candidates.
    stochastic : bool
        Whether the seed changes the result.
    sees_gold : bool
        Whether `decide` takes ``truth`` too, the gold of the items that it decides, shape (k,):
        a bound that evaluations show, and nothing that could decide.
    options : mapping of str to object
        Keyword-only parameters of `fit` and `decide` with their defaults.
    """

    name: str
    decide: Decide
    version: str
    summary: str
    formula: str
    paper: str
    cost: str
    fit: Fit = nothing
    needs: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    stochastic: bool = False
    sees_gold: bool = False
    options: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", options_of(self.fit) | options_of(self.decide))


@dataclass(frozen=True)
class Choices:
    """What was chosen, one entry an item without gold, in the order of the items given.

    Attributes
    ----------
    items : list of int or str
        The caller's ids.
    answers : list of str or None
        None where no candidate of an item has an answer.
    candidates : list of int or None
        Row of the chosen candidate in the caller's table.
    sources : list of tuple of str
        Who was asked, best first; an answer rests on these alone.
    scores : ndarray of float64, shape (k,)
        Support of the chosen answer, in the method's own unit; 0 where there is none.
    calls : ndarray of int64, shape (k,)
        How many sources were asked.
    reasons : list of str
        Why, in words.
    ranking : Table
        Every ranked candidate: ``item`` (place in `items`), ``rank`` (from 1), ``candidate``
        (row of the caller's table), ``weight``, ``score``.
    """

    items: Sequence[int | str]
    answers: Sequence[str | None]
    candidates: Sequence[int | None]
    sources: Sequence[tuple[str, ...]]
    scores: NDArray[np.float64]
    calls: NDArray[np.int64]
    reasons: Sequence[str]
    ranking: pa.Table
