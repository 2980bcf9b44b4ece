"""`gais` from a CSV file to the kept rows, 10,000 to 300,000 rows: time, memory, growth.

``python -m benchmarks.tables.scale`` from the root of the repository. Each size is a random
sample (seed 0) of census-income (299,285 x 41) or of the flights (336,776 x 15), written to a
file beforehand, and runs in a process of its own with two threads: read the file, then
``sluice.select(frame, y, task="tabular", method="gais", budget=0.04)``. Seconds are the CPU's,
both cores together, without the loading of the libraries, which is stated apart. The exponent is
the slope of log seconds over log rows.
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
from typing import Any

import numpy as np

RESULTS = Path(__file__).parents[1] / "results" / "tables"
DATASETS = ("census-income", "flights")
SIZES = (10_000, 30_000, 100_000, 300_000)
"""The last one means all rows."""

BUDGET = 0.04
LABEL = "label"
LIMITS = "under 900 s of wall time, 4,096 MiB, an exponent of at most 1.1"


def write_samples(dataset: str, folder: Path) -> dict[int, Path]:
    """Write a CSV file for each size; return the paths by number of rows."""
    from benchmarks.tables.data import load

    table = load(dataset)
    frame = table.features.assign(**{LABEL: np.asarray(table.classes)[table.labels]})
    order = np.random.default_rng(0).permutation(len(frame))
    paths: dict[int, Path] = {}
    for size in SIZES:
        rows = len(frame) if size == SIZES[-1] else size
        paths[rows] = folder / f"{dataset}_{rows}.csv"
        frame.iloc[np.sort(order[:rows])].to_csv(paths[rows], index=False)
    return paths


def child(path: Path, method: str) -> None:
    """Read and select; print what it took as JSON."""
    # what every process loads, whatever the size: outside the clock
    import pandas as pd
    import sklearn.ensemble
    import sklearn.neighbors  # noqa: F401
    import torch

    import sluice
    from sluice.subsets import registry  # noqa: F401

    loading = time.process_time()
    began = time.time()
    frame = pd.read_csv(path)
    labels = frame.pop(LABEL)
    read = time.process_time() - loading
    kept = sluice.select(
        frame, labels.to_numpy(), task="tabular", method=method, budget=BUDGET, seed=0
    )
    facts = {
        "rows": len(frame),
        "columns": frame.shape[1],
        "kept": len(kept.ids),
        "loading_s": round(loading, 1),
        "read_s": round(read, 1),
        "cpu_s": round(time.process_time() - loading, 1),
        "wall_s": round(time.time() - began, 1),
        "peak_mib": round(_peak()),
        "threads": torch.get_num_threads(),
        "note": kept.note,
    }
    print(json.dumps(facts))


def _peak() -> float:
    """Peak resident MiB of this process alone (ru_maxrss inherits the parent's)."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measured(path: Path, method: str) -> dict[str, Any]:
    """Run `child` in a process of its own with two threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    command = [sys.executable, "-m", "benchmarks.tables.scale", "--child", path, "--method", method]
    environment = os.environ | dict.fromkeys(names, "2")
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{path.stem} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def exponent(facts: list[dict[str, Any]]) -> float:
    """Slope of log CPU seconds over log rows."""
    logs = np.log([[fact["rows"], fact["cpu_s"]] for fact in facts])
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def draw(outcomes: dict[str, list[dict[str, Any]]], method: str, path: Path) -> None:
    """Plot CPU seconds over rows, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for name, facts in outcomes.items():
        label = f"{name}: exponent {exponent(facts):.2f}"
        axes.loglog([f["rows"] for f in facts], [f["cpu_s"] for f in facts], "o-", label=label)
    first = next(iter(outcomes.values()))[0]
    ends = np.array([first["rows"], SIZES[-1]])
    axes.loglog(ends, first["cpu_s"] * ends / ends[0], "--", color="grey", label="linear")
    axes.set_xlabel("rows")
    axes.set_ylabel("CPU seconds, file to selection")
    axes.set_title(f"{method}, {100 * BUDGET:g} % kept", fontsize=10)
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)


def record(outcomes: dict[str, list[dict[str, Any]]], method: str) -> None:
    """Write the text, the JSON and the plot."""
    lines = [f"{method}, {100 * BUDGET:g} % of the rows, from a CSV file to the kept rows", ""]
    columns = ("rows", "columns", "kept", "read_s", "cpu_s", "wall_s", "peak_mib", "loading_s")
    for name, facts in outcomes.items():
        lines.append(f"{name}: exponent {exponent(facts):.2f}")
        lines.append("".join(f"{column:>11}" for column in columns))
        lines += ["".join(f"{fact[c]:>11}" for c in columns) for fact in facts]
        lines += [f"  note: {fact['note']}" for fact in facts if fact["note"]]
        lines.append("")
    packages = ("numpy", "scikit-learn", "torch", "pandas")
    lines += [
        f"to reach: {LIMITS}",
        "cpu_s has read_s in it, not loading_s, the libraries; seed 0",
        f"command: python -m benchmarks.tables.scale {' '.join(sys.argv[1:])}".rstrip(),
        f"versions: python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in packages),
        f"machine: {platform.machine()}, {os.cpu_count()} cores, 2 threads",
        f"load_average: {[round(load, 2) for load in os.getloadavg()]}",
        f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines) + "\n"
    (RESULTS / f"scale_{method}.txt").write_text(text)
    (RESULTS / f"scale_{method}.json").write_text(json.dumps(outcomes, indent=2) + "\n")
    draw(outcomes, method, RESULTS / f"scale_{method}.png")
    print(text, end="")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--method", default="gais")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.method)
    outcomes: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for dataset in options.datasets:
            outcomes[dataset] = []
            for rows, path in write_samples(dataset, Path(folder)).items():
                outcomes[dataset].append(measured(path, options.method))
                print(f"{dataset}, {rows} rows: {outcomes[dataset][-1]}", flush=True)
                path.unlink()
    record(outcomes, options.method)


if __name__ == "__main__":
    main()
