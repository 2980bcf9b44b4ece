"""teach: the rows whose head answers on all rows as their labels do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, UnknownNameError
from sluice.core.progress import track
from sluice.scores.teacher import canonical_classes
from sluice.subsets.clustered.plain_vectors import whole
from sluice.subsets.contract import Picks, Pool, Selector
from sluice.subsets.covering.k_medoids import k_medoids
from sluice.subsets.describe import class_name
from sluice.subsets.teach.clean import clean_k_medoids
from sluice.subsets.teach.swaps import Found, Pace, Rows, benefits, search

CONSUMERS = ("general", "linear", "neighbours")


def teach(
    pool: Pool,
    budget: int,
    seed: int,
    *,
    consumer: str = "general",
    evaluations: int = 60,
    clean: object = True,
) -> Picks:
    """Swap rows by their influence until the head trained on them fits all rows best.

    Ours. Starts from the medoids of the rows of each class (Webster quotas) whose label the teacher
    (`sluice.scores.teacher`) agrees with, `clean_k_medoids`; a softmax head is trained on them to
    the end, its logits are scaled by one number as fits all rows best, and ``L`` is the
    cross-entropy of all rows. The benefit of a row is by how much one more copy of it lowers ``L``,
    by the influence function (Koh and Liang, arXiv 1703.04730): ``s_i = <p(x_i) - Y_i, x_i H^-1
    grad L>``. The kept rows of least benefit make way for the others of most; while ``L`` falls
    more of them do, and fewer where it does not. Class counts are free but for one row of each.

    Parameters
    ----------
    pool : Pool
        Sorted by id, with embeddings, labels and a teacher.
    budget : int
        From 1 to n.
    seed : int
        Moves the start, see `clean_k_medoids`.
    consumer : str
        Who will be trained on the rows. ``"general"``: any classifier; fits the given labels, and
        rows that the teacher contradicts are banned. ``"linear"``: a head on these embeddings;
        fits what the teacher by vectors answers, bans none, goes on to smaller swaps.
        ``"neighbours"``: nearest neighbours; no search, but `clean_k_medoids`.
    evaluations : int
        Heads trained at most. A search that stops there is at a step of the same path.
    clean : bool
        Whether rows that the teacher contradicts are banned, where `consumer` bans any.

    Returns
    -------
    Picks
        Most beneficial rows first, ties: lower id. Gain: ``s_i`` at the end. `left_out` says of
        each other row why.

    Raises
    ------
    ConfigError
        An option has no such value.

    Notes
    -----
    Not nested. Neither the order of the rows nor the names of the classes matter. With fewer
    places than classes, or one class, the start is the result. It matters where a class has few
    places: there random rows in its stead cost points of accuracy. Cost of an evaluation: 4 n d C,
    and 4 b d C for each step of conjugate gradients. Memory: a float64 copy of the embeddings.
    """
    labels, teacher, vectors = pool.labels, pool.teacher, pool.embeddings
    assert labels is not None
    assert teacher is not None
    assert vectors is not None
    if consumer not in CONSUMERS:
        raise UnknownNameError.of("consumer of teach", str(consumer), list(CONSUMERS))
    if not isinstance(clean, bool):
        raise ConfigError(f"clean is {clean!r}; give true or false.")
    most = whole("evaluations", evaluations)
    linear = consumer == "linear"
    bans = clean and not linear
    codes, numbers = canonical_classes(labels, teacher.probabilities.shape[1])
    n_classes = int(codes.max()) + 1
    # k-medoids with canonical classes, for ties of quotas go by their numbers
    back = np.argsort(numbers).tolist()
    names = tuple(pool.class_names[c] if c < len(pool.class_names) else str(c) for c in back)
    medoids = clean_k_medoids if bans else k_medoids
    start = medoids(replace(pool, labels=codes, class_names=names), budget, seed)
    if consumer == "neighbours" or budget < n_classes or n_classes < 2:
        return start
    onehot = (np.arange(n_classes) == codes[:, None]).astype(np.float64)
    banned = ~teacher.agrees if bans else np.zeros(len(codes), dtype=bool)
    wide = np.empty((len(codes), vectors.shape[1] + 1))
    wide[:, :-1], wide[:, -1] = vectors, 1.0
    targets = teacher.by_vectors[:, back[:n_classes]] if linear else onehot
    rows = Rows(wide, codes, onehot, targets, banned)
    pace = Pace(growth=1.5, least=0.0) if linear else Pace()
    with track("teach", most) as advance:
        found = search(rows, start.positions, replace(pace, evaluations=most), lambda: advance(1))
    return _picks(pool, rows, found)


def _picks(pool: Pool, rows: Rows, found: Found) -> Picks:
    """Rank the kept rows by their benefit, and say why the others are none of them."""
    taught, labels = found.taught, rows.labels
    benefit = benefits(rows, taught)
    kept = taught.kept[np.argsort(-benefit[taught.kept], kind="stable")]
    inside = np.zeros(len(labels), dtype=bool)
    inside[kept] = True
    return Picks(
        kept,
        benefit[kept],
        _reasons(pool, rows, found, kept),
        trace=tuple(found.trace),
        left_out=_left_out(pool, rows, benefit, inside, int(kept[-1])),
    )


def _reasons(pool: Pool, rows: Rows, found: Found, kept: NDArray[np.int64]) -> list[str]:
    labels = rows.labels
    sizes = np.bincount(labels)
    in_class = np.empty(len(labels))
    for c in np.unique(labels[kept]):
        mine = kept[labels[kept] == c]
        in_class[mine] = benefits(rows, found.taught, labels == c)[mine]
    chosen, reasons = set(kept.tolist()), list[str]()
    for rank, p in enumerate(kept.tolist(), start=1):
        value = float(in_class[p])
        said = "Lowers" if value >= 0 else "Raises"
        instead = found.replaced.get(p)
        while instead is not None and instead in chosen:  # it came back, for yet another
            instead = found.replaced[instead]
        reasons.append(
            f"{said} the mean loss of the {sizes[labels[p]]} rows of class {_named(pool, p)} by "
            f"{abs(value):.2g}, number {rank} of {len(kept)} in use to all rows; "
            + ("there from the start." if instead is None else f"replaced {pool.ids[instead]}.")
        )
    return reasons


def _left_out(
    pool: Pool,
    rows: Rows,
    benefit: NDArray[np.float64],
    inside: NDArray[np.bool_],
    last: int,
) -> dict[int, str]:
    assert pool.teacher is not None
    p, own = pool.teacher.probabilities, pool.teacher.own
    best = p.argmax(axis=1)
    return {
        i: (
            f"Contradicted by the teacher: {p[i, best[i]]:.2f} for class "
            f"{class_name(pool, int(best[i]))}, {own[i]:.2f} for its own, {_named(pool, i)}."
            if rows.banned[i]
            else f"Less useful to all rows than the last row kept: {benefit[i]:.2g} against "
            f"{benefit[last]:.2g}."
            if benefit[i] <= benefit[last]
            else f"Useful to all rows ({benefit[i]:.2g}; the last row kept: {benefit[last]:.2g}), "
            "but to first order only: no further swap lowered their loss."
        )
        for i in np.flatnonzero(~inside).tolist()
    }


def _named(pool: Pool, position: int) -> str:
    assert pool.labels is not None
    return class_name(pool, int(pool.labels[position]))


SELECTOR = Selector(
    name="teach",
    core=teach,
    version="1",
    needs=frozenset({"embeddings", "labels", "teacher"}),
    tasks=frozenset({"text", "tabular"}),
    stochastic=True,
    nested=False,
    class_floor=True,
    summary="The rows whose head fits all rows best, found by swaps of least for most influence.",
    formula="argmin_S CE(tau X W(S), Y); s_i = <p(x_i) - Y_i, x_i H^-1 grad L>",
    paper="Ours, after Koh and Liang, arXiv 1703.04730, and Zhu, AAAI 2015",
    cost="as k_medoids, then 60 n d C, beyond the teacher",
    options={"consumer": "general", "evaluations": 60, "clean": True},
)
