"""Reading and writing `dataset.yaml`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sluice.data.config_defaults import without_task_defaults
from sluice.data.config_errors import explain
from sluice.data.config_models import TASKS, DatasetConfig
from sluice.errors import ConfigError

__all__ = [
    "CONFIG_FILE",
    "TASKS",
    "DatasetConfig",
    "check_name",
    "dump_config",
    "json_schema",
    "load_config",
]

CONFIG_FILE = "dataset.yaml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# YAML 1.1, which PyYAML follows, reads 5e-5 as text; people mean the number.
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+")
_HEADER = """\
# yaml-language-server: $schema=../dataset.schema.json
# A dataset of Sluice. Keys that are not here have the defaults of ../dataset.schema.json.
"""


class _Loader(yaml.SafeLoader):
    """Safe YAML where `5e-5` is a number and a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} appears twice; remove one",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that `_Loader` would read as numbers."""


for _style in (_Loader, _Dumper):
    _style.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789"))


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
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist. Write one, or make a dataset of a file with `sluice add`."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        # The loader is a safe one.
        raw: Any = yaml.load(content, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {_yaml_problem(error)}.") from None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{path} must hold keys and values, at least task, files and columns; it holds "
            f"{'nothing' if raw is None else repr(raw)[:80]}."
        )
    try:
        return DatasetConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path} is not valid.\n{explain(error, DatasetConfig)}") from None


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
    values = without_task_defaults(
        config.model_dump(mode="json"), config.model_dump(mode="json", exclude_defaults=True)
    )
    return _HEADER + yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of `dataset.yaml`, for editors and other programs."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return schema | DatasetConfig.model_json_schema()


if __name__ == "__main__":
    # Refreshes the committed schema: python -m sluice.data.config > datasets/dataset.schema.json
    print(json.dumps(json_schema(), indent=2))
