"""Random histories of a dataset's folder: after each, the lineage equals a rebuild, or this fails.

Run ``python -m benchmarks.histories --count 300`` for three hundred histories of texts over 300
stored vectors, with ``--task tabular`` for tables, or with ``--encode`` for texts that are encoded
where they are new. The machine that makes them is the one of the tests, `tests/histories.py`.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
LIBRARIES = ("dagster", "duckdb", "duckdb-extension-ducklake", "mlflow", "faiss-cpu", "hypothesis")
BATCH = 10


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="histories in all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--task", choices=["text", "tabular"], default="text")
    parser.add_argument("--encode", action="store_true", help="encode every text where it is new")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def work(asked: argparse.Namespace) -> None:
    """Run this process's share in batches, and print a line of JSON after each."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DAGSTER_HOME": folder, "MLFLOW_DISABLE_TELEMETRY": "true"}
        from histories import History, live
        from hypothesis import seed

        shop, kind = (tables if asked.task == "tabular" else texts)(asked, Path(folder))
        machine: type[History] = type("Lived", (kind,), {"workshop": shop})
        share = asked.count // asked.processes + (asked.worker < asked.count % asked.processes)
        batch = 0
        while machine.counted < share:
            number = (asked.seed * 1000 + asked.worker) * 1000 + batch
            live(seed(number)(machine), min(BATCH, share - machine.counted))
            batch += 1
            done = {name: getattr(machine, name) for name in ("counted", "refreshes", "failures")}
            cpu = round(time.process_time(), 1)
            print(json.dumps({"seed": number, **done, "cpu_seconds": cpu}), flush=True)


def texts(asked: argparse.Namespace, folder: Path) -> tuple[Any, Any]:
    """Return the workshop and the machine of texts."""
    import pyarrow.parquet as pq
    from histories import History
    from workshop import Rows, Workshop

    from sluice.encoders.text import TextEncoder

    path = ROOT / "datasets" / "vader_tweets" / "vader_tweets.parquet"
    table = pq.read_table(path).slice(300, 300)
    texts = table["text"].to_pylist()
    vectors = None if asked.encode else TextEncoder(device="cpu").encode(texts)
    return Workshop(folder, Rows(texts, table["label"].to_pylist(), vectors)), History


def tables(asked: argparse.Namespace, folder: Path) -> tuple[Any, Any]:
    """Return the workshop and the machine of a table's rows."""
    from tabular_histories import TABLES, TableHistory, pool
    from workshop import Workshop

    return Workshop(folder, pool(), TABLES), TableHistory


def main() -> None:
    """Start the workers, follow them, and write the log."""
    asked = arguments()
    if asked.worker is not None:
        work(asked)
        return
    began = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.histories", *sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f"{i}.log" for i in range(asked.processes)]
        errors = [Path(folder) / f"{i}.err" for i in range(asked.processes)]
        workers = [
            subprocess.Popen(
                [*command, "--worker", str(i)], cwd=ROOT, stdout=out.open("w"), stderr=err.open("w")
            )
            for i, (out, err) in enumerate(zip(logs, errors, strict=True))
        ]
        # Ctrl-C ends it early; the log then says how many histories there were.
        with suppress(KeyboardInterrupt):
            for worker in workers:
                worker.wait()
        for worker in workers:
            worker.kill()
        codes = [worker.wait() for worker in workers]
        lines = [
            {"process": i, **json.loads(line)}
            for i, log in enumerate(logs)
            for line in log.read_text().splitlines()
        ]
        if any(code > 0 for code in codes):
            sys.exit("\n".join(error.read_text()[-6000:] for error in errors))
    nothing = {"counted": 0, "refreshes": 0, "failures": 0, "cpu_seconds": 0}
    last = [
        max((x for x in lines if x["process"] == i), key=lambda x: x["counted"], default=nothing)
        for i in range(asked.processes)
    ]
    total = {name: sum(x[name] for x in last) for name in ("counted", "refreshes", "failures")}
    facts = {
        "command": "python -m benchmarks.histories " + " ".join(sys.argv[1:]),
        # One that differs from its rebuild ends the run with an error, and is not counted.
        "histories_equal_to_a_rebuild": total["counted"],
        "vectors": "encoded where new" if asked.encode else "stored once, read by all",
        "refreshes_that_succeeded": total["refreshes"],
        "refreshes_with_a_failure_at_a_commit": total["failures"],
        "wall_seconds": round(time.monotonic() - began),
        "cpu_seconds": round(sum(x["cpu_seconds"] for x in last)),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    name = "histories_encoded" if asked.encode else f"histories_{asked.task}"
    text = "\n".join([*(f"{k.replace('_', ' ')}: {v}" for k, v in facts.items()), "", "log:"])
    text += "".join(f"\n{json.dumps(line)}" for line in lines) + "\n"
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / f"{name}.txt").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
