"""The examples that come with Sluice, told from what the user has added or changed.

`shipped.json` beside the datasets names each with the digest of its folder as it was shipped: one
that was changed, renamed or copied elsewhere is the user's own.
"""

import json
from pathlib import Path

from sluice.data.ingest.raw import folder_digest

SHIPPED_FILE = "shipped.json"


def shipped(root: Path) -> dict[str, str]:
    """Return the digests of the folders as shipped, by name; nothing where there is no file."""
    try:
        found = json.loads((root / SHIPPED_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def digests(root: Path) -> dict[str, str]:
    """Return the digests of the datasets below a folder as they are now, by name.

    Pools, which `make data` builds, are not shipped.
    """
    folders = sorted(path.parent for path in root.glob("*/dataset.yaml"))
    return {each.name: folder_digest(each) for each in folders if not each.name.endswith("_pool")}


if __name__ == "__main__":
    # Refreshes the committed file: python -m resources.shipped > datasets/shipped.json
    from resources.paths import WORKSPACE

    print(json.dumps(digests(WORKSPACE / "datasets"), indent=2))
