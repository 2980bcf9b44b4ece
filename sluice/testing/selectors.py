"""The suite of selectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.randomness import keyed_uniform
from sluice.subsets.contract import Pool, Selection, Selector
from sluice.subsets.inputs import InputRows, make_input
from sluice.subsets.runner import run

Make = Callable[[NDArray[np.int64]], Pool]
"""Takes positions and returns the pool of those rows, in that order."""

ROWS = 120
ENOUGH = 40
"""Distinct rows from which a seed must matter to a method that is stochastic."""


def check_selector(
    method: Selector, make: Make | None = None, rows: int = ROWS, **options: Any
) -> None:
    """Check that a selector keeps its contract.

    Exactly the budget, each row once, each with a finite gain and a reason that says something of
    that row in a sentence; a row of each class where it says so and the budget allows; the same
    picks in any order of rows; the same for the same seed, others for another where it is
    `stochastic`, and the same where it is not; the rows of a smaller budget first where it is
    `nested`; its own size first where it is `sized`; one row alone; a card that describes it.

    Parameters
    ----------
    method : Selector
    make : callable, optional
        Takes positions (0 to ``rows - 1``) and returns the pool of those rows in that order; by
        default `example_pool`.
    rows : int
    **options
        Of the method.

    Raises
    ------
    AssertionError
        It does not, and how.
    """
    _check_card(method)
    whole = np.arange(rows)
    taken = make or (lambda at: example_pool(method, at))
    pool = taken(whole)

    def picked(pool: Pool, budget: int | str | None, seed: int = 0) -> Selection:
        return run(method, pool, budget, seed, **options)

    for budget in sorted({1, 2, max(1, rows // 10), max(1, rows // 4), rows - 1, rows} - {0}):
        _check_picks(method, pool, picked(pool, budget), budget)
    quarter = max(1, rows // 4)
    first = picked(pool, quarter)
    _expect(_same(first, picked(pool, quarter)), method, "the same seed gives other picks.")
    for seed in (1, 2):
        order = np.random.default_rng(seed).permutation(rows)
        turned = picked(taken(order), quarter)
        _expect(_same(first, turned), method, "its picks depend on the order of the rows.")
        other = picked(pool, quarter, seed)
        if not method.stochastic:
            _expect(_same(first, other), method, "it is not stochastic, and the seed matters.")
        elif _distinct(pool) >= ENOUGH:
            moved = set(other.ids) != set(first.ids)
            _expect(moved, method, "it is stochastic, and the seed does not matter.")
    if method.nested:
        every = picked(pool, rows)
        for budget in sorted({1, 2, 7, quarter} & set(range(1, rows + 1))):
            part = picked(pool, budget)
            told = part.ids.tolist() == every.ids[:budget].tolist()
            _expect(told, method, f"it is nested, and the {budget} rows are not the first of all.")
    if method.sized:
        _check_size(method, pool, picked(pool, None), picked(pool, "100%"))
    alone = taken(np.array([rows // 2]))
    _expect(
        picked(alone, 1).ids.tolist() == alone.ids.tolist(), method, "of one row it keeps none."
    )


def example_pool(method: Selector, positions: NDArray[np.int64]) -> Pool:
    """Make a pool with what a method needs: four classes, the last of three rows, and copies.

    Every value is a function of the row and its id. Scores, and what a method asks for, are drawn.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 3], [60, 37, 20, 3])
    vectors = (rng.normal(size=(ROWS, 6)) + 2 * np.eye(6)[labels]).astype(np.float32)
    vectors[10:16] = vectors[10]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    every = np.array([f"id-{v:04d}" for v in np.random.default_rng(1).permutation(ROWS)])
    ids, rows, codes = every[positions], vectors[positions], labels[positions]
    names = tuple(f"class {code}" for code in range(4))
    texts = [f"text {name} of {names[code]}" for name, code in zip(ids, codes, strict=True)]
    given = InputRows(ids, texts, codes, names, lambda: rows)
    parts: dict[str, Any] = {"embeddings": rows, "labels": codes}
    for need in sorted(method.needs - parts.keys()):
        kind, _, name = need.partition(":")
        if kind == "graph":
            from sluice.graphs.knn import KnnGraph

            parts[kind] = KnnGraph.build(ids, rows, k=8, slack=2, device="cpu")
        elif kind == "scores":
            parts.setdefault(kind, {})[name] = keyed_uniform(len(name), ids)
        else:
            try:
                parts[kind] = make_input(need, given, dict(method.options))
            except DataError as error:
                raise AssertionError(
                    f"{method.name} needs {need}, which cannot be made of rows alone: give `make`. "
                    f"{error}"
                ) from None
    return Pool(ids, class_names=names).having(parts)


