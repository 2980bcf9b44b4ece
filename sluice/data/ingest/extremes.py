"""Datasets of which hardly anything can be made: `sluice add` asks before it takes them."""

from __future__ import annotations

from collections import Counter

from sluice.core.errors import DataError
from sluice.core.message_lists import counted
from sluice.data.config import DatasetConfig
from sluice.data.ingest.instances import Prepared
from sluice.data.ingest.row_format import format_of
from sluice.data.ingest.splits import UNLABELLED

_CLASS_A_ROW = 0.9


def refuse_extremes(prepared: Prepared, config: DatasetConfig) -> None:
    """Raise where the rows of a new dataset can hardly be meant so (ours).

    Parameters
    ----------
    prepared : Prepared
        See `sluice.data.ingest.instances.prepare`.
    config : DatasetConfig

    Raises
    ------
    DataError
        Two of three rows were set aside; nine in ten labelled rows have a class of their own; or
        no row is for validation or for test. Without any label yet the latter two say nothing.
    """
    problems: list[str] = []
    aside, usable = prepared.rejected.num_rows, prepared.instances.num_rows
    if aside >= 2 * usable:
        reasons = Counter(prepared.rejected["reason"].to_pylist()).most_common()
        detail = prepared.rejected["detail"][0].as_py()
        problems.append(
            f"{aside} of {aside + usable} rows are set aside ({counted(dict(reasons))}), for "
            f"example: {detail}"
        )
    splits = Counter(prepared.instances["split"].to_pylist())
    labelled = usable - splits[UNLABELLED]
    classes = set(prepared.instances["label"].to_pylist()) - {""}
    if format_of(config).classes and len(classes) >= max(3, _CLASS_A_ROW * labelled):
        problems.append(
            f"{labelled} rows have {len(classes)} classes, as if the column "
            f"{config.columns.special['label']!r} named rows and not classes."
        )
    absent = [split for split in ("validation", "test") if not splits[split]]
    if absent and not config.keeps_unlabelled:
        problems.append(
            f"No row is for {' and none for '.join(absent)} ({counted(dict(splits))}), so nothing "
            "can be measured there."
        )
    if problems:
        raise DataError(
            f"{' '.join(problems)} Nothing was added. Correct the file or the options, or give "
            "--force to take it as it is."
        )
