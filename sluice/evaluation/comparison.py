"""Which selectors beat random, at which budget, and which subset to train the model on.

Validation decides, test is only reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sluice.core.errors import DataError
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.claims import Enough, enough, holm
from sluice.evaluation.metrics import Bootstrap, Compared, Outcomes

RANDOM = "random_stratified"
ALL_ROWS = "all_rows"
# Below this a bootstrap over the rows cannot be trusted (ours).
FEW_TEST_ROWS = 50


@dataclass(frozen=True)
class Measured:
    """What the model trained on one subset did on held-out rows.

    Attributes
    ----------
    selector : str
        `ALL_ROWS` for the control that keeps every row; its budget is not read.
    budget : float
        A share of the rows, a count, or a place in a list: compared for equality only.
    seed : int
    outcomes : mapping of split to ndarray of float64, shape (n, k)
        Of the kind that the metric is computed from, in one order of rows for all.
    """

    selector: str
    budget: float
    seed: int
    outcomes: Mapping[str, Outcomes]


@dataclass(frozen=True)
class Comparison:
    """One selector at one budget.

    Attributes
    ----------
    selector : str
    budget : float
    seeds : tuple of int
    level : mapping of split to Interval
        The metric, averaged over seeds.
    against_random : mapping of split to Interval
        The metric minus that of `RANDOM` at the same budget, on the same rows; empty where there
        is no such control, and for the control itself.
    against_all : mapping of split to Interval
        The metric minus that of `ALL_ROWS`.
    metric : Compared
    claim : float
        p-value of the difference to random on test, corrected for all that are compared (Holm).
    confidence : float
    """

    selector: str
    budget: float
    seeds: tuple[int, ...]
    level: Mapping[str, Interval]
    against_random: Mapping[str, Interval]
    against_all: Mapping[str, Interval]
    metric: Compared
    claim: float = 1.0
    confidence: float = 0.95

    def beats_random_on(self, split: str) -> bool:
        """Whether the whole interval of the difference to random is better on a split."""
        return split in self.against_random and self.metric.better(self.against_random[split])

    @property
    def beats_random(self) -> bool:
        """Whether it beats random on test, the split that decided nothing, among all compared."""
        return self.beats_random_on("test") and self.claim <= 1 - self.confidence


@dataclass(frozen=True)
class Choice:
    """The subset to train the model on.

    Attributes
    ----------
    selector : str
    budget : float
    seed : int
    mean_metric : float
        Of the selector on validation, averaged over its seeds.
    seed_metric : float
        Of the chosen seed on validation.
    """

    selector: str
    budget: float
    seed: int
    mean_metric: float
    seed_metric: float


def compare(
    results: Iterable[Measured], metric: Compared, options: Bootstrap | None = None
) -> list[Comparison]:
    """Compare every selector at every budget with random and with all rows.

    Parameters
    ----------
    results : iterable of Measured
    metric : Compared
    options : Bootstrap, optional

    Returns
    -------
    list of Comparison
        Sorted by budget, then selector; `ALL_ROWS` last.

    Raises
    ------
    DataError
        If rows differ in number, or a (selector, budget, seed) comes twice.
    """
    how = options or Bootstrap()
    cells = _cells(results)
    everything = next((c for (name, _), c in cells.items() if name == ALL_ROWS), None)

    def differences(cell: _Cell, other: _Cell | None) -> dict[str, Interval]:
        if other is None:
            return {}
        return {s: metric.difference(o, other.outcomes[s], how) for s, o in cell.outcomes.items()}

    found = [
        Comparison(
            selector=name,
            budget=budget,
            seeds=cell.seeds,
            level={s: metric.interval(o, how) for s, o in cell.outcomes.items()},
            against_random=differences(
                cell, None if name in (RANDOM, ALL_ROWS) else cells.get((RANDOM, budget))
            ),
            against_all=differences(cell, None if name == ALL_ROWS else everything),
            metric=metric,
            confidence=how.confidence,
        )
        for (name, budget), cell in sorted(cells.items(), key=_report_order)
    ]
    tests = {
        (each.selector, each.budget): each.against_random["test"].p
        for each in found
        if "test" in each.against_random
    }
    claims = holm(tests)
    return [replace(each, claim=claims.get((each.selector, each.budget), 1.0)) for each in found]


def sizes_that_are_enough(
    results: Iterable[Measured],
    metric: Compared,
    tolerance: float,
    options: Bootstrap | None = None,
) -> dict[str, Enough]:
    """Return of each selector the smallest budget that is shown to be as good as all rows.

    Of those of which one is; see `sluice.evaluation.claims.enough`. `RANDOM` is among them.

    Parameters
    ----------
    results : iterable of Measured
        Budgets that compare by size.
    metric : Compared
    tolerance : float
    options : Bootstrap, optional
    """
    cells = _cells(results)
    everything = next((c for (name, _), c in cells.items() if name == ALL_ROWS), None)
    if everything is None:
        return {}
    by_name: dict[str, dict[float, Sequence[Outcomes]]] = {}
    for (name, budget), cell in cells.items():
        if name != ALL_ROWS:
            by_name.setdefault(name, {})[budget] = cell.outcomes["test"]
    how, all_rows = options or Bootstrap(), everything.outcomes["test"]
    found = {n: enough(by_name[n], all_rows, metric, tolerance, how) for n in sorted(by_name)}
    return {name: each for name, each in found.items() if each is not None}


def choose(
    results: Iterable[Measured], metric: Compared, budget: float, *, split: str = "validation"
) -> Choice:
    """Pick the subset for the final model at one budget.

    Parameters
    ----------
    results : iterable of Measured
    metric : Compared
    budget : float
    split : str

    Returns
    -------
    Choice
        Of the selector that is best on average over its seeds, the seed that is best. Ties go to
        the lower name, then the lower seed. `ALL_ROWS` is no subset and cannot be chosen;
        `RANDOM` can.

    Raises
    ------
    DataError
        If there is no result at that budget.

    Notes
    -----
    Ours: the mean, because the best single draw of a stochastic method is partly luck, and would
    win the more often the more seeds the method was given.
    """
    cells = _cells(r for r in results if r.budget == budget and r.selector != ALL_ROWS)
    if not cells:
        raise DataError(
            f"No subset was evaluated at budget {budget:g}. Evaluate one, or choose another budget."
        )
    # Fractions: equal shares must tie, whatever the number of seeds.
    means = {name: metric.worth(cell.outcomes[split]) for (name, _), cell in cells.items()}
    winner = min(means, key=lambda name: (-means[name], name))
    cell = cells[winner, budget]
    by_seed = [metric.worth([outcomes]) for outcomes in cell.outcomes[split]]
    best = min(range(len(by_seed)), key=lambda i: (-by_seed[i], cell.seeds[i]))
    sign = -1.0 if metric.lower else 1.0
    return Choice(
        *(winner, budget, cell.seeds[best]),
        *(sign * float(means[winner]), sign * float(by_seed[best])),
    )


def findings(
    compared: Iterable[tuple[str, str, bool]], chosen: Mapping[str, object], test_rows: int
) -> list[str]:
    """Say what was chosen, who beats random, and where too little was measured to tell.

    Parameters
    ----------
    compared : iterable of (selector, budget, whether it beats random there)
    chosen : mapping
        With ``selector``, ``budget``, ``size`` and ``selection_id``.
    test_rows : int
    """
    wins: dict[str, list[str]] = {}
    for name, label, beats in compared:
        wins.setdefault(name, []).extend([label] if beats else [])
    found = [
        f"Chosen on validation: {chosen['selector']} at {chosen['budget']} ({chosen['size']} rows, "
        f"selection {chosen['selection_id']})."
    ]
    losers = [name for name in sorted(wins) if not wins[name]]
    if losers:
        found.append(f"Not shown to beat random at any budget: {', '.join(losers)}.")
    found += [f"{n} beats random at {', '.join(wins[n])}." for n in sorted(wins) if wins[n]]
    return [*found, *too_few(test_rows)]


def too_few(test_rows: int) -> list[str]:
    """Say so where there are too few test rows to tell methods apart."""
    if test_rows >= FEW_TEST_ROWS:
        return []
    return [f"Only {test_rows} test rows: too few to tell methods apart, whatever wins."]


@dataclass(frozen=True)
class _Cell:
    """One selector at one budget: its seeds, and by split the outcomes of each."""

    seeds: tuple[int, ...]
    outcomes: dict[str, list[Outcomes]]


def _cells(results: Iterable[Measured]) -> dict[tuple[str, float], _Cell]:
    grouped: dict[tuple[str, float], dict[int, Measured]] = {}
    rows: dict[str, int] = {}
    for result in results:
        where = f"{result.selector} at budget {result.budget:g}"
        seeds = grouped.setdefault((result.selector, result.budget), {})
        if result.seed in seeds:
            raise DataError(f"{where} came twice with seed {result.seed}.")
        for split, outcomes in result.outcomes.items():
            if len(outcomes) != rows.setdefault(split, len(outcomes)):
                raise DataError(
                    f"{where}, seed {result.seed}, has {len(outcomes)} outcomes on {split!r}, and "
                    f"others have {rows[split]}: they are of other rows. Evaluate it again."
                )
        seeds[result.seed] = result
    return {
        key: _Cell(tuple(sorted(seeds)), _by_split([seeds[seed] for seed in sorted(seeds)]))
        for key, seeds in grouped.items()
    }


def _by_split(results: Sequence[Measured]) -> dict[str, list[Outcomes]]:
    return {split: [r.outcomes[split] for r in results] for split in results[0].outcomes}


def _report_order(item: tuple[tuple[str, float], object]) -> tuple[bool, float, str]:
    (name, budget), _ = item
    return name == ALL_ROWS, budget, name
