"""What every learner must do: `check_learner` tries it on rows of its task."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sluice.core.drafts import scratch
from sluice.core.errors import ConfigError
from sluice.evaluation.evaluate import checked_outcomes, evaluate, ready
from sluice.evaluation.learner import Examples, Learner, Model
from sluice.evaluation.metrics import Compared, Outcomes

Found = dict[str, dict[str, Outcomes]]
HEAVY = 1000.0


def check_learner(learner: Learner, rows: Examples, held_out: Mapping[str, Examples]) -> None:
    """Check that a learner keeps its contract; takes about ten trainings.

    Parameters
    ----------
    learner : Learner
        Made for a dataset whose trainings take seconds.
    rows : Examples
        At least eight, of more than one kind.
    held_out : mapping of split to Examples
        ``validation`` and ``test``.

    Raises
    ------
    AssertionError
        It does not; the message says what.

    Notes
    -----
    Checked are: what it says of itself; the same outcomes for the same seed, whatever the order of
    the rows, and for every seed where it is not `seeded`; one outcome a held-out row, whichever
    others are measured with it; rows of weight 0 left out, equal weights as none, others heeded,
    and a weight of 2 as the row twice where it has `exact_weights`; a saved model that answers as
    before, also from another place; numpy's global random state left alone.
    """
    _check_words(learner, rows)
    names = learner.names(rows)

    def found(chosen: Examples, seed: int = 0) -> Found:
        return evaluate(learner, chosen, names, held_out, seed).outcomes

    state = str(np.random.get_state())
    plain = found(rows)
    assert str(np.random.get_state()) == state, "it draws from numpy's global generator"
    assert same(plain, found(rows)), "the same rows and seed give other outcomes the second time"
    turned = rows.at(np.random.default_rng(0).permutation(len(rows)))
    assert same(plain, found(turned)), "outcomes depend on the order of the rows"
    if not learner.seeded:
        assert same(plain, found(rows, seed=7)), "it is not `seeded`, and yet the seed matters"
    _check_held_out(learner, rows, names, held_out)
    _check_weights(learner, rows, names, held_out, plain)
    _check_models(learner, rows, names, held_out)


def same(one: Found, other: Found) -> bool:
    """Whether two evaluations have equal outcomes."""
    return all(
        np.array_equal(values, other[split][kind], equal_nan=True)
        for split, kinds in one.items()
        for kind, values in kinds.items()
    )


def _check_words(learner: Learner, rows: Examples) -> None:
    assert isinstance(learner.metrics[0], Compared), "its first metric is not a `Compared`"
    called = [metric.name for metric in learner.metrics]
    assert len(set(called)) == len(called), f"two metrics have one name: {called}"
    assert learner.trained == learner.trained, "`trained` changes from call to call"
    settings = [
        learner.settings,
        learner.parameters,
        learner.model_settings(0),
        learner.names(rows),
    ]
    again = [learner.settings, learner.parameters, learner.model_settings(0), learner.names(rows)]
    assert json.dumps(settings) == json.dumps(again), "what it depends on changes from call to call"
    if learner.on_demand:
        assert learner.tries, "it is made on demand; say in `tries` how hours are estimated"
        assert learner.advice, "it is made on demand; say in `advice` how trainings become fewer"


def _check_held_out(
    learner: Learner, rows: Examples, names: list[str], held_out: Mapping[str, Examples]
) -> None:
    model = learner.train(ready(rows), names, 0)
    try:
        for split, part in held_out.items():
            whole = checked_outcomes(learner, model.outcomes(part), len(part))
            some = checked_outcomes(learner, model.outcomes(part.at([0])), 1)
            for kind, values in whole.items():
                assert np.allclose(some[kind][0], values[0], equal_nan=True, atol=1e-4), (
                    f"the outcome {kind!r} of a row of {split} depends on the rows beside it"
                )
            for metric in learner.metrics:
                assert isinstance(metric.value(whole[metric.outcome]), float), metric.name
    finally:
        model.close()


def _check_weights(
    learner: Learner,
    rows: Examples,
    names: list[str],
    held_out: Mapping[str, Examples],
    plain: Found,
) -> None:
    def found(chosen: Examples, weights: NDArray[np.float64] | None = None) -> Found:
        weighted = replace(chosen, weights=weights)
        return evaluate(learner, weighted, names, held_out, 0).outcomes

    first = np.arange(len(rows)) < len(rows) // 2
    half = rows.at(np.flatnonzero(first))
    alone = found(half)
    assert same(alone, found(rows, first.astype(float))), "rows of weight 0 are not left out"
    assert same(plain, found(rows, np.ones(len(rows)))), "weights of 1 are not as no weights"
    try:
        heavy = found(rows, np.where(first, HEAVY, 1.0))
    except ConfigError:
        # It takes none, and says so.
        return
    if not same(alone, plain):
        assert not same(heavy, plain), "weights of rows change nothing"
    if learner.exact_weights:
        twice = replace(half, ids=[f"{row} again" for row in half.ids])
        both = Examples(
            [*rows.ids, *twice.ids],
            [*rows.texts, *twice.texts],
            np.concatenate([rows.labels, twice.labels]),
            rows.class_names,
            None
            if rows.vectors is None or twice.vectors is None
            else np.concatenate([rows.vectors, twice.vectors]),
        )
        doubled = found(rows, np.where(first, 2.0, 1.0))
        assert same(found(both), doubled), "a row of weight 2 is not as the row twice"


def _check_models(
    learner: Learner, rows: Examples, names: list[str], held_out: Mapping[str, Examples]
) -> None:
    part = held_out["test"]
    with scratch() as folder:
        made, moved = folder / "model", folder / "moved"
        learner.fit(ready(rows), names, 0, made, held_out["validation"])
        answers = _answers(learner.load(made), part)
        shutil.copytree(made, moved)
        shutil.rmtree(made)
        assert _answers(learner.load(moved), part) == answers, "a moved model answers otherwise"
        assert len(answers) == len(part), f"{len(answers)} answers for {len(part)} rows"
        _check_saved(learner, rows, names, part, folder / "saved")


def _check_saved(
    learner: Learner, rows: Examples, names: list[str], part: Examples, folder: Path
) -> None:
    model = learner.train(ready(rows), names, 0)
    try:
        before = model.answers(part)
        folder.mkdir()
        model.save(folder)
    except NotImplementedError:
        # What evaluations train is then never kept.
        return
    finally:
        model.close()
    assert _answers(learner.load(folder), part) == before, "a saved model answers otherwise"


def _answers(model: Model, part: Examples) -> list[str]:
    try:
        return model.answers(part)
    finally:
        model.close()
