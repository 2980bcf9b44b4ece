"""What a dataset would be configured with, for rows that have none: the defaults, or a caller's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.core import registry
from sluice.core.errors import ConfigError, UnknownNameError
from sluice.data.config import TASKS, DatasetConfig, checked_config
from sluice.data.config.base import keys_of
from sluice.data.config.dataset_config import columns_of

_NOT_HERE = {"id": "ids", "label": "y", "text": "X", "features": "X"}


def settings_of(task: str, given: Mapping[str, Any] | None) -> DatasetConfig:
    """Return the configuration that a dataset of these sections would have.

    Parameters
    ----------
    task : str
    given : mapping, optional
        Of the task's sections, but for those of datasets alone, as `dataset.yaml` writes them.

    Raises
    ------
    ConfigError
        A section or key is unknown, of another task, or has a value that it cannot have.
    """
    sections = dict(given or {})
    model: type[DatasetConfig] = registry.load(TASKS, task).config
    known = [key for key in keys_of(model) if key not in model.of_datasets]
    for name in sections:
        foreign = name not in known and model.foreign((name,)) is not None
        if name in model.of_datasets or not (name in known or foreign):
            raise UnknownNameError.of("section of settings", name, known)
    columns = dict(sections.pop("columns", {}) or {})
    for key, instead in _NOT_HERE.items():
        if key in columns:
            raise ConfigError(f"settings: columns.{key} is for files; give {instead} itself.")
    # Columns that a dataset must name stand for X and y themselves.
    needed = {
        key: key for key, field in columns_of(model).model_fields.items() if field.is_required()
    }
    whole = {"task": task, "files": ["rows"], "columns": {**needed, **columns}, **sections}
    return checked_config(whole, "settings cannot be used.")
