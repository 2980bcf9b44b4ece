"""Raw files to instances: checked, hashed, split, and the unusable set aside with a reason."""

from collections import Counter

import dagster as dg

from assets.lineage import checks
from assets.lineage.stage import (
    Outcome,
    Run,
    Stage,
    bookkeeping_of,
    logger,
    name_of,
    stage,
    unchanged,
)
from assets.lineage.task import Task
from resources.lake import Lake
from resources.store import records, rows
from sluice.core.digests import order_free_digest
from sluice.core.errors import ConfigError, DataError
from sluice.data.config import DatasetConfig
from sluice.data.config.reading import Reading
from sluice.data.ingest.files import Version, folder_version
from sluice.data.ingest.instances import Prepared, prepare
from sluice.data.ingest.raw import read_folder
from sluice.tasks.contract import Task as Spec

VERSION = "2"
"""Raised where a value is spelt anew (see `spelling`): unchanged files are read again."""


# Columns of the files that the configuration of every task named once. What is not named, or not of
# the task, stands in input digests as null, so that datasets of before are not read again.
ONCE_NAMED = (
    *("text", "label", "features", "messages", "prompt", "response", "instruction", "input"),
    *("output", "family", "tokens", "tags", "quality"),
)
# Of later; only where they are named.
LATER_NAMED = ("system", "history")


def instances(spec: Spec) -> Stage:
    """Return the stage `instances` of a task."""
    return stage(
        "instances",
        version=VERSION,
        kinds=("duckdb", "parquet"),
        table="instances",
        checks=checks.of_instances(leak_stops=spec.leak_stops, classes=spec.rows.classes),
        description=(
            "Rows of the raw files: checked, content-hashed and split into train, validation and "
            "test by the hash of the normalised content (or of the group, or as the file says), so "
            "that arrivals and departures of other rows never move a row. Unusable rows, and of "
            "equal texts all but one, are set aside in `rejected`, each with its reason."
        ),
        settings=lambda run: {
            "files": run.once(_version).digest,
            "config": _relevant(run.once(_version).config, spec.rows.sections),
        },
        replaces=True,
        after=_say_set_aside,
    )(_read)


def _version(run: Run) -> Version:
    check_task(run.lake, run.task, run.dataset)
    return folder_version(run.datasets.folder / run.dataset)


def _read(run: Run) -> Outcome:
    version = run.once(_version)
    read = read_folder(run.datasets.folder / run.dataset)
    if read.digest != version.digest:
        # What is stored must be what the digest says, for good.
        raise DataError(
            f"The files of {run.dataset} changed while they were read; nothing was stored of "
            f"them. Run it again once they are written: `sluice run {run.dataset}`."
        )
    prepared = prepare(read.rows, read.config)
    change = rows.replace_instances(run.lake, run.dataset, prepared.instances, prepared.rejected)
    warnings = [*prepared.warnings, *_respelt(run.previous, version.digest, change)]
    for warning in warnings:
        run.context.log.warning(warning)
    return Outcome(
        content=_content(prepared),
        total=change.total,
        new=change.new,
        reused=change.reused,
        removed=change.removed,
        metadata=_shown(prepared, warnings, run.task),
        details={"folder_digest": version.digest, "warnings": warnings},
    )


def _say_set_aside(run: Run, result: dg.MaterializeResult) -> None:
    """Count the rows that were set aside in what the run prints, also where nothing changed."""
    shown = result.metadata or {}
    table = shown.get("rejected")
    if not isinstance(table, dg.TableMetadataValue):
        return
    reasons = [(str(each.data["reason"]), int(str(each.data["rows"]))) for each in table.records]
    said = unchanged if bookkeeping_of(shown)["unchanged"] else logger
    said.info(
        "%s: %d set aside: %s",
        name_of(run.context.asset_key),
        sum(count for _, count in reasons),
        ", ".join(f"{count} {reason}" for reason, count in reasons),
    )


def check_task(lake: Lake, task: Task, dataset: str) -> None:
    """Refuse a dataset that the lake knows under another task: both would share its tables.

    Raises
    ------
    ConfigError
        If so.
    """
    others = {name.split("/")[0] for name in records.latest(lake, dataset)} - {task.name}
    if others:
        raise ConfigError(
            f"Dataset {dataset} has been carried through the task {min(others)}, and its "
            f"dataset.yaml now says {task.name}. Give the folder another name; or move it away, "
            f"purge the old rows with `sluice purge {dataset}`, and put it back."
        )


def _relevant(config: DatasetConfig, sections: frozenset[str]) -> dict[str, object]:
    keys = {"files", "columns", "split", "limits", *sections}
    # Said only where it is so: other datasets keep their input digests.
    if config.reading != Reading():
        keys |= {"reading"}
    read: dict[str, object] = config.model_dump(mode="json", include=keys)
    columns = config.columns.model_dump(mode="json")
    columns = {k: v for k, v in columns.items() if v is not None or k not in LATER_NAMED}
    read["columns"] = dict.fromkeys(ONCE_NAMED) | {"types": {}} | columns
    return read | ({"labelling": True} if config.keeps_unlabelled else {})


def _content(prepared: Prepared) -> str:
    table = prepared.instances
    keys = zip(
        table["instance_id"].to_pylist(),
        table["content_hash"].to_pylist(),
        table["split"].to_pylist(),
        strict=True,
    )
    return order_free_digest(" ".join(key) for key in keys)


def _respelt(previous: records.Record | None, state: str, change: rows.Change) -> list[str]:
    """Say once how many rows of unchanged files this version of Sluice writes in another way."""
    if previous is None or previous.version == VERSION or not (change.new or change.removed):
        return []
    if previous.details.get("folder_digest") != state:
        return []
    return [
        f"respelt: the files are unchanged, and {change.new} of {change.total} rows are written "
        "anew, because numbers, decimals, dates, times and durations now have one spelling each "
        "in every kind of file. These rows count as new, with new hashes, and new ids where they "
        "have no id column. Nothing need be done."
    ]


def _shown(prepared: Prepared, warnings: list[str], task: Task) -> dict[str, object]:
    splits = Counter(prepared.instances["split"].to_pylist())
    pairs = Counter(
        zip(
            prepared.instances["label"].to_pylist(),
            prepared.instances["split"].to_pylist(),
            strict=True,
        )
    )
    reasons = Counter(prepared.rejected["reason"].to_pylist())
    labels = sorted({label for label, _ in pairs if label})
    counts = [
        {"class": label} | {split: pairs[label, split] for split in sorted(splits)}
        for label in labels
    ]
    sample = prepared.instances.slice(0, 10).select(["instance_id", "text", "label", "split"])
    rows = [{**row, "text": task.spec.rows.display(row["text"])} for row in sample.to_pylist()]
    shown: dict[str, object] = {
        "rows_rejected": prepared.rejected.num_rows,
        "sample": dg.MetadataValue.table([dg.TableRecord(row) for row in rows]),
        "warnings": dg.MetadataValue.md("\n".join(f"- {w}" for w in warnings) or "none"),
    }
    if counts:
        # A table of no line has no columns either; labels may all be still to come.
        shown["classes"] = dg.MetadataValue.table([dg.TableRecord(row) for row in counts])
    if reasons:
        shown["rejected"] = dg.MetadataValue.table(
            [dg.TableRecord({"reason": r, "rows": n}) for r, n in sorted(reasons.items())]
        )
    return shown | {f"rows_{split}": count for split, count in sorted(splits.items())}
