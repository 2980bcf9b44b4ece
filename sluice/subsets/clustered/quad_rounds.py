"""Quad's rounds: pull clusters, keep slices, learn; then fill what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sluice.core.progress import track
from sluice.subsets.clustered.cluster_bandit import Arms, near_clusters, upper_bounds
from sluice.subsets.clustered.quad_setting import (
    Influences,
    Options,
    Setting,
    bounded_mean,
    setting_of,
)
from sluice.subsets.contract import Picks


@dataclass
class _State:
    """What does."""

    arms: Arms
    cursor: NDArray[np.int64]
    kept: list[int] = field(default_factory=list)
    gains: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    trace: list[Mapping[str, object]] = field(default_factory=list)
    round: int = 0


def bandit(
    labels: NDArray[np.int64],
    centroids: NDArray[np.float32],
    influence: Influences,
    ids: NDArray[np.str_],
    budget: int,
    seed: int,
    options: Options,
) -> Picks:
    """Run the bandit, and fill where it is asked to.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    centroids : ndarray of float32, shape (k, d)
    influence : callable
    ids : ndarray of str, shape (n,)
        Key the order of visits together with the seed.
    budget : int
        From 1 to n.
    seed : int
    options : Options
        Checked.

    Returns
    -------
    Picks
    """
    fixed = setting_of(labels, centroids, influence, ids, budget, seed, options)
    begin = fixed.end - np.bincount(labels, minlength=len(centroids))
    state = _State(Arms.of(len(centroids)), begin)
    with track("quad", budget) as advance:
        while len(state.kept) < budget and state.round != options.rounds:
            before = len(state.kept)
            if not _round(fixed, state):
                break
            advance(len(state.kept) - before)
    accepted = len(state.kept)
    if options.fill and accepted < budget:
        _fill(fixed, state)
    return Picks(
        np.array(state.kept, dtype=np.int64),
        np.array(state.gains, dtype=np.float64),
        state.reasons,
        _note(fixed, state, accepted),
        tuple(state.trace),
    )


def _round(fixed: Setting, state: _State) -> bool:
    """Pull the best clusters at once; False where none is worth it."""
    live = state.cursor < fixed.end
    scores = upper_bounds(state.arms.means, state.arms.pulls, fixed.alpha, mode=fixed.options.mode)
    # an exhausted cluster, and one that nobody expects to beat the threshold
    worth = live & ((state.arms.pulls == 0) | (scores > 0))
    scores[~worth] = -np.inf
    # no more clusters than would fill the budget if all were accepted
    most = min(fixed.arms, -(-(fixed.budget - len(state.kept)) // fixed.slice_rows))
    chosen = np.lexsort((fixed.ties, -scores))[: min(most, int(worth.sum()))]
    if not len(chosen):
        return False
    state.round += 1
    stops = np.minimum(state.cursor + fixed.options.pull, fixed.end)
    fixed.asked.of(
        np.concatenate([fixed.queue[state.cursor[c] : stops[c]] for c in chosen.tolist()])
    )
    for c in chosen.tolist():
        _pull(fixed, state, c, float(scores[c]), int(stops[c]))
    return True


def _pull(fixed: Setting, state: _State, c: int, score: float, stop: int) -> None:
    """Learn from the scored rows of a cluster, and keep its slice if they are good."""
    scored = fixed.queue[state.cursor[c] : stop]
    values = fixed.asked.of(scored)
    finite = values[np.isfinite(values)]
    mean = bounded_mean(finite) if len(finite) else None
    reward = None if mean is None else mean - fixed.threshold
    state.arms.pulled(c, reward)
    if reward is not None:
        state.arms.shared(*near_clusters(fixed.centroids, c, fixed.options.distance), reward)
    kept = 0
    if mean is not None and mean > fixed.threshold:
        end = min(state.cursor[c] + fixed.slice_rows, fixed.end[c])
        whole_slice = fixed.queue[state.cursor[c] : end]
        kept = _keep(fixed, state, whole_slice, scored, mean)
        state.cursor[c] = end
    else:
        state.cursor[c] = stop
    state.trace.append(
        {
            "round": state.round,
            "cluster": c,
            "rows_scored": len(scored),
            "mean_influence": mean,
            "threshold": fixed.threshold,
            "reward": reward,
            "accepted": kept > 0,
            "rows_kept": kept,
            "score": score if np.isfinite(score) else None,
            "pulls": int(state.arms.pulls[c]),
        }
    )


def _keep(
    fixed: Setting,
    state: _State,
    rows: NDArray[np.int64],
    scored: NDArray[np.int64],
    mean: float,
) -> int:
    """Keep the usable rows of a slice, the scored ones first, up to the budget."""
    usable = rows[~fixed.asked.unusable[rows]][: fixed.budget - len(state.kept)]
    c = int(fixed.labels[rows[0]])
    pull = (
        f"pull {state.arms.pulls[c]} of cluster {c} in round {state.round}, whose mean influence "
        f"{mean:.4g} beats the threshold {fixed.threshold:.4g}"
    )
    values = fixed.asked.values[usable]
    looked = np.isin(usable, scored)
    state.kept += usable.tolist()
    state.gains += np.where(np.isnan(values), mean, values).tolist()
    state.reasons += [
        f"Influence {value:.4g}; scored in {pull}."
        if seen
        else f"In the slice of {len(scored)} rows scored in {pull}."
        for value, seen in zip(values.tolist(), looked.tolist(), strict=True)
    ]
    return len(usable)


def _fill(fixed: Setting, state: _State) -> None:
    """Fill the budget: scored rows by influence, then others by their clusters' rewards."""
    free = ~fixed.asked.unusable
    free[state.kept] = False
    values, means = fixed.asked.values, state.arms.means
    scored = np.flatnonzero(free & fixed.asked.known)
    scored = scored[np.argsort(-values[scored], kind="stable")]
    # the queue holds the rows of a cluster in their order, the sort keeps it
    others = fixed.queue[(free & ~fixed.asked.known)[fixed.queue]]
    own = fixed.labels[others]
    others = others[np.lexsort((fixed.ties[own], -means[own]))]
    rows = np.concatenate([scored, others])[: fixed.budget - len(state.kept)]
    expected = means[fixed.labels[rows]] + fixed.threshold
    seen = fixed.asked.known[rows]
    state.kept += rows.tolist()
    state.gains += np.where(seen, values[rows], expected).tolist()
    state.reasons += [
        f"Fills the budget: influence {value:.4g}, scored but in no accepted pull."
        if known
        else f"Fills the budget: not scored, of cluster {c}, from which an influence of "
        f"{mean:.4g} is expected."
        for value, known, c, mean in zip(
            values[rows].tolist(),
            seen.tolist(),
            fixed.labels[rows].tolist(),
            expected.tolist(),
            strict=True,
        )
    ]


def _note(fixed: Setting, state: _State, accepted: int) -> str:
    """What the caller should know."""
    notes = list[str]()
    lost = int(fixed.asked.unusable.sum())
    if lost:
        looked = int(fixed.asked.known.sum())
        notes.append(f"{lost} of {looked} scored rows are set aside: influence NaN or infinite.")
    if accepted < fixed.budget:
        over = state.round == fixed.options.rounds
        why = f"{state.round} rounds are over" if over else "no cluster is worth another pull"
        note = (
            f"{accepted} of {fixed.budget} rows come from accepted pulls (mean influence above "
            f"{fixed.threshold:.4g}); then {why}"
        )
        filled = len(state.kept) - accepted
        notes.append(f"{note}, and {filled} rows fill the budget." if filled else f"{note}.")
    return " ".join(notes)
