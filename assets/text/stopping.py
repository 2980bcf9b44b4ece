"""When to stop labelling: what the models of successive rounds say of one and the same rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_vectors
from assets.lineage.stage import digest_of
from assets.lineage.task import Task
from resources.lake import Lake
from resources.store import label_rounds
from resources.store.label_rounds import Round
from sluice.core.randomness import keyed_uniform
from sluice.data.ingest.splits import UNLABELLED
from sluice.evaluation.stopping import delta_f, kappa_average, overall_uncertainty
from sluice.heads.logistic import HeadConfig, fit_head

# The stop set: drawn by id alone, so without regard to strategy, labels and other rows (ours).
STOP_ROWS, STOP_SEED = 1000, 2
SIGNS = 3


def stopping_signs(lake: Lake, task: Task, dataset: str, present: Rows) -> dict[str, Any]:
    """Keep what the head says of the stop set, and return the signs of all rounds up to this one.

    Parameters
    ----------
    lake : Lake
    task : Task
    dataset : str
    present : Rows
        All rows, with and without a label. The head is trained on the labelled training rows,
        whatever the strategy.

    Returns
    -------
    dict
        ``stop`` in words and the numbers behind it; empty while fewer than two classes have a
        label, or no row is without one.
    """
    train, waiting = present.of("train"), present.of(UNLABELLED)
    if len(np.unique(train.labels)) < 2 or not waiting.ids:
        return {}
    names = present.class_names
    head = fit_head(read_vectors(lake, task, dataset, train), train.labels, len(names))
    rows = present.at(stop_set(present))
    said = head.predict(read_vectors(lake, task, dataset, rows))
    predicted = {row: names[code] for row, code in zip(rows.ids, said.tolist(), strict=True)}
    now = Round(_state(train), len(train.ids), predicted)
    label_rounds.append(lake, dataset, now)
    unsure = head.predict_proba(read_vectors(lake, task, dataset, waiting))
    return signs_of(up_to(label_rounds.read(lake, dataset), now), unsure)


def stop_set(present: Rows) -> list[int]:
    """Return the positions of the rows of the least keyed draws, in order of id."""
    draws = keyed_uniform(STOP_SEED, np.array(present.ids, dtype=np.str_))
    return sorted(np.argsort(draws, kind="stable")[:STOP_ROWS].tolist())


def up_to(rounds: list[Round], now: Round) -> list[Round]:
    """Return the rounds that came before one and it: labels may have been taken back since."""
    names = [each.round for each in rounds]
    return rounds[: names.index(now.round) + 1]


def _state(train: Rows) -> str:
    rows = zip(train.ids, train.content_hashes, strict=True)
    return digest_of([HeadConfig().version, *(f"{row} {content}" for row, content in rows)])


def signs_of(rounds: list[Round], unsure: NDArray[np.float64]) -> dict[str, Any]:
    """Return the signs of rounds, oldest first, and of the newest model's doubts."""
    codes = _codes(rounds)
    agreed, kappa = kappa_average(codes)
    stable, change = delta_f(codes)
    sure, uncertainty = overall_uncertainty(unsure)
    signs = [agreed, stable, sure]
    numbers = {"kappa_average": kappa, "delta_f": change, "overall_uncertainty": uncertainty}
    after = "1 round" if len(rounds) == 1 else f"{len(rounds)} rounds"
    said = (
        f"{sum(signs)} of {SIGNS} signs say stop after {after}: "
        f"kappa average {_shown(kappa)} (at least 0.99: {_verdict(agreed)}), "
        f"delta F {_shown(change)} (at most 0.01, three times running: {_verdict(stable)}), "
        f"overall uncertainty {uncertainty:.3f} (below 0.1: {_verdict(sure)})."
    )
    return {
        "stop": said,
        "rounds": len(rounds),
        **{name: value for name, value in numbers.items() if np.isfinite(value)},
    }


def _codes(rounds: list[Round]) -> list[NDArray[np.int64]]:
    """Return the classes predicted for the rows that all of the newest rounds have, as codes."""
    newest = rounds[-(SIGNS + 1) :]
    shared = sorted(set.intersection(*(set(each.predicted) for each in newest)))
    if not shared:
        return []
    names = np.unique([name for each in newest for name in each.predicted.values()])
    return [
        np.searchsorted(names, [each.predicted[row] for row in shared]).astype(np.int64)
        for each in newest
    ]


def _shown(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "not known yet"


def _verdict(stop: bool) -> str:
    return "stop" if stop else "go on"
