"""What methods need of rows, computed of the rows alone: a function for each input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sluice.api import language, uncertainty
from sluice.api.tags import tags_of_rows
from sluice.scores.registry import SCORES, Score, ScoreInputs
from sluice.subsets.contract import Pool, Selector
from sluice.subsets.inputs import InputRows, make_input
from sluice.tasks.caller_rows import Rows
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.features import features_of_texts

Make = Callable[[Any, Mapping[str, Any]], Any]
"""``make(rows, options) -> value``: an input, of rows in ascending order of name."""


def _score(score: Score, rows: Rows, options: Mapping[str, Any]) -> Any:
    """Compute a registered score, and what it needs."""
    probabilities = None
    if "probabilities" in score.needs:
        probabilities = _probabilities(rows)
    graph = rows.graph(options) if "graph" in score.needs else None
    given = ScoreInputs(
        probabilities,
        rows.labels,
        graph,
        embeddings=rows.vectors if "embeddings" in score.needs else None,
        ids=rows.names,
        options=options,
        memo=rows.memo.setdefault("scores", {}),
    )
    return score.compute(given)


def _probabilities(rows: Rows) -> Any:
    """Return out-of-fold class probabilities, shape (n, C)."""
    from sluice.heads.out_of_fold import out_of_fold_probabilities

    if "probabilities" not in rows.memo:
        assert rows.labels is not None
        folds = rows.config.evaluation.folds
        rows.memo["probabilities"] = out_of_fold_probabilities(
            rows.vectors, rows.labels, ids=rows.names, folds=folds, seed=0
        )
    return rows.memo["probabilities"]


def _teacher(rows: Rows) -> Any:
    from sluice.scores.teacher import teach_out_of_fold

    assert rows.labels is not None
    return teach_out_of_fold(rows.vectors, rows.labels, ids=rows.names, texts=rows.words)


MAKERS: Mapping[str, Make] = {
    "embeddings": lambda rows, _: rows.vectors,
    "labels": lambda rows, _: rows.labels,
    "graph": lambda rows, options: rows.graph(options),
    "tags": lambda rows, _: tags_of_rows(rows),
    "features": lambda rows, _: features_of_texts(
        rows.texts, TokensConfig.of(rows.config).features.kind
    ),
    "influence": lambda rows, _: language.influence(rows),
    "teacher": lambda rows, _: _teacher(rows),
    "asks:influence": lambda rows, _: language.ask_influence(rows),
    "asks:reward": lambda rows, _: language.ask_reward(rows),
    "scores:mnlp": lambda rows, _: uncertainty.mnlp_scores(rows),
    **{
        f"scores:{name}": lambda rows, _, name=name: language.scores(rows)[name]
        for name in language.LOSS_SCORES
    },
    **{
        f"scores:{name}": lambda rows, _, name=name: language.noisy_scores(rows)[name]
        for name in language.NOISY_SCORES
    },
    "scores:quality": lambda rows, _: language.quality(rows),
    **{f"scores:{score.name}": partial(_score, score) for score in SCORES.values()},
}
"""How each input is made, by its key as `Selector.needs` has it."""

TARGETED = frozenset({"influence", "asks:influence"})
"""Inputs that are of validation rows, too."""


def reads_labels(method: Selector) -> bool:
    """Whether labels are needed, by the method or by a score that it reads."""
    names = [need.partition(":")[2] for need in method.needs if need.startswith("scores:")]
    inputs = [SCORES[name].needs for name in names if name in SCORES]
    if {"labels", "teacher"} & method.needs:
        return True
    return any({"probabilities", "labels"} & needs for needs in inputs)


def make_pool(method: Selector, rows: Rows, options: Mapping[str, Any]) -> Pool:
    """Compute what a method needs, and nothing else.

    Parameters
    ----------
    method : Selector
    rows : Rows
        In ascending order of name.
    options : mapping of str to object
        Every option of the method.

    Returns
    -------
    Pool
        With the labels, where the rows have any.
    """
    parts: dict[str, Any] = {"labels": rows.labels}
    for need in sorted(method.needs):
        kind, _, name = need.partition(":")
        value = _made(need, rows, options)
        if name:
            parts.setdefault(kind, {})[name] = value
        else:
            parts[kind] = value
    return Pool(rows.names, class_names=rows.classes).having(parts)


def _made(need: str, rows: Rows, options: Mapping[str, Any]) -> Any:
    if need in MAKERS:
        return MAKERS[need](rows, options)
    given = InputRows(rows.names, rows.texts, rows.labels, rows.classes, lambda: rows.vectors)
    return make_input(need, given, options)
