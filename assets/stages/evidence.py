"""What only some lineages find, as sections of a dataset's page."""

from collections.abc import Callable
from dataclasses import dataclass

from assets.lineage.stage import name_of
from assets.lineage.task import Task
from assets.stages import choices
from resources.store.records import Record
from sluice.reports.contents import Evidence
from sluice.tokens.span_f1 import T_FREX_BETA


@dataclass(frozen=True)
class _Measure:
    """What models that are trained apart are measured by: what it means, what one reaches."""

    meaning: str
    reached: str


_MEASURED = {
    "instructions": _Measure(
        "Loss of held-out responses, in nats a token, lower being better.",
        "a test loss of {} nats a token",
    ),
    "tokens": _Measure(
        "Strict F1 of the spans of held-out sentences, and F-beta of their words with beta "
        f"{T_FREX_BETA}, higher being better.",
        "a test span F1 of {}",
    ),
}


def evidence_of(task: Task, known: dict[str, Record]) -> list[Evidence]:
    """Return the sections that a dataset's newest records have something for."""
    makers = {
        task.key("evaluations", "attention_value"): _attention,
        task.key("encoder"): _encoder,
        task.key("choices", "comparison"): choices.section,
        **(
            {task.key("evaluations", "comparison"): _trained(task)}
            if task.name in _MEASURED
            else {}
        ),
    }
    return [make(known[name_of(key)]) for key, make in makers.items() if name_of(key) in known]


def _attention(record: Record) -> Evidence:
    said = record.details
    return Evidence(
        title="What attention is worth here",
        sentences=[said["gate"], said["sentence"]],
        columns=said["columns"],
        rows=said["rows"],
    )


def lead_of(task: Task, dataset: str, known: dict[str, Record], pool: int) -> str:
    """Return the first sentence of a page without accuracies; nothing for other tasks."""
    if task.name not in _MEASURED:
        return ""
    compared = known.get(name_of(task.key("evaluations", "comparison")))
    if compared is None:
        how_long = ", and says before how long it will take" if task.name == "instructions" else ""
        return (
            f"No subset has been trained on yet: `sluice run {dataset} --evaluate` does it"
            f"{how_long}."
        )
    chosen = compared.details["chosen"]
    said = next(
        row
        for row in compared.details["rows"]
        if (row[0], row[1]) == (chosen["budget"], chosen["selector"])
    )
    reached = _MEASURED[task.name].reached.format(said[4])
    return (
        f"{chosen['selector']} kept {chosen['size']:,} of {pool:,} training rows; models trained "
        f"on them alone reach {reached}, minus random {said[5]}."
        if said[5]
        else f"Random rows were best on validation: {chosen['size']:,} of {pool:,} training rows "
        f"reach {reached}."
    )


def _trained(task: Task) -> Callable[[Record], Evidence]:
    """Return what makes the section about models that were trained apart."""

    def section(record: Record) -> Evidence:
        said = record.details
        return Evidence(
            title="What each subset trains",
            sentences=[
                f"{_MEASURED[task.name].meaning} Brackets are {100 * said['confidence']:g} % "
                "intervals by a bootstrap over rows and seeds, paired where two are compared.",
                *said["sentences"],
            ],
            columns=said["columns"],
            rows=said["rows"],
        )

    return section


def _encoder(record: Record) -> Evidence:
    said = record.details
    return Evidence(
        title="How the columns became features",
        sentences=[
            f"Encoder {said['encoder']}, fitted on {said['fitted_on']:,} training rows. "
            f"{said['verdict']} The largest drift of a column since then is {said['drift']:.3g}."
        ],
        columns=said["columns"],
        rows=said["rows"],
    )
