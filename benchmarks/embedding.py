"""Our text encoder beside sentence-transformers: same weights, same texts, same threads.

Run ``python benchmarks/embedding.py`` (all 14,313 texts of the shipped reviews, about half an
hour on two cores) or with ``--rows 1500``. Tokenisation is included, loading is not; one warm-up
each, then interleaved rounds, so that a busy machine is busy for both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import pyarrow.parquet as pq
import torch

from sluice.encoders.batches import tokenise
from sluice.encoders.text import TextEncoder, default_encoder_folder

PEER_BATCHES = (32, 64, 128)
LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch", "numpy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=None, help="a seeded sample; default all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    result = measure(load_texts(options.rows), options.rounds)
    options.out.mkdir(parents=True, exist_ok=True)
    text = render(result)
    (options.out / "embedding.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.out / "embedding.txt").write_text(text)
    print(text, end="")


def load_texts(rows: int | None) -> list[str]:
    path = ROOT / "datasets" / "vader_reviews" / "vader_reviews.parquet"
    texts: list[str] = pq.read_table(path, columns=["text"])["text"].to_pylist()
    if rows is None or rows >= len(texts):
        return texts
    return [texts[i] for i in np.random.default_rng(0).permutation(len(texts))[:rows]]


def measure(texts: list[str], rounds: int) -> dict[str, Any]:
    from sentence_transformers import SentenceTransformer

    folder = str(default_encoder_folder())
    ours, peer = TextEncoder(device="cpu"), SentenceTransformer(folder, device="cpu")
    runs: dict[str, Callable[[], np.ndarray]] = {"sluice": lambda: ours.encode(texts)}
    for size in PEER_BATCHES:
        runs[f"sentence-transformers, batch {size}"] = lambda size=size: peer.encode(
            texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False
        )
    for run_name in runs:  # warm-up on a few texts: allocators, thread pools, packed weights
        warm = texts[:256]
        _ = ours.encode(warm) if run_name == "sluice" else peer.encode(warm)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    vectors: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            wall, process = time.perf_counter(), time.process_time()
            vectors[name] = run()
            seconds[name].append(time.perf_counter() - wall)
            cpu[name].append(time.process_time() - process)
    return summarise(texts, rounds, seconds, cpu, vectors) | {"limits": profile(ours, texts[:2000])}


def summarise(
    texts: list[str],
    rounds: int,
    seconds: dict[str, list[float]],
    cpu: dict[str, list[float]],
    vectors: dict[str, np.ndarray],
) -> dict[str, Any]:
    wall = {name: statistics.median(values) for name, values in seconds.items()}
    best = min((name for name in wall if name != "sluice"), key=lambda name: wall[name])
    ours, other = (vectors[name].astype(np.float64) for name in ("sluice", best))
    cosines = (ours * other).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(other, axis=1)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "rows": len(texts),
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "cpu": cpu_name(),
        "model": "all-MiniLM-L6-v2, float32",
        "versions": {name: version(name) for name in LIBRARIES}
        | {"python": sys.version.split()[0]},
        "median_seconds": wall,
        "median_cpu_seconds": {name: statistics.median(values) for name, values in cpu.items()},
        "all_seconds": seconds,
        "best_peer": best,
        "ratio_wall": wall[best] / wall["sluice"],
        "ratio_cpu": statistics.median(cpu[best]) / statistics.median(cpu["sluice"]),
        "ratio_rounds": [p / o for p, o in zip(seconds[best], seconds["sluice"], strict=True)],
        "min_cosine": float(cosines.min()),
        "max_abs_difference": float(np.abs(ours - other).max()),
        "load_average_after": os.getloadavg()[0],
    }


def profile(encoder: TextEncoder, texts: list[str]) -> dict[str, float]:
    """Shares of our own time, by kind of operation."""
    began = time.perf_counter()
    _, lengths = tokenise(encoder._loaded.tokenizer, texts, encoder.max_length)
    tokenising = time.perf_counter() - began
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as recorded:
        began = time.perf_counter()
        encoder.encode(texts)
        total = time.perf_counter() - began
    kinds = {
        "matrix_products": ("_linear_pointwise", "aten::addmm", "aten::mm"),
        "attention": ("_scaled_dot_product", "aten::bmm", "aten::_softmax"),
        "layer_norm": ("layer_norm",),
    }
    shares = {"tokenisation": tokenising / total}
    for kind, names in kinds.items():
        spent = sum(
            event.self_cpu_time_total
            for event in recorded.key_averages()
            if any(name in event.key for name in names)
        )
        shares[kind] = spent / 1e6 / total
    shares["other"] = max(0.0, 1.0 - sum(shares.values()))
    shares["mean_tokens"] = float(lengths.mean())
    shares["gflop_per_s_of_products"] = products_gflop(lengths) / (
        shares["matrix_products"] * total
    )
    return shares


def products_gflop(lengths: np.ndarray) -> float:
    """Arithmetic of the dense layers of MiniLM-L6 (6 layers, 384, 1536), padding left out."""
    per_token = 6 * 2 * (4 * 384 * 384 + 2 * 384 * 1536)
    return float(lengths.sum()) * per_token / 1e9


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def render(result: dict[str, Any]) -> str:
    lines = [
        f"Embedding {result['rows']:,} texts with {result['model']}",
        f"{result['date']}, {result['cpu']}, {result['threads']} threads, "
        f"{result['rounds']} interleaved rounds, medians, tokenisation included",
        ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
        "",
        f"{'':36}{'wall s':>9}{'CPU s':>9}{'texts/s':>9}",
    ]
    for name, wall in result["median_seconds"].items():
        used = result["median_cpu_seconds"][name]
        lines.append(f"{name:36}{wall:9.2f}{used:9.2f}{result['rows'] / wall:9.0f}")
    limits = result["limits"]
    lines += [
        "",
        f"Ratio to the best of {result['best_peer']}: {result['ratio_wall']:.2f} in wall time, "
        f"{result['ratio_cpu']:.2f} in CPU time "
        f"(rounds {min(result['ratio_rounds']):.2f} to {max(result['ratio_rounds']):.2f}).",
        f"Least cosine between the two: {result['min_cosine']:.7f}; "
        f"largest difference of a component: {result['max_abs_difference']:.1e}.",
        f"What limits: {limits['matrix_products']:.0%} of our time is float32 matrix products "
        f"({limits['gflop_per_s_of_products']:.0f} GFLOP/s), attention {limits['attention']:.0%}, "
        f"layer norm {limits['layer_norm']:.0%}, tokenisation {limits['tokenisation']:.0%}, "
        f"the rest {limits['other']:.0%}; {limits['mean_tokens']:.1f} tokens per text.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
