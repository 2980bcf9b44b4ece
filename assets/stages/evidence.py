"""What only some lineages find, as sections of a dataset's page."""

from assets.lineage.stage import name_of
from assets.lineage.task import Task
from resources.store.records import Record
from sluice.reports.contents import Evidence


def evidence_of(task: Task, known: dict[str, Record]) -> list[Evidence]:
    """Return the sections that a dataset's newest records have something for."""
    makers = {
        task.key("evaluations", "attention_value"): _attention,
        task.key("encoder"): _encoder,
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
