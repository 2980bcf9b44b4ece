"""Words that several selectors' reasons share."""

from __future__ import annotations

from sluice.subsets.contract import Pool


def class_name(pool: Pool, code: int) -> str:
    """Name of a class, quoted; its code where the pool gives no names."""
    return repr(pool.class_names[code]) if code < len(pool.class_names) else str(code)
