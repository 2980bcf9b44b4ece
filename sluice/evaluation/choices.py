"""What choosers get right on items whose gold they do not see, beside their controls and bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.choices.contract import NO_ANSWER, Choices, Chooser
from sluice.choices.registry import chooser
from sluice.choices.runner import run
from sluice.choices.tables import Asked, read_tables
from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import Interval, accuracy_interval, paired_difference
from sluice.evaluation.claims import holm

CONTROLS = ("random", "best_single", "majority")
BOUNDS = ("oracle", "adversary")
MOST_WRONG = 0.05
"""Chance of one wrong claim among all."""


@dataclass(frozen=True)
class Against:
    """One method minus one control on the same items.

    Attributes
    ----------
    difference : Interval
        Of the accuracies, by a paired bootstrap over items and seeds.
    p : float
        Of Student's paired test over items (means over seeds), corrected by Holm over all
        comparisons of all methods.
    """

    difference: Interval
    p: float

    @property
    def is_claimed(self) -> bool:
        """Whether the method is better: the interval is above 0, and so says the corrected p."""
        return self.difference.low > 0 and self.p < MOST_WRONG


@dataclass(frozen=True)
class Measured:
    """What one chooser did.

    Attributes
    ----------
    method : str
    right : ndarray of bool, shape (s, n)
        By seed and item; no answer is a wrong one.
    accuracy : Interval
    calls : float
        Sources asked, mean over items and seeds.
    cost : float
        Cost of all candidates of the sources asked, mean over items and seeds.
    against : mapping of str to Against
        By control; empty for the controls and bounds themselves.
    """

    method: str
    right: NDArray[np.bool_]
    accuracy: Interval
    calls: float
    cost: float
    against: Mapping[str, Against]


@dataclass(frozen=True)
class Evidence:
    """All methods on the same items.

    Attributes
    ----------
    items : list of int or str
        Those that were decided, in the caller's order.
    measured : mapping of str to Measured
        By method: those asked for first, then controls, then bounds.
    """

    items: Sequence[int | str]
    measured: Mapping[str, Measured]

    def table(self) -> pa.Table:
        """Return one row a method: accuracy, calls, cost, and the gain over each control."""
        rows: list[dict[str, Any]] = []
        for one in self.measured.values():
            row: dict[str, Any] = {"method": one.method, **_interval("accuracy", one.accuracy)}
            row |= {"calls": one.calls, "cost": one.cost}
            for name in CONTROLS:
                against = one.against.get(name)
                row |= _interval(f"over_{name}", against and against.difference)
                row[f"over_{name}_p"] = against and against.p
            rows.append(row)
        numbers = [(name, pa.float64()) for name in rows[0] if name != "method"]
        return pa.Table.from_pylist(rows, pa.schema([("method", pa.string()), *numbers]))


def above_oracle(measured: Mapping[str, Measured]) -> list[str]:
    """Return the choosers that are right where no source is: none, or something is wrong."""
    best = measured["oracle"].right
    return [name for name, one in measured.items() if (one.right > best).any()]


def below_random(measured: Mapping[str, Measured]) -> list[str]:
    """Return the choosers that are surely worse than a random source, by the paired interval."""
    floor = measured["random"].right
    return [
        name
        for name, one in measured.items()
        if name not in BOUNDS and paired_difference(one.right, floor).high < 0
    ]


def measure(
    items: object,
    candidates: object,
    decided: Sequence[bool] | NDArray[np.bool_],
    methods: Mapping[str, Mapping[str, Any]],
    *,
    seeds: Sequence[int] = range(5),
) -> Evidence:
    """Let choosers decide items whose gold is known, hidden from them, beside the controls.

    Parameters
    ----------
    items, candidates : Table, DataFrame or list of dict
        See `sluice.choices.runner.choose`.
    decided : sequence of n bool
        Which items are decided, each with a gold answer; choosers learn from the gold of the
        others.
    methods : mapping of str to mapping
        Options by name of a chooser. Controls and bounds are measured anyway, with their defaults
        where they are not named; what learns is left out where there is nothing to learn from.
    seeds : sequence of int
        For the stochastic methods.

    Returns
    -------
    Evidence

    Raises
    ------
    DataError
        `decided` has another length, names no item, or one without gold.

    Notes
    -----
    Costs one choice a method and seed, and O(resamples x n) for each interval.
    """
    asked = read_tables(items, candidates)
    is_open = np.asarray(decided, dtype=np.bool_)
    if is_open.shape != (len(asked.names),) or not is_open.any():
        raise DataError(
            f"decided has shape {is_open.shape} and {int(is_open.sum())} items to decide; give a "
            f"truth for each of {len(asked.names)} items, at least one of them true."
        )
    is_open = is_open[asked.places]
    blank = np.flatnonzero(is_open & (asked.pool.gold == NO_ANSWER))
    if len(blank):
        raise DataError(
            f"The item {asked.names[blank[0]]!r} is to be decided and has no gold, so nobody can "
            "say what is right; decide items with gold alone."
        )
    learns = bool((asked.pool.gold[~is_open] != NO_ANSWER).any())
    named = [*methods, *(name for name in (*CONTROLS, *BOUNDS) if name not in methods)]
    outcomes = {
        name: outcome_of(chooser(name), asked, is_open, methods.get(name, {}), seeds)
        for name in named
        if name in methods or learns or "gold" not in chooser(name).needs
    }
    order = np.argsort(asked.places[is_open], kind="stable")
    names = [asked.names[k] for k in np.flatnonzero(is_open)[order]]
    return Evidence(names, compared(outcomes))


@dataclass(frozen=True)
class Outcome:
    """What one chooser did with the items that it decided.

    Attributes
    ----------
    right : ndarray of bool, shape (s, n)
        By seed and item.
    calls, cost : float
        See `Measured`.
    """

    right: NDArray[np.bool_]
    calls: float
    cost: float


def outcome_of(
    method: Chooser,
    asked: Asked,
    is_open: NDArray[np.bool_],
    options: Mapping[str, Any],
    seeds: Sequence[int],
) -> Outcome:
    """Let one chooser decide under each seed, or one where it does not use any.

    Parameters
    ----------
    method : Chooser
    asked : Asked
    is_open : ndarray of bool, shape (n,)
        Which items are decided, in the order of the pool; their outcomes come in the caller's.
    options : mapping
    seeds : sequence of int
    """
    made = [
        (chosen, judged(asked, chosen))
        for seed in (seeds if method.stochastic else seeds[:1])
        for chosen in [run(method, asked, int(seed), decided=is_open, **options)]
    ]
    return Outcome(
        np.array([right for _, right in made], dtype=np.bool_),
        float(np.mean([chosen.calls.mean() for chosen, _ in made])),
        float(np.mean([cost_of(asked, chosen) for chosen, _ in made])),
    )


def judged(asked: Asked, chosen: Choices) -> NDArray[np.bool_]:
    """Return which choices are the gold answers of their items, in the order of the choices."""
    pool = asked.pool
    gold = {
        name: pool.answers[code] if code >= 0 else None
        for name, code in zip(asked.names, pool.gold.tolist(), strict=True)
    }
    pairs = zip(chosen.items, chosen.answers, strict=True)
    return np.array([a is not None and a == gold[i] for i, a in pairs], dtype=np.bool_)


def cost_of(asked: Asked, chosen: Choices) -> float:
    """Return the cost of all candidates of the sources asked, mean over items."""
    pool = asked.pool
    cost = np.zeros((len(pool.items), len(pool.sources)))
    np.add.at(cost, (pool.item, pool.source), pool.cost)
    place = {name: at for at, name in enumerate(asked.names)}
    code = {name: at for at, name in enumerate(pool.sources)}
    pairs = zip(chosen.items, chosen.sources, strict=True)
    spent = [cost[place[item], code[source]] for item, who in pairs for source in who]
    return float(np.sum(spent)) / max(1, len(chosen.items))


def compared(outcomes: Mapping[str, Outcome]) -> dict[str, Measured]:
    """Return what each chooser did, with its gain over each control that is among them.

    Parameters
    ----------
    outcomes : mapping of str to Outcome
        By method, all of the same items in the same order.
    """
    tests = holm(
        {
            (name, control): _student(
                mine.right.mean(axis=0) - outcomes[control].right.mean(axis=0)
            )
            for name, mine in outcomes.items()
            for control in CONTROLS
            if control in outcomes and name not in (*CONTROLS, *BOUNDS)
        }
    )
    return {
        name: Measured(
            *(name, mine.right, accuracy_interval(mine.right), mine.calls, mine.cost),
            {
                control: Against(paired_difference(mine.right, outcomes[control].right), p)
                for (other, control), p in tests.items()
                if other == name
            },
        )
        for name, mine in outcomes.items()
    }


def _student(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of Student's test that the mean is 0; 1 where there is no case."""
    from scipy.stats import t

    n, spread = len(differences), float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    if spread == 0.0:
        return 1.0 if n < 2 or differences[0] == 0 else 0.0
    return float(2 * t.sf(abs(float(differences.mean())) / (spread / np.sqrt(n)), n - 1))


def _interval(name: str, interval: Interval | None) -> dict[str, float | None]:
    ends = (None, None, None) if interval is None else (interval.mean, interval.low, interval.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
