"""The validating shell around every selector's numeric core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sluice.core.budgets import budget_of, check_floor
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.data.values.number_array import number_array
from sluice.data.values.one_column import id_array
from sluice.graphs.features import FeatureRows
from sluice.graphs.tags import TagRows
from sluice.heads.answers import PARTS
from sluice.scores.influence import Influence
from sluice.scores.teacher import Teacher
from sluice.subsets.contract import Picks, Pool, Selection, Selector
from sluice.subsets.describe import class_name
from sluice.subsets.queries.checks import checked_known

# Methods of these tasks alone set rows without a finite score aside, and say so.
_SETTING_ASIDE = frozenset({"instructions", "tokens"})
Fitting = TypeVar("Fitting", TagRows, FeatureRows, Influence, Teacher)

# Strategies of these families hand the whole pool to another one.
PASSING_ON = ("wrapper", "ensemble")
_VERB = {"scores": "compute the score", "asks": "give a function for"}
_REMEDY = {
    "embeddings": "give vectors, or texts and an encoder",
    "labels": "give labels (y)",
    "graph": "build the kNN graph of the rows",
    "tags": "give each row its tags",
    "features": "give each row its features",
    "influence": "compute the influence of the rows on validation rows",
    "teacher": "let models teach that have not seen the rows (sluice.scores.teacher)",
    "labelled": "give the rows that have a label",
    "answers": "give what a model trained on the labelled rows says",
}


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
    if selector.family and selector.family[0] not in PASSING_ON:
        pool = _of_use(selector, pool)
    ids = id_array(pool.ids)
    if ids.ndim != 1 or not len(ids):
        raise DataError(f"The pool's ids have shape {ids.shape}; give at least one row.")
    names, counts = (ids, None) if _ascending(ids) else np.unique(ids, return_counts=True)
    if counts is not None and len(names) != len(ids):
        raise DataError(f"The id {str(names[counts > 1][0])!r} occurs twice; ids must be unique.")
    for need in sorted(selector.needs):
        kind, _, name = need.partition(":")
        given = getattr(pool, kind)
        if given is None or (name and name not in given):
            verb = _VERB.get(kind)
            remedy = f"{verb} {name!r}" if name and verb else _REMEDY[kind]
            raise DataError(f"{selector.name} needs {kind} {name}".rstrip() + f": {remedy}.")
    labelled, answers = checked_known(pool.labelled, pool.answers, ids, pool.embeddings)
    return replace(
        pool,
        ids=ids,
        embeddings=_embeddings(pool.embeddings, len(ids)),
        labels=_labels(pool.labels, len(ids)),
        graph=_graph(pool, ids),
        scores=_scores(pool.scores, len(ids), finite=not selector.tasks <= _SETTING_ASIDE),
        tags=_fitting(pool.tags, "tags", len(ids)),
        features=_fitting(pool.features, "features", len(ids)),
        influence=_fitting(pool.influence, "influence", len(ids)),
        teacher=_fitting(pool.teacher, "teacher's answers", len(ids)),
        labelled=labelled,
        answers=answers,
    )


def _fitting(given: Fitting | None, what: str, n: int) -> Fitting | None:
    if given is not None and len(given) != n:
        raise DataError(f"The pool's {what} are of {len(given)} rows; give those of its {n} rows.")
    return given


def _embeddings(rows: NDArray[np.float32] | None, n: int) -> NDArray[np.float32] | None:
    if rows is None:
        return None
    rows = np.ascontiguousarray(number_array("Embeddings", rows), dtype=np.float32)
    if rows.ndim != 2 or len(rows) != n or not rows.shape[1]:
        raise DataError(
            f"Embeddings have shape {rows.shape}; give one vector for each of {n} rows."
        )
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise DataError(f"The embedding of row {row} is not finite; leave that row out.")
    return rows


def _labels(labels: NDArray[np.int64] | None, n: int) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    codes = number_array("Labels", labels)
    if codes.shape != (n,) or codes.dtype.kind not in "iu" or codes.min() < 0:
        raise DataError(
            f"Labels have shape {codes.shape} and type {codes.dtype}; give a class code from 0 "
            f"upwards for each of {n} rows."
        )
    return codes.astype(np.int64)


def _graph(pool: Pool, ids: NDArray[np.str_]):
    if pool.graph is not None and not np.array_equal(pool.graph.ids, ids):
        raise DataError(
            "The graph is not over the pool's ids in the pool's order; build it from them."
        )
    return pool.graph


def _scores(
    scores: Mapping[str, NDArray[np.float64]], n: int, *, finite: bool
) -> dict[str, NDArray[np.float64]]:
    checked = {
        name: number_array(f"The scores {name!r}", values).astype(np.float64, copy=False)
        for name, values in scores.items()
    }
    for name, values in checked.items():
        if values.shape != (n,) or (finite and not np.isfinite(values).all()):
            raise DataError(
                f"The score {name!r} has shape {values.shape} or values that are not finite; give "
                f"one finite number for each of {n} rows."
            )
    return checked


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
