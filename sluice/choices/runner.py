"""The validating shell around every chooser: it sorts, hides, counts, checks and maps back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.choices.contract import (
    NO_ANSWER,
    CandidatePool,
    Choices,
    Chooser,
    Questions,
    Ranking,
)
from sluice.choices.registry import DEFAULT_TASK, chooser, choosers_for
from sluice.choices.tables import UNKNOWN, Asked, read_tables
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.core.signatures import options_of


def choose(
    items: object,
    candidates: object,
    *,
    task: str = DEFAULT_TASK,
    method: str = "majority",
    seed: int = 0,
    **options: Any,
) -> Choices:
    """Choose one of the candidates of each item, by what is known of others.

    Parameters
    ----------
    items : Table, DataFrame or list of dict
        ``item`` (unique, int or str), ``text``, ``gold``, and what the task adds. An item with a
        gold answer is learnt from; one without (None, NaN or null) is decided.
    candidates : Table, DataFrame or list of dict
        ``item``, ``source`` (who answers) and ``content``; where there are, ``answer`` (the short
        form that is compared with gold; without the column it is the content; null where none
        could be read), ``draw`` (which of several answers of one source) and ``cost``.
    task : str
    method : str
        A chooser; `sluice.methods` lists them.
    seed : int
        For the stochastic methods.
    **options
        Of the method.

    Returns
    -------
    Choices
        Of the items without gold, in their order. An item without candidates has the answer None.

    Raises
    ------
    ConfigError
        The method, the task, the seed or an option is wrong.
    DataError
        A table cannot be used, see `sluice.choices.tables.read_tables`, or the method needs what
        is not given.

    Examples
    --------
    >>> import sluice
    >>> items = [{"item": 1, "text": "2+2", "gold": None}]
    >>> said = {"a": "4", "b": "4", "c": "5"}
    >>> rows = [{"item": 1, "source": s, "content": c} for s, c in said.items()]
    >>> sluice.choose(items, rows, method="majority").answers
    ['4']
    """
    chosen = chooser(method)
    if chosen not in choosers_for(task):
        known = ", ".join(each.name for each in choosers_for(task))
        raise UnknownNameError(f"{method} is no method of the task {task!r}: give one of {known}.")
    check_settings(chosen, seed, options)
    if chosen.sees_gold:
        raise ConfigError(
            f"{method} needs the gold of the items that it decides: it is a bound for evaluations, "
            "see sluice.evaluation.choices, and decides no item without gold."
        )
    return run(chosen, read_tables(items, candidates), seed, **options)


def run(
    method: Chooser,
    asked: Asked,
    seed: int,
    *,
    decided: NDArray[np.bool_] | None = None,
    **options: Any,
) -> Choices:
    """Fit a chooser on the items with gold and let it decide the others.

    Parameters
    ----------
    method : Chooser
    asked : Asked
    seed : int
    decided : ndarray of bool, shape (n,), optional
        Items to be decided although their gold is known, in the order of the pool: it is hidden
        from the method, but from one that `sees_gold`. By default those without gold.
    **options
        Of the method.

    Returns
    -------
    Choices

    Raises
    ------
    DataError
        The method needs what the tables do not have, or gold of no item.
    ConfigError
        The seed or an option is wrong.
    """
    check_settings(method, seed, options)
    pool = asked.pool
    is_open = pool.gold == NO_ANSWER if decided is None else decided
    known = pool.of(~is_open & (pool.gold != NO_ANSWER))
    _check_needs(method, known)
    every = {**method.options, **options}
    fitted = method.fit(known, int(seed), **_of(method.fit, every))
    hidden = _without_gold(pool.of(is_open))
    questions = Questions(hidden)
    given = _of(method.decide, every)
    if method.sees_gold:
        given["truth"] = pool.gold[is_open]
    ranking = method.decide(fitted, questions, int(seed), **given)
    told = questions.ask(np.zeros_like(questions.asked))
    _check_result(method, told, ranking)
    return _choices(asked, is_open, questions, told, ranking)


def check_settings(method: Chooser, seed: object, options: Mapping[str, Any]) -> None:
    """Refuse an option that the method does not have, and a seed that is no integer.

    Raises
    ------
    UnknownNameError
        For the option; the message names the nearest.
    ConfigError
        For the seed.
    """
    for name in options:
        if name not in method.options:
            raise UnknownNameError.of(f"option of {method.name}", name, list(method.options))
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise ConfigError(f"seed is {seed!r}; give an integer.")


def _of(core: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in options_of(core)}


def _check_needs(method: Chooser, known: CandidatePool) -> None:
    for need in sorted(method.needs):
        table, _, name = need.partition(":")
        there = known.columns if table == "items" else known.contents
        if need == "gold" and not len(known.items):
            raise DataError(
                f"{method.name} learns from items with gold, and there is none; give the gold of "
                "some items, or use a method that needs none, such as majority."
            )
        if name and name not in there:
            raise DataError(f"{method.name} reads the column {name!r} of {table}; add it.")


def _without_gold(pool: CandidatePool) -> CandidatePool:
    return replace(pool, gold=np.full(len(pool.items), UNKNOWN, dtype=np.int64))


def _check_result(method: Chooser, told: CandidatePool, ranking: Ranking) -> None:
    """Refuse what a faulty method returned: a bug of the method, not of its user."""
    places = np.asarray(ranking.candidates)
    lengths = {len(places), len(ranking.weights), len(ranking.scores)}
    if len(lengths) > 1 or len(ranking.reasons) != len(told.items):
        raise RuntimeError(
            f"{method.name} ranked {len(places)} candidates with {len(ranking.weights)} weights "
            f"and {len(ranking.scores)} scores, and gave {len(ranking.reasons)} reasons for "
            f"{len(told.items)} items."
        )
    if len(places) and not 0 <= places.min() <= places.max() < len(told.item):
        raise RuntimeError(f"{method.name} named a candidate that it has not asked for.")
    items = told.item[places]
    if len(np.unique(places)) != len(places) or (np.diff(items) < 0).any():
        raise RuntimeError(f"{method.name} named a candidate twice, or items out of their order.")
    if (told.answer[places] == NO_ANSWER).any():
        raise RuntimeError(f"{method.name} ranked a candidate that has no answer.")
    if not (np.isfinite(ranking.weights).all() and np.isfinite(ranking.scores).all()):
        raise RuntimeError(f"{method.name} returned a weight or score that is not finite.")


def _choices(
    asked: Asked,
    is_open: NDArray[np.bool_],
    questions: Questions,
    told: CandidatePool,
    ranking: Ranking,
) -> Choices:
    """Put what was decided into the caller's order and words."""
    count = len(questions.items)
    places = np.asarray(ranking.candidates, dtype=np.int64)
    item = told.item[places]
    starts = np.searchsorted(item, np.arange(count + 1))
    order = np.argsort(asked.places[is_open], kind="stable")
    back = np.empty(count, dtype=np.int64)
    back[order] = np.arange(count)
    names = [name for name, wanted in zip(asked.names, is_open, strict=True) if wanted]
    first = [int(places[a]) if a < b else None for a, b in pairwise(starts)]
    scores = np.zeros(count)
    decided = starts[:-1] < starts[1:]
    scores[decided] = np.asarray(ranking.scores)[starts[:-1][decided]]
    table = pa.table(
        {
            "item": back[item],
            "rank": np.arange(len(places)) - starts[item] + 1,
            "candidate": told.rows[places],
            "weight": np.asarray(ranking.weights, dtype=np.float64),
            "score": np.asarray(ranking.scores, dtype=np.float64),
        }
    )
    who = _sources(questions, told.source[places], starts)
    answers = [None if at is None else told.answers[told.answer[at]] for at in first]
    rows = [None if at is None else int(told.rows[at]) for at in first]
    return Choices(
        [names[k] for k in order],
        [answers[k] for k in order],
        [rows[k] for k in order],
        [who[k] for k in order],
        scores[order],
        questions.asked.sum(axis=1).astype(np.int64)[order],
        [ranking.reasons[k] for k in order],
        table.sort_by([("item", "ascending"), ("rank", "ascending")]),
    )


def _sources(
    questions: Questions, source: NDArray[np.int64], starts: NDArray[np.int64]
) -> list[tuple[str, ...]]:
    """Return who was asked: those of the ranking in its order, then who gave no answer."""
    names = questions.sources
    return [
        tuple(
            names[code]
            for code in dict.fromkeys(
                [*source[starts[k] : starts[k + 1]].tolist(), *np.flatnonzero(row).tolist()]
            )
        )
        for k, row in enumerate(questions.asked)
    ]
