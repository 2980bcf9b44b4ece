"""Checks: blocking where a later stage would be wrong, warnings where a person should look.

Each takes the task's partitions, or a pass on one dataset would release another.
"""

import numpy as np

from assets.display.results import read_results
from assets.lineage.checking import Check, Finding, Look
from assets.lineage.inputs import read_all_rows, read_knn, read_rows, read_vectors
from assets.lineage.stage import Reading
from resources.store import scores, selections
from sluice.core.budgets import parse_budget
from sluice.graphs.canonical import canonical_cosine
from sluice.subsets.contract import Selector

SAMPLED_ROWS = 25


def of_instances(*, leak_stops: bool, classes: bool) -> list[Check]:
    """Return the checks of the rows.

    Parameters
    ----------
    leak_stops : bool
        Whether equal contents in two splits stop the run: a table may hold equal rows, and its
        own split column or groups may part them.
    classes : bool
        Whether labels are classes that a model must tell apart.
    """
    looks = [
        Check("unique_ids", _unique_ids),
        Check("no_text_in_two_splits", _no_leak, blocking=leak_stops),
    ]
    return [*looks, Check("classes_in_every_split", _classes, blocking=False)] if classes else looks


def of_score(name: str, check_name: str = "finite") -> Check:
    """Return the check of one score."""
    return Check(check_name, _finite(name), ["instances"])


def of_subset(selector: Selector) -> Check:
    """Return the check of one method's subsets."""
    return Check("exact_and_from_train", _subset(selector), ["instances"])


def _unique_ids(read: Reading) -> Finding:
    """No two rows share an id."""
    ids = read_all_rows(read.lake, read.dataset).ids
    return Finding(len(set(ids)) == len(ids), {"rows": len(ids), "distinct": len(set(ids))})


def _no_leak(read: Reading) -> Finding:
    """No content stands in two of train, validation and test."""
    present = read_all_rows(read.lake, read.dataset)
    where: dict[str, set[str]] = {}
    for key, split in zip(present.text_hashes, present.splits, strict=True):
        where.setdefault(key, set()).add(split)
    shared = sum(len(splits) > 1 for splits in where.values())
    return Finding(shared == 0, {"texts_in_two_splits": shared})


def _classes(read: Reading) -> Finding:
    """Every class has rows in train, validation and test."""
    present = read_all_rows(read.lake, read.dataset)
    absent = [
        f"{name} in {split}"
        for split in ("train", "validation", "test")
        for code, name in enumerate(present.class_names)
        if not (present.of(split).labels == code).any()
    ]
    return Finding(not absent, {"absent": ", ".join(absent) or "none"})


def _normalised(read: Reading) -> Finding:
    """Every row has a vector, finite and of length 1."""
    present = read_all_rows(read.lake, read.dataset)
    vectors = read_vectors(read.lake, read.task, read.dataset, present)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    off = float(np.abs(lengths - 1).max())
    return Finding(
        bool(np.isfinite(vectors).all() and off < 1e-4),
        {"rows": len(lengths), "largest_deviation_of_length": off},
    )


def _finite_vectors(read: Reading) -> Finding:
    """Every row has a vector, and it is finite."""
    present = read_rows(read.lake, read.dataset)
    vectors = read_vectors(read.lake, read.task, read.dataset, present)
    whole = np.asarray(np.isfinite(vectors).all(axis=1))
    return Finding(bool(whole.all()), {"rows": len(whole), "not_finite": int((~whole).sum())})


def _exact(read: Reading) -> Finding:
    """The neighbours of sampled rows are those of a search over all pairs in float64."""
    train = read_rows(read.lake, read.dataset).of("train")
    graph = read_knn(read.lake, read.dataset, read.config, train)
    vectors = read_vectors(read.lake, read.task, read.dataset, train)
    step = max(1, len(train.ids) // SAMPLED_ROWS)
    wrong = 0
    for row in range(0, len(train.ids), step):
        others = canonical_cosine(np.broadcast_to(vectors[row], vectors.shape), vectors)
        others[row] = -np.inf
        # Rows are sorted by id, so a stable sort breaks ties by id.
        best = np.argsort(-others, kind="stable")[: min(graph.k, len(train.ids) - 1)]
        wrong += not np.array_equal(best, graph.neighbours[row][: len(best)])
    return Finding(wrong == 0, {"rows_that_differ": wrong, "sampled_every": step})


def _finite(name: str) -> Look:
    def look(read: Reading) -> Finding:
        """Every training row has a finite score."""
        train = read_rows(read.lake, read.dataset).of("train")
        values = scores.read(read.lake, read.dataset, name, train.ids)
        return Finding(bool(np.isfinite(values).all()), {"rows": len(values)})

    return look


def _subset(selector: Selector) -> Look:
    def look(read: Reading) -> Finding:
        """Each subset has its exact budget, no row twice, and training rows only."""
        train = read_rows(read.lake, read.dataset).of("train")
        record = read.record(f"subsets/{selector.name}")
        wanted = [entry["selection_id"] for entry in record.details["selections"]]
        at = selections.positions(read.lake, wanted, train.ids)
        wrong: list[str] = []
        for head in selections.headers(read.lake, wanted):
            kept = at.get(head.selection_id, np.empty(0, np.int64))
            size = parse_budget(head.budget, len(train.ids))
            exact = head.size == size or bool(head.note)
            if not (exact and len(kept) == head.size == len(set(kept.tolist()))):
                wrong.append(f"{head.budget} seed {head.seed}")
        return Finding(not wrong, {"subsets": len(wanted), "wrong": ", ".join(wrong) or "none"})

    return look


def _beats_random(read: Reading) -> Finding:
    """The chosen method is shown to beat random at the chosen budget, on test."""
    results = read_results(read.lake, read.task, read.dataset)
    row = next(
        row
        for row in results.rows
        if (row.selector, row.budget_label)
        == (results.chosen["selector"], results.chosen["budget"])
    )
    return Finding(bool(row.beats_random), {"selector": row.selector})


def _some_size_is_enough(read: Reading) -> Finding:
    """Some subset is shown to train as well as all rows, within the tolerance, on test."""
    results = read_results(read.lake, read.task, read.dataset)
    return Finding(bool(results.enough), {"says": results.enough_sentence})


OF_EMBEDDINGS = Check("finite_and_normalised", _normalised, ["instances"])
OF_ENCODED = Check("finite", _finite_vectors, ["instances"])
OF_GRAPH = Check("equals_brute_force_on_a_sample", _exact, ["instances", "embeddings"])
OF_COMPARISON = (
    Check("some_size_is_enough", _some_size_is_enough, blocking=False),
    Check("chosen_beats_random", _beats_random, blocking=False),
)
