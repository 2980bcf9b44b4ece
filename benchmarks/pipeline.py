"""The whole lineage of the shipped dataset, twice in a fresh home: first, and with nothing changed.

Run ``python benchmarks/pipeline.py`` (about four minutes on two cores). Prints wall and CPU
seconds, peak memory and Dagster's own share of each run, and keeps the result table.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATASET = "vader_reviews"
LIBRARIES = ("dagster", "duckdb", "mlflow", "torch", "transformers", "faiss-cpu", "scikit-learn")


def run_once(home: Path) -> tuple[dict[str, object], str]:
    """Run the lineage in a process of its own; children's usage adds up, so take differences."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "sluice.cli", "run", DATASET],
        cwd=ROOT,
        env={**os.environ, "SLUICE_HOME": str(home / "sluice"), "DAGSTER_HOME": str(home / "d")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = " ".join(done.stdout.split())
    computed = re.search(r"([\d,]+) rows computed", said)
    share = re.search(r"start-up ([\d.]+)%", said)
    assert computed is not None
    assert share is not None
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    measured: dict[str, object] = {
        "wall_seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_memory_mib_so_far": round(after.ru_maxrss / 1024),
        "rows_computed": int(computed[1].replace(",", "")),
        "dagster_share_percent": float(share[1]),
    }
    return measured, done.stdout


def main() -> None:
    """Measure both runs, print them and write them to `benchmarks/results/`."""
    with tempfile.TemporaryDirectory() as folder:
        first, table = run_once(Path(folder))
        again, _ = run_once(Path(folder))
    result = {
        "command": "python benchmarks/pipeline.py",
        "dataset": DATASET,
        "seeds": [0, 1, 2, 3, 4],
        "first_run": first,
        "unchanged_run": again,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU",
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "versions": {name: version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "pipeline.json").write_text(json.dumps(result, indent=2) + "\n")
    header = f"# python benchmarks/pipeline.py, {result['date']}, versions in pipeline.json\n\n"
    (RESULTS / "run.txt").write_text(header + table)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
