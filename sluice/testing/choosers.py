"""The suite of choosers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sluice.choices.contract import NO_ANSWER, Choices, Chooser
from sluice.choices.runner import run
from sluice.choices.tables import read_tables
from sluice.core.errors import UnknownNameError
from sluice.core.signatures import options_of

Rows = list[dict[str, Any]]
Tables = tuple[Rows, Rows]


def check_chooser(method: Chooser, tables: Iterable[Tables] | None = None, **options: Any) -> None:
    """Check that a chooser keeps its contract.

    The same choices in any order of rows and sources, for ids of any type and any spelling of a
    missing gold; the same for the same seed, and for any where it is not `stochastic`; None, and
    never an error, for an item that nobody answers; answers that are candidates of their items, of
    sources that were asked; nothing read of who was not asked, nor of the gold of what is decided;
    finite numbers; options as the signature says.

    Parameters
    ----------
    method : Chooser
    tables : iterable of (list of dict, list of dict), optional
        Items and candidates to try it on; by default `example_tables` under ten seeds. Items with
        gold are needed by methods that learn, items without are what is decided.
    **options
        Of the method.

    Raises
    ------
    AssertionError
        It does not, and how.
    """
    _check_card(method)
    for items, candidates in tables or map(example_tables, range(10)):
        _check_on(method, items, candidates, options)


def example_tables(seed: int) -> Tables:
    """Make items and candidates with ties, several draws, and missing answers and candidates.

    Returns
    -------
    items : list of dict
        The columns ``item``, ``text``, ``gold``, ``category``.
    candidates : list of dict
        ``item``, ``source``, ``content``, ``answer``, ``draw``, ``cost``.
    """
    rng = np.random.default_rng(seed)
    count, sources = int(rng.integers(8, 20)), int(rng.integers(2, 6))
    skill = rng.random(sources)
    items: Rows = []
    candidates: Rows = []
    for i in range(count):
        truth = str(rng.choice(list("abc")))
        gold = truth if rng.random() < 0.5 or i == 0 else None
        kind = str(rng.choice(["x", "y"]))
        items.append({"item": f"q{i:02d}", "text": f"{truth}?", "gold": gold, "category": kind})
        for s in np.flatnonzero(rng.random(sources) < (0.0 if i == 1 else 0.8)):
            for draw in range(int(rng.integers(1, 3))):
                right = rng.random() < skill[s]
                answer = (
                    None if rng.random() < 0.1 else truth if right else str(rng.choice([*"abc"]))
                )
                row = {"item": f"q{i:02d}", "source": f"s{s}", "content": f"I say {answer}"}
                candidates.append({**row, "answer": answer, "draw": draw, "cost": float(s)})
    return items, candidates


def _expect(holds: bool, method: Chooser, what: str) -> None:
    if not holds:
        raise AssertionError(f"The chooser {method.name}: {what}")


def _check_card(method: Chooser) -> None:
    for name in ("name", "version", "summary", "formula", "paper", "cost"):
        _expect(bool(getattr(method, name)), method, f"its card has no {name}.")
    own = options_of(method.fit) | options_of(method.decide)
    _expect(dict(method.options) == own, method, "its options are not those of its signature.")
    shared = options_of(method.fit).keys() & options_of(method.decide).keys()
    for name in shared:
        same = options_of(method.fit)[name] == options_of(method.decide)[name]
        _expect(same, method, f"fit and decide have another default of {name}.")


def _check_on(method: Chooser, items: Rows, candidates: Rows, options: Mapping[str, Any]) -> None:
    rng = np.random.default_rng(len(candidates))
    asked = read_tables(items, candidates)
    decided = asked.pool.gold == NO_ANSWER

    def chosen(items: Rows, candidates: Rows, seed: int = 0, hide: bool = False) -> Choices:
        read = read_tables(items, candidates)
        return run(
            method, read, seed, decided=decided if hide or method.sees_gold else None, **options
        )

    def like(other: Choices, what: str) -> None:
        _expect(_said(other) == _said(first), method, what)

    first = chosen(items, candidates)
    _check_shape(method, first, items, candidates)
    like(chosen(items, candidates), "the same tables and seed give other choices.")
    if not method.stochastic:
        like(chosen(items, candidates, 7), "another seed gives other choices: say stochastic=True.")
    shuffled = [items[k] for k in rng.permutation(len(items))]
    turned = [candidates[k] for k in rng.permutation(len(candidates))]
    like(chosen(shuffled, turned), "the order of rows changes the choices.")
    nan = [{**row, "gold": float("nan") if row["gold"] is None else row["gold"]} for row in items]
    like(chosen(nan, candidates), "NaN for a missing gold changes the choices.")
    numbers = {row["item"]: 100 + at for at, row in enumerate(sorted(items, key=_item))}
    numbered = chosen(_renamed(items, numbers), _renamed(candidates, numbers))
    _expect(
        list(numbered.items) == [numbers[name] for name in first.items],
        method,
        "ids that are numbers come back otherwise.",
    )
    who = dict(zip(first.items, first.sources, strict=True))

    def heard(row: Mapping[str, Any]) -> bool:
        return row["item"] not in who or row["source"] in who[row["item"]]

    for other in (None, "another"):
        said = {"answer": other, "content": "-"}
        changed = [row if heard(row) else {**row, **said} for row in candidates]
        like(chosen(items, changed), "it reads answers of sources that it has not asked.")
    if not method.sees_gold:
        poisoned = [{**row, "gold": "poison"} if row["gold"] is None else row for row in items]
        like(chosen(poisoned, candidates, hide=True), "it reads the gold of what it decides.")
    try:
        run(method, asked, 0, decided=decided, no_such_option=1)
    except UnknownNameError:
        return
    raise AssertionError(f"The chooser {method.name}: an option that it does not have is taken.")


def _item(row: Mapping[str, Any]) -> str:
    return row["item"]


def _renamed(rows: Rows, names: Mapping[str, int]) -> Rows:
    return [{**row, "item": names[row["item"]]} for row in rows]


def _said(choices: Choices) -> dict[Any, Any]:
    """Return what was chosen by item; no row numbers, which the caller's order gives."""
    columns = (choices.items, choices.answers, choices.sources, choices.scores.tolist())
    calls = choices.calls.tolist()
    return {item: rest for item, *rest in zip(*columns, calls, choices.reasons, strict=True)}


