"""Search for the best subset for those who will train on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.core.progress import track
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.describe import class_name
from sluice.subsets.search import checkpoint as disk
from sluice.subsets.search.candidates import candidates
from sluice.subsets.search.consumers import Panel
from sluice.subsets.search.hill_climb import CROSSED, Problem, State, climb, fresh_value
from sluice.subsets.search.interpolated_rows import crossed
from sluice.subsets.search.proposals import Ground
from sluice.subsets.search.targets import panel_of, references
from sluice.subsets.search.teacher import teach

VERSION = "1"


def subset_search(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    target: object = "general",
    evaluations: int = 2000,
    checkpoint: str | None = None,
) -> Picks:
    """Search for the rows on which given classifiers learn what all rows would teach them.

    Ours; in the spirit of wrapper methods (Kohavi and John, 1997) and of random mutation hill
    climbing over prototypes (Skalak, ICML 1994). Starts from the best of several selectors on
    edited rows; then tries swaps of one to five rows, trains the consumers on the changed
    subset, and keeps what is better. A consumer is judged on training rows by how far it
    answers with the given class and with the teacher's (`sluice.subsets.search.teacher`), and
    on rows between them by how far it answers with the teacher's; both relative to what it
    reaches out of fold when it is trained on all rows.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings (standardised columns) and labels.
    budget : int
        From 1 to n.
    seed : int
    target : str or scikit-learn classifier
        Who will be trained on the subset: ``"general"`` (1-NN, an RBF least-squares kernel
        machine up to 2,048 rows, decision trees and logistic regression at once), a name of
        `sluice.heads.families`, or an unfitted classifier.
    evaluations : int
        Trials after the start; more is better, and a search with a checkpoint goes on.
    checkpoint : str, optional
        File that remembers the best subset so far, every 200 trials.

    Returns
    -------
    Picks
        Ranked by the training rows that each kept row stands nearest to, more first; ties:
        lower id. Gain: that number. Not nested.

    Raises
    ------
    ConfigError
        The target, the evaluations or the checkpoint cannot be used.
    DataError
        A classifier fails on these rows.

    Notes
    -----
    Deterministic for a seed and a number of threads. A trial costs v (d + b) for 1-NN and the
    kernel machine, b^3 for the latter's system, b d log b a tree and b d C an iteration of the
    logistic regression, with v <= 3,000 judged rows. Memory: two v b matrices of float32.
    """
    from sklearn import config_context

    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    if isinstance(evaluations, bool) or not hasattr(evaluations, "__index__") or evaluations < 0:
        raise ConfigError(f"evaluations is {evaluations!r}; give a count of 0 or more.")
    panel = panel_of(target, budget)
    with config_context(assume_finite=True, skip_parameter_validation=True):
        problem, taught = _problem(pool, panel, seed)
        path = None if checkpoint is None else Path(checkpoint)
        key = disk.key_of(pool, budget, seed, panel.words, VERSION)
        state = None if path is None else disk.read(path, key)
        if state is None or state.done > evaluations:
            state = _start(problem, pool, taught, budget, seed)

        def remember(reached: State) -> None:
            if path is not None:
                disk.write(path, key, reached)

        with track("searching subsets", evaluations) as advance:
            advance(min(state.done, evaluations))
            climb(problem, state, evaluations, remember, advance)
    return _picks(problem, pool, state, panel.words)


def _problem(pool: Pool, panel: Panel, seed: int) -> tuple[Problem, NDArray[np.float64]]:
    """Ask the teacher, and measure what each consumer reaches with all rows."""
    rows, labels = pool.embeddings, pool.labels
    assert rows is not None
    assert labels is not None
    n_classes = int(labels.max()) + 1
    between = crossed(rows, 3 * CROSSED, seed)
    taught = teach(rows, labels, n_classes, between, seed)
    worth = 0.5 * (np.arange(n_classes) == labels[:, None]) + 0.5 * taught.own
    reached = references(rows, labels, n_classes, worth, panel.consumers, seed)
    ground = Ground(rows, labels, taught.own[np.arange(len(labels)), labels])
    problem = Problem(
        ground,
        n_classes,
        worth,
        between,
        taught.asked,
        panel.consumers,
        panel.confirming,
        reached,
        seed,
    )
    return problem, taught.own


def _start(
    problem: Problem, pool: Pool, taught: NDArray[np.float64], budget: int, seed: int
) -> State:
    """Take the best of the candidates."""
    best, state = -np.inf, None
    for words, kept in candidates(pool, taught, budget, seed):
        value = fresh_value(problem, kept)
        if value > best:
            best = value
            state = State(kept.copy(), np.zeros(budget, np.int64), kept.copy(), start=words)
    assert state is not None
    return state


def _picks(problem: Problem, pool: Pool, state: State, words: str) -> Picks:
    """Rank the kept rows by how many rows they stand nearest to."""
    labels = pool.labels
    assert labels is not None
    ends = [(fresh_value(problem, end), end) for end in (state.kept, state.best)]
    value, end = max(ends, key=lambda pair: pair[0])
    kept = np.sort(end)
    place = dict(zip(state.kept.tolist(), state.since.tolist(), strict=True))
    since = [place.get(row, -1) for row in kept.tolist()]
    view, judged = problem.view(0)
    distances = view.distances(view.rows[kept])
    nearest = distances.argmin(axis=0)[: len(judged)]
    stands_for = np.bincount(nearest, minlength=len(kept))
    agree = np.bincount(nearest[labels[judged] == labels[kept][nearest]], minlength=len(kept))
    rank = np.argsort(-stands_for, kind="stable")
    worth = f"{value:.1%} of what all rows are worth to them"
    found = f"in the best of {state.done} subsets tried for {words} ({worth})"
    reasons = [
        f"Kept {found}; nearest kept row of {stands_for[i]} rows looked at, {agree[i]} of them of "
        f"class {class_name(pool, int(labels[kept[i]]))}; " + _origin(since[i], state.start)
        for i in rank.tolist()
    ]
    return Picks(kept[rank], stands_for[rank].astype(np.float64), reasons)


def _origin(trial: int, start: str) -> str:
    if trial < 0:
        return "put in on the way."
    return f"put in by trial {trial}." if trial else f"from the start: {start}."


SELECTOR = Selector(
    name="subset_search",
    core=subset_search,
    version=VERSION,
    needs=frozenset({"embeddings", "labels"}),
    tasks=frozenset({"tabular"}),
    stochastic=True,
    nested=False,
    class_floor=True,
    summary="The best subset found for those who will train on it, by trying.",
    formula="argmax_S mean_f min(v_f(S) / v_f(all), 1), v_f: answers of f trained on S",
    paper="Ours, after Skalak, ICML 1994, and Kohavi and John, 1997",
    cost="evaluations times a training of each consumer on b rows",
    options={"target": "general", "evaluations": 2000, "checkpoint": None},
)
