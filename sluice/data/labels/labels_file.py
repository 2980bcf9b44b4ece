"""The file that comes back with labels: read, and judged whole before anything changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sluice.core.bounded import digests_of_reads
from sluice.core.digests import content_hash
from sluice.core.errors import DataError, UnknownNameError
from sluice.core.message_lists import named
from sluice.data.config import DatasetConfig
from sluice.data.ingest.label_spellings import spelling_warnings
from sluice.data.ingest.raw import read_file, read_raw
from sluice.data.ingest.splits import UNLABELLED
from sluice.data.ingest.validation import screen
from sluice.data.ingest.validation_result import Row
from sluice.data.values.formulas import unescape
from sluice.data.values.normalise import normalise
from sluice.data.values.stringify import column_text


@dataclass(frozen=True)
class Judged:
    """What is to be written, and what the person should know.

    Attributes
    ----------
    labels : dict of str to dict of int to str
        File, relative to the folder, to row (from 1) to label.
    count : int
        Rows that get a label.
    same : int
        Rows whose label is there already, and the same.
    remarks : list of str
        On rows that are still without a label, and on new classes that may not be meant.
    read : dict of str to str
        File, relative to the folder, to the digest of what was read of it.
    """

    labels: dict[str, dict[int, str]]
    count: int
    same: int
    remarks: list[str]
    read: dict[str, str] = field(default_factory=dict)


def read_answers(path: Path, *, raw: bool = False) -> list[tuple[str, str]]:
    """Read ids and labels, in the order of the file; a blank label is the empty text.

    Parameters
    ----------
    path : Path
    raw : bool
        Whether cells of a CSV file were written as they are, without `formulas.escape`.

    Raises
    ------
    DataError
        See `sluice.data.ingest.raw.read_file`; or an id is blank or occurs twice, or a label holds
        NUL.
    """
    table = read_file(path, ["id", "label"])
    ids, labels = (
        [text or "" for text in column_text(table.column(n), f"{path}: {n}").to_pylist()]
        for n in ("id", "label")
    )
    if not raw and {".csv", ".tsv"} & {suffix.lower() for suffix in path.suffixes}:
        ids, labels = [unescape(name) for name in ids], [unescape(label) for label in labels]
    nul = next((row for row, label in enumerate(labels, start=1) if "\0" in label), None)
    if nul is not None:
        raise DataError(
            f"{path}: the label of row {nul} holds a NUL character (U+0000), which sets a row "
            "aside. Nothing was written; take it out."
        )
    blank = [row for row, name in enumerate(ids, start=1) if not name.strip()]
    if blank:
        raise DataError(f"{path}: row {blank[0]} has no id. Nothing was written; put the ids back.")
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(
            f"{path} has {len(twice)} ids more than once: {named(twice)}. Nothing was written; "
            "keep one row each."
        )
    return list(zip(ids, (label.strip() for label in labels), strict=True))


def judge(
    answers: Sequence[tuple[str, str]],
    folder: Path,
    config: DatasetConfig,
    queue: Sequence[str] = (),
    *,
    new_labels: bool = False,
    strict: bool = False,
) -> Judged:
    """Compare what came back with the files of a dataset.

    Parameters
    ----------
    answers : sequence of (str, str)
        See `read_answers`.
    folder : Path
        The dataset's folder.
    config : DatasetConfig
    queue : sequence of str
        Ids that were asked for, to say which of them did not come back.
    new_labels : bool
        Whether a label that no row has yet is a new class, and not a mistake.
    strict : bool
        Whether rows that are still without a label are refused.

    Returns
    -------
    Judged

    Raises
    ------
    DataError
        An id is none of the dataset's; a row has another label already; or, under `strict`, a
        row is still without one.
    UnknownNameError
        A label that no row has yet, unless `new_labels`.
    """
    with digests_of_reads() as digests:
        kept = _by_id(screen(read_raw(folder, config), config).kept, config)
    unknown = [name for name, _ in answers if name not in kept]
    if unknown:
        raise DataError(
            f"{len(unknown)} ids are of no usable row of {folder}: {named(unknown)}. Nothing was "
            "written. Give back the file that `sluice label-queue` wrote; where the data changed "
            "since, remove these rows from it."
        )
    given = [(kept[name], label) for name, label in answers if label]
    if config.reading.merge_case:
        spelt = {normalise(row.label): row.label for row in kept.values() if row.label}
        given = [(row, spelt.get(normalise(label), label)) for row, label in given]
    apart = [row for row, label in given if row.split != UNLABELLED and row.label != label]
    if apart:
        first = apart[0]
        raise DataError(
            f"{len(apart)} rows have another label already: {first.instance_id!r} is "
            f"{first.label!r} in {first.file}, row {first.row}. Nothing was written. Remove these "
            "rows, or correct the labels in the dataset itself."
        )
    classes = Counter(row.label for row in kept.values() if row.label)
    if not new_labels:
        _check_classes(classes, given)
    remarks = _remarks(answers, queue)
    if strict and remarks:
        raise DataError(f"{' '.join(remarks)} Nothing was written; leave out --strict to go on.")
    if any(label not in classes for _, label in given):
        remarks += spelling_warnings(classes + Counter(label for _, label in given))
    found: dict[str, dict[int, str]] = {}
    fresh = [(row, label) for row, label in given if row.split == UNLABELLED]
    for row, label in fresh:
        found.setdefault(row.file, {})[row.row] = label
    read = {path.relative_to(folder).as_posix(): digest for path, digest in digests.items()}
    return Judged(found, len(fresh), len(given) - len(fresh), remarks, read)


def _by_id(rows: Sequence[Row], config: DatasetConfig) -> dict[str, Row]:
    known = {row.instance_id: row for row in rows}
    if config.columns.id is None:
        # Named by its content, a row had another id when it was asked for.
        for row in rows:
            known.setdefault(f"{content_hash(row.text, '')[:16]}-0", row)
    return known


def _check_classes(known: Collection[str], given: Sequence[tuple[object, str]]) -> None:
    absent = [label for label in dict.fromkeys(label for _, label in given) if label not in known]
    if not absent:
        return
    if not known:
        raise DataError(
            f"No row has a label yet, so {named(absent)} are all new. Nothing was written; give "
            "--new-labels if they are right."
        )
    unknown = UnknownNameError.of("label", absent[0], sorted(known))
    raise UnknownNameError(
        f"{unknown} {len(absent)} such labels: {named(absent)}. Nothing was written; correct "
        "them, or give --new-labels if they are classes."
    )


def _remarks(answers: Sequence[tuple[str, str]], queue: Sequence[str]) -> list[str]:
    came = {name for name, _ in answers}
    blank = [name for name, label in answers if not label]
    missing = [name for name in queue if name not in came]
    said = [
        (blank, "rows of the file are still blank"),
        (missing, "rows of the queue are not in the file"),
    ]
    return [f"{len(ids)} {what}, the first {ids[0]!r}." for ids, what in said if ids]
