"""The front door: ``sluice.select(X, y, method="k_center", budget=0.1)``."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sluice.api.inputs import TARGETED, make_pool, reads_labels
from sluice.api.language import model_of, reads_model
from sluice.api.settings import settings_of
from sluice.core import registry
from sluice.core.budgets import budget_of, check_floor
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.subsets.contract import Selection, Selector
from sluice.subsets.registry import selector, selectors_for
from sluice.subsets.runner import run
from sluice.tasks.caller_rows import Encoder, Rows

ROWS = "sluice.rows"
"""Group of entry points that say how the rows of each task are taken: classes of `Rows`."""


def select(
    X: Any,
    y: Iterable[Hashable] | None = None,
    *,
    task: str = "text",
    method: str = "k_center",
    budget: int | float | str | None = 0.1,
    seed: int = 0,
    ids: Sequence[Hashable] | None = None,
    encoder: Encoder | None = None,
    language_model: str | Path | None = None,
    validation: Any = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Selection:
    """Pick the rows worth keeping.

    What the method needs is computed as the lineage of a dataset computes it. Both keep the same
    of the same rows where these have ids; without, texts are named in another way here, so that
    what is drawn by name differs.

    Parameters
    ----------
    X : list of str, ndarray, DataFrame, Table or list of dict
        For the task text: texts (a list, or a column of pandas, polars or Arrow), which `encoder`
        embeds, or vectors of shape (n, d), which are divided by their norm. For the task tabular:
        an array of numbers of shape (n, d), a data frame, an Arrow table, or a dict a row, with
        missing values (None, NaN); the columns are encoded by
        `sluice.encoders.tabular.TabularEncoder`, fitted on these rows. For the task instructions:
        a data frame, an Arrow table or a dict a row in a form that `sluice add` reads (messages;
        prompt and response; instruction, input and output), or texts of
        `sluice.data.payloads.conversations.conversation_text`. For the task tokens: such tables
        or dicts with a list of ``tokens`` and one of BIO ``tags``, or what
        `sluice.data.readers.conll.read_conll` gives. A sparse matrix is made dense where it has
        at most `sluice.tasks.caller_rows.DENSE_CELLS` cells.
    y : sequence of n labels, optional
        One value a row, of any kind (see `sluice.data.values.one_column.one_column`); classes are
        numbered in sorted order. Needed by the methods that read labels, see `methods`; of
        instructions the families, which otherwise the column ``family`` of `settings` names or
        all rows share. Rows of tokens hold their own.
    task : str
        ``"text"``, ``"tabular"``, ``"instructions"`` or ``"tokens"``. Only methods of this task
        are accepted.
    method : str
        See `methods`.
    budget : int, float, str or None
        A count (100), a share (0.04) or a percentage ("4%"). None: what the method keeps by
        itself, where it has a size of its own (such as ``enn`` or ``drop3``).
    seed : int
        For the stochastic methods.
    ids : sequence of n str, optional
        Unique. By default a hash of each row's content plus an ordinal among equal rows keys what
        is random, and the positions of the rows are returned.
    encoder : Encoder, optional
        For texts. By default `sluice.encoders.text.TextEncoder`.
    language_model : str or Path, optional
        For methods of the task instructions that read one: the folder of a causal language model;
        by default SmolLM2-135M-Instruct, which is converted at first use.
    validation : rows of the form of `X`, optional
        For ``bids`` and ``quad``: rows that the picks are to serve. By default those of `X` that
        a dataset would put into validation by a hash of their prompts (one in ten); these are
        then not picked, and the budget is a share of the others.
    settings : mapping, optional
        Sections of `dataset.yaml` in the place of its defaults, such as
        ``{"graph": {"k": 5}, "columns": {"quality": "score"}}``; see
        `sluice.api.settings.settings_of`.
    **options
        Of the method.

    Returns
    -------
    Selection
        Ids in rank order, with gain, reason and training weight; without `ids`, their positions
        in `X` (int64) instead.

    Raises
    ------
    ConfigError
        The method, the task, an option, a setting or the budget is wrong.
    BudgetError
        For the task tabular also: the budget is below one row a class, and the method keeps one.
    DataError
        The rows, labels or ids cannot be used, or the method needs what is not given.

    Warns
    -----
    UserWarning
        X and y are of pandas and their indices differ: rows are matched by position.

    Examples
    --------
    >>> import numpy as np, sluice
    >>> X = np.array([[1, 0], [0.9, 0.1], [0, 1]])
    >>> sluice.select(X, method="k_center", budget=2, ids=["a", "b", "c"]).ids.tolist()
    ['b', 'c']
    >>> sluice.select(X, [1, 1, 2], task="tabular", method="k_medoids", budget=2).ids.tolist()
    [0, 2]
    """
    chosen = method_of(task, method)
    for name in options:
        if name not in chosen.options:
            raise UnknownNameError.of(f"option of {method}", name, list(chosen.options))
    kind: type[Rows] = registry.load(ROWS, task)
    own = {"encoder": encoder, "language_model": language_model}
    _refuse_unread(kind, task, {**own, "validation": validation})
    serves = bool(chosen.needs & TARGETED)
    if validation is not None and not serves:
        raise ConfigError(f"{method} reads no validation rows; leave validation out.")
    config = settings_of(task, settings)
    warn_of_indices(X, y)
    rows = _sorted(kind.take(X, y, ids, config, **own))
    if rows.labels is None and reads_labels(chosen):
        raise DataError(f"{method} needs labels: give y.")
    if serves:
        held = None if validation is None else kind.take(validation, None, None, config)
        rows = rows.serving(None if held is None else _sorted(held))
    # Before anything that takes long.
    count = budget_of(method, chosen.sized, budget, len(rows))
    if chosen.class_floor and rows.strict_floor:
        check_floor(method, count, len(rows.classes))
    if reads_model(rows, chosen.needs):
        model_of(rows)
    pool = make_pool(chosen, rows, {**chosen.options, **options})
    picked = run(chosen, pool, budget, seed, strict_floor=rows.strict_floor, **options)
    if rows.named:
        return picked
    # Names of our own making mean nothing to the caller: say where the rows are.
    places = dict(zip(rows.names.tolist(), rows.positions.tolist(), strict=True))
    left_out = {places[name]: why for name, why in picked.left_out.items()}
    kept = rows.positions[np.searchsorted(rows.names, picked.ids)]
    return replace(picked, ids=kept, left_out=left_out)


def method_of(task: str, method: str) -> Selector:
    """Return a method of a task.

    Raises
    ------
    UnknownNameError
        There is no such task or method, or the method is of other tasks.
    """
    chosen = selector(method)
    if chosen not in selectors_for(task):
        tasks = " or ".join(f"task={each!r}" for each in sorted(chosen.tasks))
        known = ", ".join(each.name for each in selectors_for(task))
        raise UnknownNameError(
            f"{method} is no method of the task {task!r}: give {tasks}, or one of {known}."
        )
    return chosen


def warn_of_indices(X: Any, y: Any) -> None:
    """Warn where X and y are of pandas and name their rows differently."""
    if not all(hasattr(each, "iloc") and hasattr(each, "index") for each in (X, y)):
        return
    if len(X) == len(y) and not X.index.equals(y.index):
        warnings.warn(
            "X and y are of pandas and their indices differ; rows are matched by position, not by "
            "index. Give y.loc[X.index], or y.to_numpy() if the order is right.",
            UserWarning,
            stacklevel=3,
        )


def _refuse_unread(kind: type[Rows], task: str, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if value is not None and name not in kind.reads:
            readers = ", ".join(each for each, rows in registry.each(ROWS) if name in rows.reads)
            raise ConfigError(f"{name} is for the task {readers}; the task {task} reads none.")


def _sorted(rows: Rows) -> Rows:
    """Return rows in ascending order of name.

    An encoder's last bits depend on its batches: so it is given the same ones in any row order.
    """
    return rows.at(np.argsort(rows.names, kind="stable"))
