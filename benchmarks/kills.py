"""A hundred refreshes killed at random moments, each followed by a rerun.

Run ``python -m benchmarks.kills``: of each of the four tasks a quarter. A refresh is a run of the
whole lineage, training and registration of models included, and the upkeep of the lake after it.
Every rerun must reach the undisturbed result, bit for bit, and leave no file that no table knows.
The program is `tests/kills.py`.
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
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TASKS = ("text", "tabular", "tokens", "instructions")
LIBRARIES = ("dagster", "duckdb", "duckdb-extension-ducklake", "mlflow", "torch")


def main() -> None:
    """Run the kills and write the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    paths = f"{ROOT / 'tests'}:{ROOT}"
    environment = {
        **os.environ,
        **{"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"},
    }
    began = time.monotonic()
    shares = [asked.count // len(TASKS) + (i < asked.count % len(TASKS)) for i in range(len(TASKS))]

    def killed(task: str, share: int) -> list[dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "tests/kills.py", task, folder, str(share), str(asked.seed)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
            )
        if done.returncode:
            sys.exit(done.stderr[-6000:])
        # Libraries print lines of their own.
        found = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
        print(found[-1], flush=True)
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        lines = [line for part in pool.map(killed, TASKS, shares) for line in part]
    kills = [line for line in lines if "kill" in line]
    totals = {line.pop("task"): line for line in lines if "kills" in line}
    facts = {
        "command": f"python -m benchmarks.kills --count {asked.count} --seed {asked.seed}",
        "kills": len(kills),
        **totals,
        "wall seconds": round(time.monotonic() - began),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    text = "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items())
    text += "\n\nlog:\n" + "\n".join(json.dumps(kill) for kill in kills) + "\n"
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / "kills.txt").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
