"""The validating shell around every selector's numeric core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.budgets import budget_of, check_floor
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.data.values.one_column import id_array
from sluice.heads.answers import PARTS
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.describe import class_name
from sluice.subsets.inputs import inputs
from sluice.subsets.queries.checks import checked_known


def run(
    selector: Selector,
    pool: Pool,
    budget: int | float | str | None,
    seed: int,
    *,
    strict_floor: bool = False,
    **options: Any,
) -> Selection:
    """Check the pool, sort it by id, run the selector's core, check and map back its picks.

    The same content and seed give the same rows in any row order.

    Parameters
    ----------
    selector : Selector
    pool : Pool
        Rows in any order.
    budget : int, float, str or None
        See `sluice.core.budgets.parse_budget`. None: just what the method keeps by itself,
        only where `selector.sized`.
    seed : int
        Keys all randomness together with the ids.
    strict_floor : bool
        Whether a budget below one row a class is refused, for methods with a class floor.
    **options
        Of `selector.options`.

    Returns
    -------
    Selection
        `note` says so where fewer rows than the budget are usable, or where a method without
        a budget keeps nothing of a class.

    Raises
    ------
    DataError
        The pool lacks what the method needs, its parts do not fit each other, or ids repeat.
    BudgetError
        See `parse_budget`; or the budget is None and the method has no size of its own; or it
        is below one row a class under `strict_floor`.
    UnknownNameError
        An option that the method does not have.
    ConfigError
        The seed is no integer.
    """
    for name in options:
        if name not in selector.options:
            raise UnknownNameError.of(f"option of {selector.name}", name, list(selector.options))
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise ConfigError(f"seed is {seed!r}; give an integer.")
    checked = _checked(selector, pool)
    count = budget_of(selector.name, selector.sized, budget, len(checked.ids))
    if strict_floor and selector.class_floor and checked.labels is not None:
        check_floor(selector.name, count, len(np.unique(checked.labels)))
    ordered = sorted_by_id(checked)
    picks = selector.core(ordered, count, int(seed), **{**selector.options, **options})
    _check_result(selector, ordered, picks, count)
    return Selection(
        ordered.ids[picks.positions],
        np.asarray(picks.gains, np.float64),
        picks.reasons,
        " ".join(filter(None, [_note(selector, ordered, picks, count), picks.note])),
        picks.trace,
        picks.training_weights,
        {str(ordered.ids[position]): why for position, why in picks.left_out.items()},
    )


def sorted_by_id(pool: Pool) -> Pool:
    """Return the same pool with its rows in ascending order of id."""
    return pool if _ascending(pool.ids) else pool.of(np.argsort(pool.ids, kind="stable"))


def _of_use(selector: Selector, pool: Pool) -> Pool:
    """Drop what a strategy does not read: checking it would take longer than the query."""
    answers, needs = pool.answers, selector.needs
    if answers is not None:
        read = {need.partition(":")[2] for need in needs if need.startswith("answers:")}
        answers = replace(
            answers,
            layers=answers.layers if "layers" in read else {},
            **{name: None for name in PARTS if name not in read},
        )
    return replace(
        pool,
        answers=answers,
        embeddings=pool.embeddings if "embeddings" in needs else None,
        labelled=pool.labelled if "labelled" in needs else None,
    )


def _ascending(ids: NDArray[np.str_]) -> bool:
    """Whether ids ascend strictly, and hence are unique: far cheaper to see than to sort them."""
    return bool((ids[:-1] < ids[1:]).all())


def _checked(selector: Selector, pool: Pool) -> Pool:
    """Return the pool with the dtypes of the contract, or say what is wrong with it."""
    if selector.family and not selector.passes_on:
        pool = _of_use(selector, pool)
    ids = id_array(pool.ids)
    if ids.ndim != 1 or not len(ids):
        raise DataError(f"The pool's ids have shape {ids.shape}; give at least one row.")
    names, counts = (ids, None) if _ascending(ids) else np.unique(ids, return_counts=True)
    if counts is not None and len(names) != len(ids):
        raise DataError(f"The id {str(names[counts > 1][0])!r} occurs twice; ids must be unique.")
    known = inputs()
    for need in sorted(selector.needs):
        kind, _, name = need.partition(":")
        given = pool.get(kind)
        if given is None or (name and name not in given):
            remedy = known[kind].remedy.format(name=name) if kind in known else "nobody makes it"
            raise DataError(f"{selector.name} needs {kind} {name}".rstrip() + f": {remedy}.")
    labelled, answers = checked_known(pool.labelled, pool.answers, ids, pool.embeddings)
    checked = {
        key: each.check(pool.get(key), ids, selector)
        for key, each in known.items()
        if pool.get(key) is not None
    }
    return replace(pool, ids=ids).having({**checked, "labelled": labelled, "answers": answers})


def _note(selector: Selector, pool: Pool, picks: Picks, count: int | None) -> str:
    """What the caller should know: fewer rows than asked for, or classes that vanished."""
    kept = len(picks.positions)
    if count is not None:
        if kept == count:
            return ""
        return f"{selector.name} kept {kept} rows of the {count} asked for: no more are usable."
    if pool.labels is None:
        return ""
    lost = np.setdiff1d(pool.labels, pool.labels[picks.positions])
    if not len(lost):
        return ""
    names = ", ".join(class_name(pool, int(code)) for code in lost)
    return f"{selector.name} keeps no row of class {names}; give a budget to fill such classes."


def _check_result(selector: Selector, pool: Pool, picks: Picks, count: int | None) -> None:
    """Refuse what a faulty core returned: a bug of the method, not of its user."""
    kept = np.asarray(picks.positions)
    if len(np.unique(kept)) != len(kept) or (
        len(kept) and not 0 <= kept.min() <= kept.max() < len(pool.ids)
    ):
        raise RuntimeError(f"{selector.name} returned a row twice, or one that does not exist.")
    if len(picks.gains) != len(kept) or len(picks.reasons) != len(kept):
        raise RuntimeError(
            f"{selector.name} returned {len(kept)} rows with {len(picks.gains)} gains and "
            f"{len(picks.reasons)} reasons."
        )
    weights = picks.training_weights
    if weights.shape != kept.shape or not (np.isfinite(weights) & (weights > 0)).all():
        raise RuntimeError(f"{selector.name} returned weights that are not one above 0 a row.")
    if count is None:  # the method's own size: it may even be nothing of a class
        return
    if len(kept) > count:
        raise RuntimeError(f"{selector.name} returned {len(kept)} rows for a budget of {count}.")
    if selector.class_floor and pool.labels is not None:
        present = np.unique(pool.labels)
        if len(kept) >= len(present) and len(np.unique(pool.labels[kept])) < len(present):
            raise RuntimeError(
                f"{selector.name} left out a class although the budget allows one each."
            )
