"""What a change of the shipped dataset costs, stage by stage, in CPU seconds.

``python -m benchmarks.change``: the whole lineage (heads only) of the shipped reviews once, then
after a change of 0, 0.1, 1, 10 and 100 % of the rows, each from the same first state, each in a
process of its own. About a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from benchmarks.changed_rows import REVIEWS, ROOT, changed

RESULTS = ROOT / "benchmarks" / "results"
DATASET = "reviews"
SHARES = (0.0, 0.001, 0.01, 0.1, 1.0)
LIBRARIES = ("dagster", "duckdb", "duckdb-extension-ducklake", "torch", "faiss-cpu", "mlflow")
CONFIG = {
    "task": "text",
    "files": ["rows.parquet"],
    "columns": {"text": "text", "label": "label", "id": "id", "group": "review"},
    "training": {"enabled": False},
}
ROW_WISE = ("instances", "embeddings", "graph")
START = """
from sluice.cli import workspace
instance = workspace.dagster_instance()
from definitions import defs
defs.resolve_job_def("text_refresh")
workspace.resource("lake").snapshot()
"""


def group_of(asset: str) -> str:
    """Return the row of the table that an asset's cost is part of."""
    stage = asset.split("/")[1]
    return {"graphs": "graph", "scores": "scores", "subsets": "selectors"}.get(stage, stage)


def run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a process; return its wall and CPU seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-4000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, cpu


def stages(home: Path) -> dict[str, dict[str, float]]:
    """Return CPU seconds and rows of every stage that the last run computed."""
    from resources.lake import Lake

    lake = Lake(root=str(home / "sluice" / "lake"))
    table = lake.read(
        "SELECT asset, cpu_seconds, rows_total, rows_new, details FROM records WHERE run_id = "
        "(SELECT run_id FROM records ORDER BY rowid DESC LIMIT 1)"
    ).to_pylist()
    lake.close()
    found: dict[str, dict[str, float]] = {}
    for row in table:
        into = found.setdefault(group_of(row["asset"]), {"cpu": 0, "rows_total": 0, "rows_new": 0})
        loading = json.loads(row["details"]).get("loading_cpu_seconds", 0.0)
        if loading:
            found["loading"] = {"cpu": loading, "rows_total": 0, "rows_new": 0}
        into["cpu"] += row["cpu_seconds"] - loading
        into["rows_total"] += row["rows_total"]
        into["rows_new"] += row["rows_new"]
    return found


def measure(root: Path, rounds: int) -> dict[str, Any]:
    """Run the first refresh and one for each change; return what each cost."""
    home, folder, kept = root / "home", root / "datasets" / DATASET, root / "kept"
    folder.mkdir(parents=True)
    environment = {
        **os.environ,
        "SLUICE_HOME": str(home / "sluice"),
        "DAGSTER_HOME": str(home / "dagster"),
        "SLUICE_DATASETS": str(root / "datasets"),
        "OMP_NUM_THREADS": "1",
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(CONFIG))
    rows = pq.read_table(REVIEWS).select(["id", "text", "label", "review"])
    pq.write_table(rows, folder / "rows.parquet")
    refresh = [sys.executable, "-m", "sluice.cli", "run", DATASET]
    wall, cpu = run(refresh, environment)
    first = {"wall": wall, "cpu": cpu, "stages": stages(home)}
    print("first", json.dumps(first), flush=True)
    starts = [run([sys.executable, "-c", START], environment)[1] for _ in range(3)]
    shutil.copytree(home, kept)
    found: dict[str, list[Any]] = {}
    for number in range(rounds):
        for share in SHARES:
            if share > 0.1 and number:
                continue
            shutil.rmtree(home)
            shutil.copytree(kept, home)
            pq.write_table(changed(rows, share, number + 1), folder / "rows.parquet")
            wall, cpu = run(refresh, environment)
            cost = {"wall": wall, "cpu": cpu, "stages": stages(home) if share else {}}
            found.setdefault(f"{share:.1%}", []).append(cost)
            print(f"{share:.1%}", json.dumps(cost), flush=True)
    return {"first": first, "process_start_cpu": sorted(starts)[1], "changes": found}


def table(result: dict[str, Any]) -> str:
    """Lay the medians out as text."""
    first = result["first"]["stages"]
    columns = {name: sorted(costs, key=lambda c: c["cpu"])[len(costs) // 2]
               for name, costs in result["changes"].items()}  # fmt: skip
    lines = ["CPU seconds (rows recomputed)  " + "".join(f"{n:>18}" for n in ["first", *columns])]
    for stage, cost in first.items():
        cells = [f"{cost['cpu']:.2f} ({cost['rows_new']:,})"]
        for costs in columns.values():
            own = costs["stages"].get(stage, {"cpu": 0, "rows_new": 0})
            cells.append(f"{own['cpu']:.2f} ({own['rows_new']:,})")
        lines.append(f"{stage:<31}" + "".join(f"{cell:>18}" for cell in cells))

    def together(stages: dict[str, Any]) -> float:
        return sum(stages.get(name, {"cpu": 0})["cpu"] for name in ROW_WISE)

    base = together(first)
    shares = [f"{together(c['stages']):.2f} = {together(c['stages']) / base:.1%}"
              for c in columns.values()]  # fmt: skip
    lines.append(f"{'row-wise stages and graph':<31}{base:>18.2f}"
                 + "".join(f"{cell:>18}" for cell in shares))  # fmt: skip
    base += first.get("loading", {"cpu": 0})["cpu"]
    loaded = [together(c["stages"]) + c["stages"].get("loading", {"cpu": 0})["cpu"]
              for c in columns.values()]  # fmt: skip
    lines.append(f"{'the same with loading':<31}{base:>18.2f}"
                 + "".join(f"{c:.2f} = {c / base:.1%}".rjust(18) for c in loaded))  # fmt: skip
    whole = [result["first"]["cpu"], *(c["cpu"] for c in columns.values())]
    lines.append(f"{'whole process':<31}" + "".join(f"{cpu:>18.1f}" for cpu in whole))
    start = result["process_start_cpu"]
    lines.append(f"{'above process start':<31}" + "".join(f"{c - start:>18.1f}" for c in whole))
    lines.append("loading: torch and the encoder, in a process that embeds one text or all")
    lines.append(f"process start (imports, definitions, stores opened): {start:.1f} CPU s")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of the changes up to 10 %%")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), asked.rounds)
    facts = {
        "command": f"python -m benchmarks.change --rounds {asked.rounds}",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU, one thread",
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    text = table(result) + "\n\n" + "\n".join(f"{k}: {v}" for k, v in facts.items()) + "\n"
    (RESULTS / "change.txt").write_text(text)
    (RESULTS / "change.json").write_text(json.dumps({**facts, **result}, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
