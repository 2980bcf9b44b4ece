"""Defaults of a `dataset.yaml` that depend on the task."""

from __future__ import annotations

from typing import Any

TASK_DEFAULTS: dict[str, dict[str, Any]] = {
    "instructions": {
        # The files show their form, so that nothing need be named.
        "columns": {},
        # A subset costs minutes of fine-tuning here, and not seconds.
        "budgets": [0.05, 0.10],
        "training": {"epochs": 1, "learning_rate": 2e-4, "max_length": 512},
    },
    "tokens": {
        # CoNLL columns have no names, and those of JSONL files are called tokens and tags.
        "columns": {},
        "budgets": [0.10, 0.25, 0.50],
        # As validation chose them on the WNUT tweets (benchmarks/token_selection.py).
        "training": {"epochs": 2, "learning_rate": 3e-4, "warmup_share": 0.0},
    },
}
"""Task to keys, and to keys of sections, whose default is another than their field's."""


def with_task_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """Add the defaults of its task to what a file says; what it says wins, key by key."""
    task = raw.get("task")
    filled = dict(raw)
    for key, default in TASK_DEFAULTS.get(task if isinstance(task, str) else "", {}).items():
        if key not in raw:
            filled[key] = default
        elif isinstance(default, dict) and isinstance(raw[key], dict):
            filled[key] = default | raw[key]
    return filled


def without_task_defaults(whole: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Return what a file must say so that `with_task_defaults` gives the whole again.

    Parameters
    ----------
    whole : dict
        Every key of the configuration.
    changed : dict
        Those that differ from their field's default.
    """
    written = dict(changed)
    for key, default in TASK_DEFAULTS.get(whole["task"], {}).items():
        if not isinstance(default, dict):
            written[key] = whole[key]
            if whole[key] == default:
                del written[key]
            continue
        section = dict(changed.get(key, {}))
        for name, own in default.items():
            section[name] = whole[key][name]
            if whole[key][name] == own:
                del section[name]
        written[key] = section
        if not section:
            del written[key]
    return {key: written[key] for key in whole if key in written}