def _expect(holds: bool, method: Selector, what: str) -> None:
    if not holds:
        raise AssertionError(f"{method.name}: {what}")


def _same(one: Selection, other: Selection) -> bool:
    return (
        one.ids.tolist() == other.ids.tolist()
        and one.gains.tolist() == other.gains.tolist()
        and one.reasons == other.reasons
        and one.weights.tolist() == other.weights.tolist()
    )


def _check_card(method: Selector) -> None:
    for name in ("name", "summary", "formula", "paper", "cost", "version"):
        text = getattr(method, name)
        _expect(bool(text) and "\n" not in text, method, f"its card has no {name} of one line.")
    _expect(bool(method.needs), method, "it needs nothing of the rows, so that it is no method.")


def _check_picks(method: Selector, pool: Pool, kept: Selection, budget: int) -> None:
    n, rows = len(kept.ids), set(pool.ids.tolist())
    _expect(n == budget, method, f"it keeps {n} rows of a budget of {budget}.")
    _expect(len(set(kept.ids)) == n and set(kept.ids) <= rows, method, "a row comes twice.")
    whole = len(kept.gains) == len(kept.reasons) == len(kept.weights) == n
    _expect(whole, method, "not every row has a gain, a reason and a weight.")
    _expect(bool(np.isfinite(kept.gains).all()), method, "a gain is not finite.")
    _expect(not kept.note or method.fills, method, f"it fills its budget and says {kept.note!r}.")
    for reason in kept.reasons:
        sentence = reason[:1].isupper() and reason.endswith(".")
        _expect(sentence, method, f"this reason is no sentence: {reason!r}.")
        _expect(any(c.isdigit() for c in reason), method, f"it says nothing of a row: {reason!r}.")
    if not method.class_floor:
        _expect("labels" not in method.needs, method, "it reads labels and keeps not every class.")
        return
    found = len(np.unique(_labels(pool, kept)))
    least = min(budget, len(np.unique(pool.labels))) if pool.labels is not None else 0
    _expect(found >= least, method, f"it keeps {found} classes of {least} at a budget of {budget}.")


def _check_size(method: Selector, pool: Pool, own: Selection, whole: Selection) -> None:
    n = len(own.ids)
    _expect(n == len(set(own.ids)) == len(own.gains), method, "of its own size a row comes twice.")
    if pool.labels is None or not method.class_floor:
        told = whole.ids[:n].tolist() == own.ids.tolist()
        _expect(told, method, "what it keeps by itself is not the first of all rows.")
        return
    label: Mapping[str, int] = dict(zip(pool.ids.tolist(), pool.labels.tolist(), strict=True))
    for code in np.unique(pool.labels).tolist():
        mine = [name for name in whole.ids.tolist() if label[name] == code]
        kept = [name for name in own.ids.tolist() if label[name] == code]
        told = mine[: len(kept)] == kept
        _expect(told, method, f"what it keeps of class {code} is not the first of that class.")


def _distinct(pool: Pool) -> int:
    rows = pool.embeddings
    return len(pool.ids) if rows is None else len(np.unique(rows, axis=0))


def _labels(pool: Pool, kept: Selection) -> NDArray[np.int64]:
    assert pool.labels is not None
    order = np.argsort(pool.ids)
    return pool.labels[order[np.searchsorted(pool.ids[order], kept.ids)]]
