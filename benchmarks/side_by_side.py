"""What every benchmark here shares: one thread, CPU seconds, the same data, a written record.

Import this module before numpy: it sets the thread counts that the libraries read when they load.
"""

from __future__ import annotations

import os

for _variable in (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
):  # fmt: skip
    os.environ[_variable] = "1"

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESULTS = Path(__file__).parent / "results"


def arguments(description: str) -> argparse.Namespace:
    """Read the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side, interleaved")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def clustered_vectors(
    n: int, d: int, *, clusters: int = 200, rank: int = 16, seed: int = 0
) -> NDArray[np.float32]:
    """Unit vectors from low-rank Gaussian clusters with random centres.

    Parameters
    ----------
    n, d : int
        Shape of the result.
    clusters : int
        Number of clusters; rows choose theirs uniformly.
    rank : int
        Dimensions in which a cluster spreads, each cluster in its own.
    seed : int
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, d))
    spread = rng.normal(size=(clusters, rank, d)) / np.sqrt(rank)
    member = rng.integers(0, clusters, n)
    rows = np.empty((n, d), dtype=np.float32)
    for cluster in range(clusters):
        of_cluster = np.flatnonzero(member == cluster)
        noise = rng.normal(size=(len(of_cluster), rank))
        rows[of_cluster] = centres[cluster] + noise @ spread[cluster]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cpu_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Run something; return its CPU seconds (user and system, all threads) and its result."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def interleaved(
    rounds: int, ours: Callable[[], Any], peer: Callable[[], Any]
) -> tuple[list[float], list[float], Any, Any]:
    """Time both sides in turn, so that a busy machine troubles both alike."""
    our_seconds: list[float] = []
    peer_seconds: list[float] = []
    our_result = peer_result = None
    for number in range(1, rounds + 1):
        seconds, our_result = cpu_seconds(ours)
        our_seconds.append(seconds)
        seconds, peer_result = cpu_seconds(peer)
        peer_seconds.append(seconds)
        print(f"round {number}: ours {our_seconds[-1]:.2f}, peer {peer_seconds[-1]:.2f} CPU s")
    return our_seconds, peer_seconds, our_result, peer_result


def peak_memory(module: str) -> float:
    """Peak resident MiB of ``python -m module --peak`` in a process of its own."""
    child = subprocess.run(
        [sys.executable, "-m", module, "--peak"], check=True, capture_output=True, text=True
    )
    return float(child.stdout.split()[-1])


def print_peak() -> None:
    """Print the peak resident MiB of this process: interpreter, libraries and data included."""
    # not ru_maxrss: a child inherits its parent's peak there
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    print(int(peak.split()[1]) / 1024)


def record(
    name: str, title: str, seconds: tuple[list[float], list[float]], facts: dict[str, Any],
    packages: list[str],
) -> None:  # fmt: skip
    """Print the outcome and write it to ``results/`` as text and JSON.

    Parameters
    ----------
    name : str
        Stem of the files.
    title : str
        What was compared.
    seconds : pair of list of float
        CPU seconds of each round: ours, the peer's.
    facts : dict
        Further outcomes, in the order in which they are to be read.
    packages : list of str
        Whose versions are stated.
    """
    ours, peer = (statistics.median(each) for each in seconds)
    outcome: dict[str, Any] = {
        "title": title,
        "ratio": round(peer / ours, 2),
        "our_cpu_seconds": [round(s, 3) for s in seconds[0]],
        "peer_cpu_seconds": [round(s, 3) for s in seconds[1]],
        **facts,
        "threads": 1,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_processor()}",
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    lines = [title, f"  {peer / ours:.1f} times the peer's speed (medians of {len(seconds[0])}"]
    lines[-1] += f" rounds: ours {ours:.2f} CPU s, peer {peer:.2f} CPU s, one thread)"
    lines += [f"  {key.replace('_', ' ')}: {value}" for key, value in facts.items()]
    lines += [f"  {key}: {outcome[key]}" for key in ("versions", "machine", "load_average", "date")]
    text = "\n".join(lines) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(outcome, indent=2) + "\n")
    (RESULTS / f"{name}.txt").write_text(text)
    print(text, end="")


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
