"""Files of what was found once: what is equal everywhere is kept, of the rest its type.

``GOLDEN=write`` writes a file anew. ``GOLDEN=narrow`` keeps of it what is found again, and of the
rest its type: so that a value which another machine, number of threads or folder changes is not
asked for.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Of a value that is not the same everywhere.
TYPE = "type: "


def check_frozen(name: str, found: dict[str, Any]) -> None:
    """Assert that what is found is what is committed under a name.

    Raises
    ------
    AssertionError
        If anything that is committed is absent or differs. What came to it since is no matter.
    """
    path, asked = HERE / f"{name}.json", os.environ.get("GOLDEN")
    found = json.loads(json.dumps(found))
    if asked:
        kept = narrowed(json.loads(path.read_text()), found) if asked == "narrow" else found
        path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    wrong = differences(json.loads(path.read_text()), found)
    assert not wrong, f"{path.name}:\n" + "\n".join(wrong)


def narrowed(expected: Any, found: Any) -> Any:
    """Return what is kept of a committed value once another was found in its place."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: narrowed(expected[key], found[key]) for key in expected.keys() & found.keys()}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [narrowed(one, other) for one, other in zip(expected, found, strict=True)]
    return expected if _fits(expected, found) else TYPE + type(found).__name__


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Return where a value is not what is committed."""
    if isinstance(expected, dict) and isinstance(found, dict):
        gone = [f"{where}/{key} is gone" for key in sorted(expected.keys() - found.keys())]
        both = sorted(expected.keys() & found.keys())
        return gone + [w for k in both for w in differences(expected[k], found[k], f"{where}/{k}")]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            wrong
            for at, (one, other) in enumerate(zip(expected, found, strict=True))
            for wrong in differences(one, other, f"{where}[{at}]")
        ]
    return [] if _fits(expected, found) else [f"{where} is {found!r}, and was {expected!r}"]


def _fits(expected: Any, found: Any) -> bool:
    if expected == TYPE + type(found).__name__:
        return True
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-5, abs_tol=1e-9)
    return type(expected) is type(found) and expected == found
