"""What refresh after refresh leaves on the disk, with upkeep every so often: it must end flat.

``python -m benchmarks.refreshes`` (500 refreshes of 90 rows with upkeep after every 25; about an
hour and a half on two cores). Every refresh finds one changed row, trains a model and registers it.
Upkeep keeps no days, and removes files at once: else all that is done here would be too young.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import yaml

ROOT = Path(__file__).resolve().parent.parent
DATASET, COUNT = "grown", 90
PARTS = {"lake": "sluice/lake", "MLflow": "sluice/mlflow", "Dagster": "dagster"}
LIBRARIES = ("dagster", "duckdb", "duckdb-extension-ducklake", "mlflow", "scikit-learn")
CONFIG = {
    "task": "tabular",
    "files": ["rows.csv"],
    "columns": {"label": "label", "id": "id"},
    "budgets": [0.2],
    "chosen_budget": 0.2,
    "seeds": [0],
    "selectors": ["facility_location"],
    "evaluation": {"resamples": 50, "learner": "tree"},
    "plots": False,
}


def write_rows(folder: Path, state: int) -> None:
    """Write the rows after so many changes, each of one row."""
    values = np.random.default_rng(0).normal(size=(COUNT, 3))
    labels = np.where(values[:, 0] > 0, "yes", "no").tolist()
    for change in range(state):
        values[change % COUNT] += np.random.default_rng(change + 1).normal(size=3)
    columns = {f"x{i}": values[:, i] for i in range(3)}
    ids = [f"row-{i:02}" for i in range(COUNT)]
    pacsv.write_csv(pa.table({"id": ids, **columns, "label": labels}), folder / "rows.csv")


def refresh_all(folder: Path, first: int, last: int) -> None:
    """Refresh once for each state, in this process."""
    from sluice.cli.run import materialise

    for state in range(first, last):
        write_rows(folder, state)
        result, _ = materialise(DATASET)
        assert result.success, [e.message for e in result.all_events if e.is_step_failure]


def sizes(root: Path) -> dict[str, tuple[int, int]]:
    """Return the number of files and the KiB of each part."""
    found: dict[str, tuple[int, int]] = {}
    for name, part in PARTS.items():
        files = [path for path in (root / part).rglob("*") if path.is_file()]
        found[name] = (len(files), sum(path.stat().st_size for path in files) // 1024)
    return found


def called(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-4000:])


def line(name: str, found: dict[str, tuple[int, int]], seconds: float) -> str:
    cells = "".join(f"{files:>15,} {kib:>10,}" for files, kib in found.values())
    return f"{name:>22}{cells}{seconds:>10.1f}"


def main() -> None:
    """Refresh, maintain, and write the sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refreshes", type=int, default=500)
    parser.add_argument("--every", type=int, default=25, help="refreshes between two upkeeps")
    parser.add_argument("--states", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/refreshes.txt")
    asked = parser.parse_args()
    if asked.states:
        refresh_all(Path(os.environ["SLUICE_DATASETS"]) / DATASET, *asked.states)
        return
    head = "".join(f"{name + ', files':>15} {'KiB':>10}" for name in PARTS)
    lines = [f"{'after':>22}{head}{'seconds':>10}"]
    print(lines[0])
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        folder = root / "datasets" / DATASET
        folder.mkdir(parents=True)
        (folder / "dataset.yaml").write_text(yaml.safe_dump(CONFIG))
        os.environ |= {
            "SLUICE_HOME": str(root / "sluice"),
            "SLUICE_DATASETS": str(root / "datasets"),
            "DAGSTER_HOME": str(root / "dagster"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        for first in range(0, asked.refreshes, asked.every):
            last = min(first + asked.every, asked.refreshes)
            steps = {
                f"{last} refreshes": (
                    "-m",
                    "benchmarks.refreshes",
                    "--states",
                    f"{first}",
                    f"{last}",
                ),
                "and upkeep": (
                    *("-m", "sluice.cli", "maintain"),
                    *("--keep-days", "0", "--at-once"),
                ),
            }
            for name, command in steps.items():
                began = time.monotonic()
                called(*command)
                lines.append(line(name, sizes(root), time.monotonic() - began))
                print(lines[-1], flush=True)
    facts = {
        "command": f"python -m benchmarks.refreshes --refreshes {asked.refreshes} "
        f"--every {asked.every}",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU",
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    shown = [f"{name}: {json.dumps(value)}" for name, value in facts.items()]
    asked.out.write_text("\n".join([*lines, "", *shown]) + "\n")


if __name__ == "__main__":
    main()
