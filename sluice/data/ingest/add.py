"""Makes a dataset of one file or saved folder: checked whole, then copied in one step."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.core import registry
from sluice.core.bounded import changed, digests_of_reads, read_bytes
from sluice.core.digests import file_digest
from sluice.core.drafts import draft
from sluice.core.errors import ConfigError, DataError
from sluice.data.config import (
    CONFIG_FILE,
    TASKS,
    DatasetConfig,
    check_name,
    checked_config,
    dump_config,
)
from sluice.data.ingest.extremes import refuse_extremes
from sluice.data.ingest.instances import Prepared, prepare
from sluice.data.ingest.raw import rows_of
from sluice.data.ingest.row_format import RowFormat, format_of
from sluice.data.ingest.sources import (
    files_of_rows,
    source_files,
    with_form,
    with_reading,
    with_splits,
)
from sluice.data.readers.contract import readers


@dataclass(frozen=True)
class AddResult:
    """A dataset that was made.

    Attributes
    ----------
    name : str
    folder : Path
    instances : int
        Usable rows.
    splits, classes : dict of str to int
        Usable rows by split and by label.
    rejected : dict of str to int
        Rows that were set aside, by reason.
    warnings : list of str
    form : str
        What was found: the form of instructions, whose splits, an unusual delimiter; or empty.
    """

    name: str
    folder: Path
    instances: int
    splits: dict[str, int]
    classes: dict[str, int]
    rejected: dict[str, int]
    warnings: list[str]
    form: str = ""


def add_dataset(
    source: Path,
    datasets_root: Path,
    *,
    name: str | None = None,
    task: str = "text",
    text_column: str | None = None,
    label_column: str | None = None,
    feature_columns: list[str] | None = None,
    id_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    more_columns: Mapping[str, str | None] | None = None,
    labelling: bool = False,
    repair: bool = False,
    reading: Mapping[str, Any] | None = None,
    force: bool = False,
) -> AddResult:
    """Make a dataset of a file.

    The file is read and prepared first, as the lineage will do, so that whatever is wrong shows
    here. Then the folder is filled under a hidden name and renamed: nobody sees half a dataset.

    Parameters
    ----------
    source : Path
        CSV, TSV, JSONL, Parquet or Arrow file, or a folder that Hugging Face's `datasets` wrote
        with ``save_to_disk``; the parts of a DatasetDict that are called train, validation and
        test are its splits, unless a column is named. Of the task tokens a CoNLL file, or JSONL.
    datasets_root : Path
        The folder of datasets; made where only it is missing.
    name : str, optional
        Name of the dataset; from the file's name where not given.
    task : str
        What the dataset is for.
    text_column : str, optional
        Column of the file; the task text needs it.
    label_column : str, optional
        Column of the file; the tasks text and tabular need it.
    feature_columns : list of str, optional
        Columns of the file, for the task tabular; all without another meaning where not given.
    id_column, group_column, split_column : str, optional
        Columns of the file, see `sluice.data.config.columns.Columns`.
    more_columns : mapping of str to str or None, optional
        Further keys of those columns, for the task instructions: messages; prompt and response;
        instruction, input and output; family, tags, quality. Where none of the first six is given
        the file shows its form, and what was found is written into dataset.yaml. For the task
        tokens: tokens and tags, of a JSONL file.
    labelling : bool
        Whether rows without a label are kept, for the task text; see
        `sluice.tasks.text.labelling.Labelling`.
    repair : bool
        For the task tokens: whether tags that continue nothing begin a span; else such a file is
        refused.
    reading : mapping, optional
        Keys of `sluice.data.config.reading.Reading`. A delimiter and decimals that the file shows
        beyond doubt are found, and written into dataset.yaml.
    force : bool
        Whether a file at extremes is taken all the same, see `sluice.data.ingest.extremes`.

    Returns
    -------
    AddResult

    Raises
    ------
    ConfigError
        Where the name, task or columns make no configuration.
    DataError
        Where the file cannot be used, or the dataset exists; or, without `force`, where hardly
        anything can be made of the rows.
    """
    rows: RowFormat = registry.load(TASKS, task).rows
    files = source_files(source, rows)
    name = check_name(name) if name is not None else default_name(source)
    folder = datasets_root / name
    _refuse_existing(folder)
    columns = {
        "text": text_column,
        "label": label_column,
        "features": feature_columns,
        "id": id_column,
        "group": group_column,
        "split": split_column,
        **(more_columns or {}),
    }
    sections: dict[str, Any] = {"bio": {"repair": True}} if repair else {}
    if reading:
        sections["reading"] = dict(reading)
    if labelling:
        sections["labelling"] = {}
    config = build_config(source, task, columns, **sections)
    with digests_of_reads() as digests:
        for path in files.values():
            if path.suffix == ".json":
                # What describes a saved folder is copied with it.
                read_bytes(path)
        config, read = with_reading(files, config)
        config, form = with_form(files, config)
        config, splits = with_splits(source, config)
        prepared = check_file(source, config)
    if not force:
        refuse_extremes(prepared, config)
    _copy(files, folder, config, digests)
    return _result(name, folder, prepared, "; ".join(filter(None, [form, splits, read])))


def default_name(source: Path) -> str:
    """Make a dataset's name of a file's name: ``My Reviews.csv.gz`` gives ``my-reviews``.

    Raises
    ------
    ConfigError
        Where nothing of the name can be used.
    """
    stem = source.name.lower()
    ends = [end for _, task in registry.each(TASKS) for end in task.rows.suffixes]
    for suffix in [*readers(), *ends]:
        stem = stem.removesuffix(suffix)
    stem = re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-_")[:64].rstrip("-_")
    if not stem:
        raise ConfigError(f"No name can be made of {source.name!r}. Give one with --name.")
    return stem


def build_config(
    source: Path, task: str, columns: dict[str, Any], **sections: Any
) -> DatasetConfig:
    """Build the configuration of a dataset of one file.

    Raises
    ------
    ConfigError
        Where the task is unknown, a column has two meanings, or the task needs others.
    """
    named = {key: value for key, value in columns.items() if value is not None}
    values: dict[str, Any] = {"task": task, "files": [source.name], "columns": named, **sections}
    return checked_config(values, f"{source} cannot be used with these options.")


def check_file(source: Path, config: DatasetConfig) -> Prepared:
    """Read and prepare one file or saved folder, wherever it lies.

    Raises
    ------
    DataError
        Where it cannot be used.
    """
    rows = format_of(config)
    table = rows_of(files_of_rows(source_files(source, rows)), config)
    rows.check_added(table)
    return prepare(table, config)


def _refuse_existing(folder: Path) -> None:
    if os.path.lexists(folder):
        raise DataError(
            f"The dataset {folder.name!r} exists already ({folder}). Choose another --name; to "
            "add rows to it, put the file into that folder and name it under files in "
            f"{CONFIG_FILE}."
        )


def _copy(
    files: Mapping[str, Path], folder: Path, config: DatasetConfig, read: Mapping[Path, str]
) -> None:
    """Copy the files, which must hold what was read of them."""
    root = folder.parent
    try:
        root.mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(
            f"No dataset can be made in {root}: {error.strerror}. Check --datasets."
        ) from None
    try:
        with draft(folder) as hidden:
            hidden.mkdir()
            _fill(hidden, files, config, read)
            _refuse_existing(folder)
            # Fails where another process made the folder since: its files make it non-empty.
            hidden.rename(folder)
    except OSError as error:
        raise DataError(
            f"{', '.join(map(str, files.values()))} could not be copied into {root}: "
            f"{error.strerror}. Nothing was added."
        ) from None


def _fill(
    hidden: Path, files: Mapping[str, Path], config: DatasetConfig, read: Mapping[Path, str]
) -> None:
    for name, source in files.items():
        (hidden / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, hidden / name)
        if file_digest(hidden / name) != read[source]:
            raise changed(source)
    (hidden / CONFIG_FILE).write_text(dump_config(config), encoding="utf-8")


def _result(name: str, folder: Path, prepared: Prepared, form: str) -> AddResult:
    def counts(table_column: list[str]) -> dict[str, int]:
        return dict(Counter(table_column).most_common())

    instances = prepared.instances
    return AddResult(
        name=name,
        folder=folder,
        instances=instances.num_rows,
        splits=counts(instances.column("split").to_pylist()),
        classes=counts([label for label in instances.column("label").to_pylist() if label]),
        rejected=counts(prepared.rejected.column("reason").to_pylist()),
        warnings=prepared.warnings,
        form=form,
    )
