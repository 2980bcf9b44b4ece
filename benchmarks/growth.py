"""What a change costs as a dataset grows: rows, vectors and graph, from 10,000 to 200,000 rows.

``python -m benchmarks.growth``. Texts are joined from halves of the shipped reviews. The vectors of
the first state are synthetic (unit vectors in clusters) and stored beforehand, as those of a text
that was embedded before would be; the changed texts are embedded by the shipped encoder.
"""

from __future__ import annotations

from benchmarks.side_by_side import clustered_vectors

# isort: split
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.changed_rows import REVIEWS, ROOT, changed, joined

RESULTS = ROOT / "benchmarks" / "results"
DATASET = "grown"
STAGES = ("instances", "embeddings", "graphs/knn")
# Embedding beyond these would measure the encoder for hours.
SHARES = {0.0: 10**9, 0.001: 10**9, 0.01: 10**9, 0.1: 50_000, 1.0: 10_000}
LIBRARIES = ("dagster", "duckdb", "duckdb-extension-ducklake", "torch", "faiss-cpu")
CONFIG = {
    "task": "text",
    "files": ["rows.parquet"],
    "columns": {"text": "text", "label": "label", "id": "id"},
    "training": {"enabled": False},
    "plots": False,
}


def rows_of(count: int) -> pa.Table:
    """Return `count` different rows."""
    reviews = pq.read_table(REVIEWS).select(["text", "label"])
    texts = joined(reviews["text"].to_pylist(), count, 0)
    labels = np.random.default_rng(0).choice(reviews["label"].to_pylist(), count)
    ids = [f"row-{i:07d}" for i in range(count)]
    return pa.table({"id": ids, "text": texts, "label": labels.tolist()})


def store(rows: pa.Table) -> None:
    """Store a synthetic vector for every text."""
    from resources.lake import Lake
    from resources.store import vectors
    from sluice.core.digests import text_hash
    from sluice.encoders.text import TextEncoder

    encoder = TextEncoder().identity
    texts = rows["text"].to_pylist()
    made = clustered_vectors(len(texts), 384)
    for start in range(0, len(texts), 20_000):
        part = slice(start, start + 20_000)
        keys = vectors.input_hashes([text_hash(text) for text in texts[part]], encoder)
        vectors.append(Lake(), keys, encoder, made[part])
    Lake().close()


def refresh() -> None:
    """Refresh rows, vectors and graph in this process, and print what each cost."""
    import dagster as dg

    from assets.text.lineage import TEXT
    from definitions import defs
    from resources.lake import Lake
    from resources.store import records

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(TEXT.name, [DATASET])
        done = defs.resolve_job_def("text_refresh").execute_in_process(
            instance=instance,
            partition_key=DATASET,
            asset_selection=[TEXT.key(*stage.split("/")) for stage in STAGES],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    known = records.latest(Lake(), DATASET)
    cost: dict[str, Any] = {}
    for stage in STAGES:
        record = known[f"text/{stage}"]
        own = record.run_id == done.run_id
        cost[stage] = [round(record.cpu_seconds, 3), record.rows_new] if own else [0.0, 0]
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in status if line.startswith("VmHWM")).split()[1]
    print(json.dumps({**cost, "peak_mib": int(peak) // 1024}))


def in_a_process(argument: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.growth", argument]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


def measure(root: Path, count: int) -> dict[str, Any]:
    """Refresh a first state of `count` rows, and then each change of it."""
    home, folder, kept = root / "sluice", root / "datasets" / DATASET, root / "kept"
    for path in (home, folder, kept):
        shutil.rmtree(path, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "dataset.yaml").write_text(yaml.safe_dump(CONFIG))
    rows = rows_of(count)
    pq.write_table(rows, folder / "rows.parquet")
    store(rows)
    found = {"first, vectors stored": in_a_process("--refresh")}
    shutil.copytree(home, kept)
    for share, most in SHARES.items():
        if count > most:
            continue
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        pq.write_table(changed(rows, share, 1), folder / "rows.parquet")
        found[f"{share:.1%}"] = in_a_process("--refresh")
        print(count, f"{share:.1%}", found[f"{share:.1%}"], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000, 200_000])
    parser.add_argument("--refresh", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.refresh:
        refresh()
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "SLUICE_HOME": str(Path(folder) / "sluice"),
            "SLUICE_DATASETS": str(Path(folder) / "datasets"),
            "DAGSTER_HOME": folder,
        }
        found = {count: measure(Path(folder), count) for count in asked.rows}
    lines = ["CPU seconds (rows computed)"]
    lines.append(f"{'rows':>8} {'change':>22}" + "".join(f"{stage:>20}" for stage in STAGES)
                 + f"{'peak MiB':>10}")  # fmt: skip
    for count, costs in found.items():
        for name, cost in costs.items():
            cells = [f"{cost[stage][0]:.2f} ({cost[stage][1]:,})" for stage in STAGES]
            lines.append(f"{count:>8,} {name:>22}" + "".join(f"{cell:>20}" for cell in cells)
                         + f"{cost['peak_mib']:>10,}")  # fmt: skip
    facts = {
        "command": "python -m benchmarks.growth --rows " + " ".join(map(str, asked.rows)),
        "seed": 0,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU, one thread",
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    text = "\n".join([*lines, "", *(f"{name}: {value}" for name, value in facts.items())]) + "\n"
    (RESULTS / "growth.txt").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
