"""What `sluice add` makes a dataset of: a file, or a folder saved by Hugging Face's `datasets`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.files import file_kind
from sluice.data.ingest.read_file import read_file
from sluice.data.ingest.row_format import RowFormat, format_of
from sluice.data.ingest.splits import named_split
from sluice.data.readers.csv_dialect import DELIMITERS
from sluice.data.readers.saved_folder import SPLITS_FILE, STATE, is_saved, saved_files, saved_splits
from sluice.data.values.decimals import DELIMITER


def source_files(source: Path, rows: RowFormat) -> dict[str, Path]:
    """Return the files that make a dataset of `source`: name in the dataset to file, in order.

    Raises
    ------
    DataError
        It is no file that Sluice reads, and no folder that `datasets` saved.
    """
    if not source.is_dir():
        file_kind(source, rows.suffixes)
        return {source.name: source}
    if rows.no_folders is not None:
        raise DataError(f"{source} is a folder. {rows.no_folders}")
    source = source.resolve()
    if not is_saved(source):
        raise DataError(
            f"{source} is a folder that Hugging Face's datasets did not save: it has neither "
            f"{STATE} nor {SPLITS_FILE}. Give one file, or save it with save_to_disk."
        )
    return {
        (Path(source.name) / path.relative_to(source)).as_posix(): path
        for path in saved_files(source)
    }


def files_of_rows(files: Mapping[str, Path]) -> dict[str, Path]:
    """Leave out the files that only describe a saved folder."""
    return {name: path for name, path in files.items() if path.suffix != ".json"}


def with_form(files: Mapping[str, Path], config: DatasetConfig) -> tuple[DatasetConfig, str]:
    """Write the form that the files show into the configuration, and say which it is."""
    first = next(iter(files_of_rows(files).values()))
    return format_of(config).with_form(first, config)


def with_reading(files: Mapping[str, Path], config: DatasetConfig) -> tuple[DatasetConfig, str]:
    """Write into the configuration what the first file shows of its delimiter and decimals.

    Raises
    ------
    DataError
        It shows that they are unusual, and not which they are.
    """
    first = next(iter(files_of_rows(files).values()))
    rows = format_of(config)
    if not rows.delimited or not any(mark in first.name.lower() for mark in (".csv", ".tsv")):
        return config, ""
    given, needed = config.reading, list(config.columns.special.values())
    table = read_file(first, delimiter=given.delimiter, needed=needed)
    delimiter = (table.schema.metadata or {})[DELIMITER].decode()
    usual = "\t" if ".tsv" in first.name.lower() else ","
    found: dict[str, str] = {}
    if given.delimiter is None and delimiter != usual:
        found["delimiter"] = delimiter
    decimal = rows.decimal(table, config, str(first)) if given.decimal is None else None
    if decimal is not None:
        found["decimal"] = decimal
    said = "; ".join(f"{key} {DELIMITERS[mark]}" for key, mark in found.items())
    return config.model_copy(update={"reading": given.model_copy(update=found)}), said


def with_splits(source: Path, config: DatasetConfig) -> tuple[DatasetConfig, str]:
    """Take the parts of a saved DatasetDict for splits, where they are called so."""
    parts = saved_splits(source) if source.is_dir() else []
    if not parts or config.columns.split is not None:
        return config, ""
    listed = ", ".join(parts)
    if len(parts) == 1 or None in map(named_split, parts):
        return config, f"the parts {listed} are taken together, hashes split the rows"
    split = config.split.model_copy(update={"by": "folder"})
    return config.model_copy(update={"split": split}), f"the parts {listed} are the splits"
