"""What a dataset would be configured with, for rows that have none: the defaults, or a caller's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sluice.core.errors import ConfigError, UnknownNameError
from sluice.data.config import DatasetConfig
from sluice.data.config.errors import explain

SECTIONS = (
    *("columns", "split", "encoder", "encoding", "language_model", "neighbours", "gradients"),
    *("tagging", "bio", "features", "uncertainty", "graph", "evaluation", "training"),
)
"""Sections of a `dataset.yaml` that mean something to rows without a dataset."""

_COLUMNS: dict[str, dict[str, Any]] = {
    "text": {"text": "text", "label": "label"},
    "tabular": {"label": "label"},
}
_NOT_HERE = {"id": "ids", "label": "y", "text": "X", "features": "X"}


def settings_of(task: str, given: Mapping[str, Any] | None) -> DatasetConfig:
    """Return the configuration that a dataset of these sections would have.

    Parameters
    ----------
    task : str
    given : mapping, optional
        Of `SECTIONS`, as `dataset.yaml` writes them.

    Raises
    ------
    ConfigError
        A section or key is unknown, of another task, or has a value that it cannot have.
    """
    sections = dict(given or {})
    for name in sections:
        if name not in SECTIONS:
            raise UnknownNameError.of("section of settings", name, list(SECTIONS))
    columns = dict(sections.pop("columns", {}) or {})
    for key, instead in _NOT_HERE.items():
        if key in columns:
            raise ConfigError(f"settings: columns.{key} is for files; give {instead} itself.")
    whole = {
        "task": task,
        "files": ["rows"],
        "columns": {**_COLUMNS.get(task, {}), **columns},
        **sections,
    }
    try:
        return DatasetConfig.model_validate(whole)
    except ValidationError as error:
        raise ConfigError(f"settings cannot be used.\n{explain(error, DatasetConfig)}") from None
