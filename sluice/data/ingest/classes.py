"""What is looked at in usable rows whose labels are classes, and in which splits they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sluice.core.errors import DataError
from sluice.core.message_lists import counted, named
from sluice.data.ingest.label_spellings import spelling_warnings
from sluice.data.ingest.splits import SPLITS, UNLABELLED
from sluice.data.ingest.validation_result import Row, Screened


def check_classes(screened: Screened) -> None:
    """Raise DataError unless training rows have two classes or more, or labels are to come."""
    rows = screened.kept
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


def check_training_rows(rows: Sequence[Row]) -> None:
    """Raise DataError unless two rows or more are for training."""
    splits = Counter(row.split or "" for row in rows)
    if splits["train"] < 2:
        raise DataError(
            f"{splits['train']} of the {len(rows)} usable rows are for training, which needs two "
            f"or more. Rows: {counted(dict(splits))}. Add rows, or change the split column or the "
            "shares under split in dataset.yaml."
        )


def no_rows(split: str) -> str:
    """Say that nothing is in a split."""
    return (
        f"no_{split}_rows: no row is in {split}, so nothing can be measured there. Add "
        "rows, or change the split column or the shares under split."
    )


def split_warnings(screened: Screened) -> list[str]:
    """Return warnings about splits without a row."""
    found = {row.split for row in screened.kept}
    return [no_rows(split) for split in SPLITS if split not in found]


def class_warnings(screened: Screened) -> list[str]:
    """Return warnings about classes, and splits without a row."""
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
            warnings.append(no_rows(split))
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
