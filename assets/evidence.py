"""What only some lineages find, as sections of a dataset's page."""

from assets.stage import name_of
from assets.task import Task
from resources.store.records import Record
from sluice.reports.contents import Evidence


def evidence_of(task: Task, known: dict[str, Record]) -> list[Evidence]:
    """Return the sections that a dataset's newest records have something for."""
    makers = {
        task.key("evaluations", "attention_value"): _attention,
        task.key("encoder"): _encoder,
        **({task.key("evaluations", "comparison"): _losses} if task.name == "instructions" else {}),
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
    if task.name != "instructions":
        return ""
    compared = known.get(name_of(task.key("evaluations", "comparison")))
    if compared is None:
        return (
            "No subset has been trained on yet: `sluice run " + dataset + " --evaluate` does it, "
            "and says before how long it will take."
        )
    chosen = compared.details["chosen"]
    said = next(
        row
        for row in compared.details["rows"]
        if (row[0], row[1]) == (chosen["budget"], chosen["selector"])
    )
    return (
        f"{chosen['selector']} kept {chosen['size']:,} of {pool:,} training rows; models trained "
        f"on them alone reach a test loss of {said[4]} nats a token, minus random {said[5]}."
        if said[5]
        else f"Random rows were best on validation: {chosen['size']:,} of {pool:,} training rows "
        f"reach a test loss of {said[4]} nats a token."
    )


def _losses(record: Record) -> Evidence:
    said = record.details
    return Evidence(
        title="What each subset trains",
        sentences=[
            "Loss of held-out responses, in nats a token, lower being better. Brackets are "
            f"{100 * said['confidence']:g} % intervals by a bootstrap over rows and seeds, paired "
            "where two are compared.",
            *said["sentences"],
        ],
        columns=said["columns"],
        rows=said["rows"],
    )


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
