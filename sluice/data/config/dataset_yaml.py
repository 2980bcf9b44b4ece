"""Reading and writing `dataset.yaml`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from sluice.core.bounded import read_bytes
from sluice.core.errors import ConfigError, DataError, printable
from sluice.data.config.dataset_config import DatasetConfig, checked_config, config_models
from sluice.data.config.yaml_tree import Dumper, load_yaml

CONFIG_FILE = "dataset.yaml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# One is read at every tick of a sensor; the longest are lists of columns.
_MOST_BYTES = 1 << 20
_HEADER = """\
# yaml-language-server: $schema=../dataset.schema.json
# A dataset of Sluice. Keys that are not here have the defaults of ../dataset.schema.json.
"""


def check_name(name: str) -> str:
    """Return `name` where it may name a dataset.

    Parameters
    ----------
    name : str
        Folder name of a dataset; also a partition key and part of a model's name.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    ConfigError
        Unless it has 1 to 64 of the characters a-z, 0-9, _ and -, the first a letter or digit.
    """
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} cannot name a dataset: use 1 to 64 of the characters a-z, 0-9, _ and -, "
            "beginning with a letter or digit, for example my_reviews."
        )
    return name


def check_folder_name(name: str) -> None:
    """Refuse a folder's name that cannot be a partition's or be stored.

    It may have more characters than `check_name` allows for new datasets.

    Raises
    ------
    ConfigError
        It is no name of one folder, is not UTF-8, has a character that cannot be shown, three
        dots in a row, or more than 200 characters or 220 bytes: locks and pages are files of
        that name with an ending.
    """
    size = len(name.encode(errors="replace"))
    no_folder = name in ("", ".", "..") or "/" in name
    if no_folder or len(name) > 200 or size > 220 or "..." in name or not name.isprintable():
        shown = printable(name)[:80]
        raise ConfigError(
            f"The folder {shown!r} cannot be a dataset by that name. Rename it: use 1 to 64 of the "
            "characters a-z, 0-9, _ and -, beginning with a letter or digit."
        )


def load_config(folder: Path) -> DatasetConfig:
    """Read and check a dataset's `dataset.yaml`.

    Parameters
    ----------
    folder : Path
        The dataset's folder.

    Returns
    -------
    DatasetConfig
        With defaults filled in.

    Raises
    ------
    ConfigError
        One message that names the file, each wrong key, its value and what to do.
    """
    path = folder / CONFIG_FILE
    return parse_config(read_config(path), str(path))


def read_config(path: Path) -> bytes:
    """Read a `dataset.yaml`, of which `parse_config` refuses one that is too long.

    Raises
    ------
    ConfigError
        It is missing, is no regular file, or cannot be read.
    """
    try:
        return read_bytes(path, most=_MOST_BYTES + 1)
    except DataError as error:
        raise ConfigError(str(error)) from None
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist. Write one, or make a dataset of a file with `sluice add`."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None


def parse_config(data: bytes, path: str) -> DatasetConfig:
    """Check what a `dataset.yaml` says.

    Parameters
    ----------
    data : bytes
        The content of the file.
    path : str
        Its name for messages.

    Raises
    ------
    ConfigError
        See `load_config`.
    """
    if len(data) > _MOST_BYTES:
        raise ConfigError(
            f"{path} has more than {_MOST_BYTES >> 20} MiB, which is the limit. Check that it is "
            "the dataset's configuration; name many files by a pattern such as '*.csv'."
        )
    try:
        raw = load_yaml(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {_yaml_problem(error)}.") from None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{path} must hold keys and values, at least task, files and columns; it holds "
            f"{'nothing' if raw is None else repr(raw)[:80]}."
        )
    return checked_config(raw, f"{path} is not valid.")


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        return f"{where}{error.problem or error.context}"
    return " ".join(str(error).split())


def dump_config(config: DatasetConfig) -> str:
    """Write a configuration as YAML: only what differs from the defaults, in a fixed order.

    Parameters
    ----------
    config : DatasetConfig
        What to write.

    Returns
    -------
    str
        Text of a `dataset.yaml` that `load_config` reads back as an equal configuration.
    """
    values = config.model_dump(mode="json", exclude_defaults=True)
    return _HEADER + yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of `dataset.yaml`, for editors and other programs.

    One of the schemas of all tasks, as the key ``task`` says.
    """
    models = [model for _, model in config_models()]
    places, schema = models_json_schema([(model, "validation") for model in models])
    for model in models:
        for key in model.not_read:
            schema["$defs"][model.__name__]["properties"].pop(key, None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "oneOf": [places[model, "validation"] for model in models],
        **schema,
    }
