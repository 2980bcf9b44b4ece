"""Instances: the usable rows of a dataset, each with an id, its hashes and its split."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from sluice.core.digests import text_hash
from sluice.core.errors import DataError
from sluice.core.message_lists import counted, named
from sluice.data.config import DatasetConfig
from sluice.data.ingest.instruction_warnings import instruction_warnings
from sluice.data.ingest.label_spellings import spelling_warnings
from sluice.data.ingest.sentence_checks import refuse_untagged, repair_warnings
from sluice.data.ingest.splits import SPLITS, UNLABELLED
from sluice.data.ingest.validation import Row, Screened, screen
from sluice.data.readers.reading_warnings import warnings_of
from sluice.data.values.targets import refuse_quantities

_MANY_REJECTED = 0.2
_COLUMNS = {
    "text": "text and label columns",
    "tabular": "label and feature columns",
    "instructions": "messages, or prompt and response, or instruction and output",
    "tokens": "tokens and tags columns, or that the files are CoNLL files",
}


# Families and types of spans are no classes that a model must tell apart row by row.
_WITHOUT_CLASSES = ("instructions", "tokens")


@dataclass(frozen=True)
class Prepared:
    """The rows of a dataset, ready for the lake.

    Attributes
    ----------
    instances : Table
        ``instance_id``, ``content_hash``, ``text_hash``, ``text``, ``label``, ``split``,
        ``file`` (string) and ``row`` (int64), by instance id.
    rejected : Table
        ``instance_id``, ``file``, ``row``, ``reason``, ``detail``, ``text`` (at most 200
        characters) and ``label``, by instance id, file and row.
    warnings : list of str
        Each begins with its name and a colon, for example ``"single_train_row: ..."``.
    """

    instances: pa.Table
    rejected: pa.Table
    warnings: list[str]


def prepare(table: pa.Table, config: DatasetConfig) -> Prepared:
    """Make instances of raw rows.

    Pure, and the same under any order of the rows. A row's id, hashes and split depend on that
    row alone (but for the ordinal among equal contents without ids). Cost: about 25 microseconds
    a row; all rows in memory.

    Parameters
    ----------
    table : Table
        As `sluice.data.ingest.raw.read_raw` returns it.
    config : DatasetConfig
        The dataset's configuration.

    Returns
    -------
    Prepared

    Raises
    ------
    DataError
        Where no usable row is left, none of them is for training, or only one class is, unless
        rows without a label are kept (of instructions: fewer than two rows are for training, or a
        held-out prompt is trained on; of tagged sentences: fewer than two are for training, or
        none of those has a span); or where the labels of a table are quantities (see
        `sluice.data.values.targets.refuse_quantities`).
    """
    screened = screen(table, config)
    _check(screened, table.num_rows, config)
    rows = screened.kept
    instances = pa.table(
        {
            "instance_id": pa.array([r.instance_id for r in rows], pa.string()),
            "content_hash": pa.array([r.content for r in rows], pa.string()),
            "text_hash": pa.array([text_hash(r.text) for r in rows], pa.string()),
            "text": pa.array([r.text for r in rows], pa.string()),
            "label": pa.array([r.label for r in rows], pa.string()),
            "split": pa.array([r.split for r in rows], pa.string()),
            "file": pa.array([r.file for r in rows], pa.string()),
            "row": pa.array([r.row for r in rows], pa.int64()),
        }
    )
    warnings = [*warnings_of(table), *_warnings(screened, config), *repair_warnings(table)]
    return Prepared(instances, screened.rejected_table(), warnings)


def _check(screened: Screened, total: int, config: DatasetConfig) -> None:
    rows = screened.kept
    if not rows:
        first = min(screened.rejected, key=lambda rejection: rejection.row.row)
        raise DataError(
            f"None of the {total} rows can be used: {counted(screened.reasons())}. Check that "
            f"columns in dataset.yaml names the right {_COLUMNS[config.task]}. For example "
            f"{first.row.file}, row {first.row.row}: {first.detail}"
        )
    if config.task in _WITHOUT_CLASSES:
        _check_training_rows(rows)
        if config.task == "tokens":
            refuse_untagged(rows)
        return
    if config.task == "tabular":
        refuse_quantities((r.label for r in rows), f"The column {config.columns.label!r}")
    labelled = [row for row in rows if row.split != UNLABELLED]
    if len(labelled) < len(rows):
        # Labels are still to come: what training lacks as yet is a warning.
        return
    classes = Counter(row.label for row in rows)
    if len(classes) < 2:
        label = next(iter(classes))
        dropped = counted(screened.reasons()) or "no row"
        raise DataError(
            f"All {len(rows)} usable rows have the label {label!r}; a classifier needs two or "
            f"more classes. Set aside: {dropped}. Check columns.label in dataset.yaml, or add "
            "rows of another class."
        )
    train = Counter(row.label for row in rows if row.split == "train")
    if len(train) < 2:
        splits = Counter(row.split or "" for row in rows)
        raise DataError(
            f"The training rows have {len(train)} of the {len(classes)} classes; training needs "
            f"two or more. Rows: {counted(dict(splits))}. Add rows, or change the split column "
            "or the shares under split in dataset.yaml."
        )


def _check_training_rows(rows: list[Row]) -> None:
    splits = Counter(row.split or "" for row in rows)
    if splits["train"] < 2:
        raise DataError(
            f"{splits['train']} of the {len(rows)} usable rows are for training, which needs two "
            f"or more. Rows: {counted(dict(splits))}. Add rows, or change the split column or the "
            "shares under split in dataset.yaml."
        )


def _warnings(screened: Screened, config: DatasetConfig) -> list[str]:
    warnings = _of_splits(screened) if config.task in _WITHOUT_CLASSES else _of_classes(screened)
    if config.task == "instructions":
        warnings += instruction_warnings(screened.kept)
    if config.task == "tabular":
        warnings += _equal_rows(screened)
    aside, total = len(screened.rejected), len(screened.rejected) + len(screened.kept)
    if aside >= _MANY_REJECTED * total:
        warnings.append(
            f"many_rejected: {aside} of {total} rows were set aside "
            f"({counted(screened.reasons())}). Look at their details."
        )
    return warnings


def _no_rows(split: str) -> str:
    return (
        f"no_{split}_rows: no row is in {split}, so nothing can be measured there. Add "
        "rows, or change the split column or the shares under split."
    )


def _of_splits(screened: Screened) -> list[str]:
    found = {row.split for row in screened.kept}
    return [_no_rows(split) for split in SPLITS if split not in found]


def _of_classes(screened: Screened) -> list[str]:
    rows = [row for row in screened.kept if row.split != UNLABELLED]
    if not rows:
        return [
            "no_labels: no row has a label yet, so nothing can be trained. Label the rows that "
            "`sluice label-queue` writes."
        ]
    count: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for row in rows:
        count[row.split or ""][row.label] += 1
    classes = sorted({row.label for row in rows})
    warnings: list[str] = []
    for split in SPLITS:
        if not count[split]:
            warnings.append(_no_rows(split))
            continue
        absent = [name for name in classes if not count[split][name]]
        if absent:
            warnings.append(
                f"class_absent_from_{split}: no row of {named(absent)} is in {split}. Add rows "
                "of these classes, or drop the classes."
            )
    if len(rows) < len(screened.kept) and len(count["train"]) < 2:
        warnings.append(
            f"few_classes: the training rows have {len(count['train'])} classes; training needs "
            "two or more. Label rows of other classes."
        )
    warnings += spelling_warnings(Counter(row.label for row in rows))
    single = [name for name in classes if count["train"][name] == 1]
    if single:
        warnings.append(
            f"single_train_row: {named(single)} has one training row, so no fold can both train "
            "on the class and test it. Add rows, or drop the class."
        )
    if len(classes) > 20 and 2 * len(classes) > len(rows):
        warnings.append(
            f"many_classes: {len(rows)} rows have {len(classes)} labels. Check that "
            "columns.label names the class and not an id."
        )
    return warnings


def _equal_rows(screened: Screened) -> list[str]:
    """Say how many rows of a table repeat another, and how many contradict one."""
    count = Counter(row.text for row in screened.kept)
    labelled = Counter((row.text, row.label) for row in screened.kept)
    repeats = sum(count.values()) - len(count)
    warnings: list[str] = []
    if repeats:
        warnings.append(
            f"duplicate_rows: {repeats} rows have the same features as an earlier one. They are "
            "kept; give a group or id column if they are one thing seen twice."
        )
    labels = Counter(text for text, _ in labelled)
    conflicting = sum(count[text] for text, different in labels.items() if different > 1)
    if conflicting:
        warnings.append(
            f"conflicting_labels: {conflicting} rows have the same features as a row with another "
            "label, so no classifier can be right about all of them. They are kept; add columns "
            "that tell them apart, or correct the labels."
        )
    return warnings
