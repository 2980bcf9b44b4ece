"""What a report is made of: numbers measured elsewhere; nothing here measures or decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

RANDOM = "random_stratified"
"""Name of the control that every other selector is measured against."""


class IntervalLike(Protocol):
    """Anything with a mean and the two ends of its confidence interval."""

    @property
    def mean(self) -> float:
        """Point estimate."""
        ...

    @property
    def low(self) -> float:
        """Lower end."""
        ...

    @property
    def high(self) -> float:
        """Upper end."""
        ...


class Interval(NamedTuple):
    """A mean with the two ends of its confidence interval, all in the same unit."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class BudgetRow:
    """One selector at one budget, evaluated.

    Attributes
    ----------
    selector : str
        Field name, for example ``"k_center"``; `RANDOM` is the control.
    budget : float, int or None
        As asked: a share of the rows (float), a count (int), or None where the method chose
        its own or all rows were used.
    budget_label : str
        The same for people, for example ``"10 %"``. Rows with equal labels are compared.
    size : int
        Rows in the subset (mean over seeds, rounded, where seeds differ).
    seeds : int
        How many subsets were drawn and evaluated; 1 for a deterministic method.
    test, validation : IntervalLike
        The metric on either split.
    versus_random : IntervalLike or None
        The metric minus that of stratified random rows at the same budget, paired, on the test
        rows. None for random itself, or where random was not evaluated.
    versus_all : IntervalLike or None
        The metric minus that of all rows, paired, on the test rows.
    beats_random : bool or None
        Whether the whole interval of `versus_random` is better than 0 and the claim holds among
        all that are made; None where there is nothing to compare.
    seconds : float
        Wall-clock seconds of selecting one subset (mean over seeds).
    lower : bool
        Whether less of the metric is better.
    also : mapping of str to str
        What further metrics say on test, written out, by their names.
    """

    selector: str
    budget: float | int | None
    budget_label: str
    size: int
    seeds: int
    test: IntervalLike
    validation: IntervalLike
    versus_random: IntervalLike | None
    versus_all: IntervalLike | None
    beats_random: bool | None
    seconds: float
    lower: bool = False
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CurvePoint:
    """One point of a learning curve: a selector's metric at a share of all rows, in (0, 1]."""

    selector: str
    share: float
    level: IntervalLike


@dataclass(frozen=True)
class StageCost:
    """What one materialised stage cost: wall-clock seconds and rows, by how they were got."""

    stage: str
    method: str
    seconds: float
    rows_total: int
    rows_new: int
    rows_reused: int
    rows_removed: int
    device: str


@dataclass(frozen=True)
class KeptRow:
    """One kept row, with its rank (from 1), gain (the method's own unit) and reason."""

    rank: int
    instance_id: str
    label: str
    text: str
    gain: float
    reason: str


@dataclass(frozen=True)
class SuspectRow:
    """One row whose label may be wrong: label quality in [0, 1], low is suspect."""

    instance_id: str
    text: str
    label: str
    suggested: str
    score: float


@dataclass(frozen=True)
class ModelCard:
    """The registered model that the chosen subset trained.

    `alias` is ``"champion"`` or empty; `champion_decision` says in words why the alias moved or
    stayed; `mlflow_url` may be empty, and is shown as text.
    """

    version: str
    alias: str
    selector: str
    budget_label: str
    selection_id: str
    rows: int
    validation: IntervalLike
    test: IntervalLike
    champion_decision: str
    mlflow_url: str = ""


@dataclass(frozen=True)
class Evidence:
    """A finding that has a section of its own: what it says in words, and a table beneath.

    Each of `rows` has one text for each of `columns`; a finding may have no table.
    """

    title: str
    sentences: Sequence[str]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class ReportData:
    """Everything that the page of one dataset shows.

    Attributes
    ----------
    dataset, task : str
    generated_at : str
        ISO 8601 with offset.
    split_rows : mapping of str to int
        Rows per split, for example ``{"train": 2940, "validation": 630, "test": 630}``.
    class_counts : mapping of str to int
        Training rows per class, in display order.
    budget_rows : sequence of BudgetRow
        Every selector at every budget, random among them, all rows not.
    all_rows : BudgetRow or None
        The control that trains on every training row.
    chosen_selector, chosen_budget_label : str
        The subset that the report is about; must match one of `budget_rows`, unless nothing
        was evaluated.
    snapshot : str
        Lake snapshot id that every number was read at.
    rejected : mapping of str to int
        Raw rows set aside, by reason.
    warnings : sequence of str
    kept_class_counts : mapping of str to int
        Rows of the chosen subset per class.
    stage_costs : sequence of StageCost
    kept : mapping of str to sequence of KeptRow
        Sample rows per selector at the chosen budget, in rank order.
    selection_ids : mapping of str to str
        Selection id per selector at the chosen budget (first seed).
    suspects : sequence of SuspectRow
        Lowest label quality first.
    model_card : ModelCard or None
    figures : mapping of str to bytes
        PNG per name, shown in its section and in this order: ``"learning_curve"``,
        ``"selection_map"``, ``"class_balance"``, ``"training_curve"``, and
        ``"score_histogram:<score>"``. A second one named
        ``"<name>@dark"`` is shown on dark screens. Missing ones are left out.
    versions : mapping of str to str
        Version per package or method.
    confidence : float
        Level of every interval.
    interval_method : str
        How the intervals were computed, in words.
    evidence : sequence of Evidence
        What only this task's lineage finds, for example what attention is worth.
    lead : str
        The first sentence where nothing was evaluated because nobody asked for it: it takes the
        place of what is said of the metric, and the evidence is shown first.
    enough : str
        Which size is shown to be enough, in a sentence.
    metric : str
        What the subsets are compared by.
    learner : str
        What is trained on each subset, in words.
    caveats : sequence of str
        What to think of before the differences are believed.
    """

    dataset: str
    task: str
    generated_at: str
    split_rows: Mapping[str, int]
    class_counts: Mapping[str, int]
    budget_rows: Sequence[BudgetRow]
    all_rows: BudgetRow | None
    chosen_selector: str
    chosen_budget_label: str
    snapshot: str
    rejected: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    kept_class_counts: Mapping[str, int] = field(default_factory=dict)
    stage_costs: Sequence[StageCost] = ()
    kept: Mapping[str, Sequence[KeptRow]] = field(default_factory=dict)
    selection_ids: Mapping[str, str] = field(default_factory=dict)
    suspects: Sequence[SuspectRow] = ()
    model_card: ModelCard | None = None
    figures: Mapping[str, bytes] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    confidence: float = 0.95
    interval_method: str = "paired bootstrap"
    evidence: Sequence[Evidence] = ()
    lead: str = ""
    enough: str = ""
    metric: str = "accuracy"
    learner: str = ""
    caveats: Sequence[str] = ()

    @property
    def lower(self) -> bool:
        """Whether less of the metric is better."""
        return any(row.lower for row in self.budget_rows)
