"""What each check last found, so that it is not looked at again in the same state of the data."""

import json
from typing import Any

from resources import run_cache
from resources.lake import Lake

CHECKS = "checks"


def find(
    lake: Lake, dataset: str, asset: str, name: str, input_digest: str
) -> tuple[bool, dict[str, Any]] | None:
    """Return whether a check passed and what it showed, if its last look was at this state."""
    last = run_cache.get_or_load(lake, dataset, CHECKS, lambda: _last(lake, dataset)).get(
        (asset, name)
    )
    if last is None or last["input_digest"] != input_digest:
        return None
    return last["passed"], json.loads(last["shown"])


def _last(lake: Lake, dataset: str) -> dict[tuple[str, str], dict[str, Any]]:
    table = lake.read(
        "SELECT asset, check_name, input_digest, passed, shown FROM checks WHERE dataset = ? "
        "QUALIFY row_number() OVER (PARTITION BY asset, check_name ORDER BY rowid DESC) = 1",
        [dataset],
    )
    return {(row["asset"], row["check_name"]): row for row in table.to_pylist()}


def append(
    lake: Lake,
    dataset: str,
    asset: str,
    name: str,
    input_digest: str,
    passed: bool,
    shown: dict[str, Any],
) -> None:
    """Note what a check found."""
    said = json.dumps(shown, sort_keys=True)
    values = [dataset, asset, name, input_digest, passed, said]
    lake.write(
        lambda cursor: cursor.execute(
            "INSERT INTO checks VALUES (?, ?, ?, ?, ?, ?, now()::TIMESTAMP)", values
        )
    )
    known = run_cache.known(lake, dataset, CHECKS)
    if known is not None:
        known[asset, name] = {"input_digest": input_digest, "passed": passed, "shown": said}