def _check_shape(method: Chooser, chosen: Choices, items: Rows, candidates: Rows) -> None:
    wanted = [row["item"] for row in items if row["gold"] is None]
    _expect(list(chosen.items) == wanted, method, "items come back in another order, or others.")
    parts: Sequence[Sequence[Any]] = (
        *(chosen.answers, chosen.candidates, chosen.sources, chosen.reasons),
        *(chosen.scores.tolist(), chosen.calls.tolist()),
    )
    _expect({len(part) for part in parts} == {len(wanted)}, method, "lengths differ.")
    _expect(bool(np.isfinite(chosen.scores).all()), method, "a score is not finite.")
    for at, name in enumerate(wanted):
        mine = [row for row in candidates if row["item"] == name]
        answer, row, who = chosen.answers[at], chosen.candidates[at], chosen.sources[at]
        _expect(bool(chosen.reasons[at]), method, f"no reason for {name}.")
        _expect(len(set(who)) == len(who) == chosen.calls[at], method, "calls are miscounted.")
        _expect(set(who) <= {r["source"] for r in mine}, method, "it asked who has nothing to say.")
        if row is None:
            _expect(answer is None and chosen.scores[at] == 0.0, method, "an answer of nobody.")
            continue
        picked = candidates[row]
        _expect(picked["item"] == name, method, "a candidate of another item was chosen.")
        _expect(picked["answer"] == answer, method, "the answer is not that of the candidate.")
        _expect(picked["source"] == who[0], method, "the chosen source is not named first.")
