"""What a person should know of how files were read; it travels with the raw rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa

_KEY = b"sluice.warnings"


def with_warnings(table: pa.Table, warnings: Sequence[str]) -> pa.Table:
    """Return raw rows with warnings beside them, each once."""
    if not warnings:
        return table
    written = json.dumps(list(dict.fromkeys(warnings)))
    return table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: written.encode()})


def warnings_of(table: pa.Table) -> list[str]:
    """Return the warnings that `with_warnings` put there."""
    return json.loads((table.schema.metadata or {}).get(_KEY, b"[]"))
