"""Token losses of rows and their noisy neighbours, beside loops over rows.

On a CPU (default): SmolLM2-135M in float32, one thread, three noisy copies, rows of the shipped
sample in buckets by length. The peer is a loop over rows as T-SHIRT's: a row and its copies are
one batch, twice (with and without the prompt), through transformers with all logits. Beside it a
loop over rows and copies, and the first loop again with our packed layers, which shows what is
left where a processor's plain layers are as fast. All get the same noise.

With ``--device cuda``: random weights of GPT-2's size (124M) in bfloat16, 5 and 30 copies,
responses of 150 tokens on average, and what 52,000 rows would take.

``python -m benchmarks.t_shirt --model FOLDER`` from the root of the repository.
"""

from __future__ import annotations

from benchmarks.side_by_side import RESULTS, _processor, cpu_seconds, print_peak

# isort: split
import argparse
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from sluice.language.checkpoint import CausalModel, Loaded
from sluice.language.noise import Noise, noise_keys, noise_of, noise_scale
from sluice.language.packed_linear import packed_linears
from sluice.language.pairs import Pair, tokenise
from sluice.language.scoring import token_losses
from sluice.language.smollm2 import convert_default

SAMPLE = Path("datasets/evals_instructions/evals_instructions.parquet")
EDGES = (0, 64, 128, 256, 512)
"""Buckets by tokens of prompt and response: above the one, up to the next."""
PER_BUCKET, COPIES, ROUNDS, SEED, ALPHA = 8, 3, 2, 0, 5.0
GPU_ROWS, GPU_PEER_ROWS, GPU_POOL = 1_024, 48, 52_000

Losses = dict[tuple[int, int], tuple[NDArray[np.float32], NDArray[np.float32]]]


def ours(model: Loaded, ids: Sequence[str], pairs: Sequence[Pair], copies: int) -> Losses:
    found: Losses = {}
    for shard in token_losses(model, ids, pairs, copies=copies, seed=SEED, alpha=ALPHA):
        parts = (shard.positions, shard.copies, shard.conditional, shard.unconditional)
        for row, copy, given, alone in zip(*parts, strict=True):
            found[int(row), int(copy)] = (given, alone)
    return found


def loop(
    model: Loaded, ids: Sequence[str], pairs: Sequence[Pair], copies: int, together: bool
) -> Losses:
    """One row at a time, its copies together in one batch or each for itself."""
    found: Losses = {}
    every = list(range(copies + 1))
    for row, pair in enumerate(pairs):
        for batch in [every] if together else [[copy] for copy in every]:
            noise = _noise(model.model, ids[row], pair, batch)
            given = _plain(model.model, [*pair.prompt, *pair.response], noise)
            given = given[:, len(pair.prompt) - 1 :]
            alone = _plain(model.model, [*pair.response], noise[:, len(pair.prompt) :])
            for i, copy in enumerate(batch):
                found[row, copy] = (given[i], alone[i])
    return found


def _noise(model: Any, name: str, pair: Pair, copies: list[int]) -> torch.Tensor:
    width = model.get_input_embeddings().weight.shape[1]
    scale = noise_scale(ALPHA, len(pair), width)
    keys = noise_keys(SEED, [name] * len(copies), np.array(copies)).tolist()
    noises = [Noise(key, scale) if copy else None for key, copy in zip(keys, copies, strict=True)]
    return noise_of(noises, len(pair), width, model.device)


def _plain(model: Any, tokens: list[int], noise: torch.Tensor) -> NDArray[np.float32]:
    """Losses of all tokens but the first, with all logits: shape (copies, tokens - 1)."""
    ids = torch.tensor([tokens], device=model.device)
    with torch.inference_mode():
        embeddings = (model.get_input_embeddings()(ids) + noise).to(model.dtype)
        logits = model(inputs_embeds=embeddings).logits[:, :-1].float()
        targets = ids[0, 1:].repeat(len(noise))
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets, reduction="none")
    return losses.view(len(noise), -1).cpu().numpy()


def largest_difference(found: Losses, expected: Losses) -> float:
    if found.keys() != expected.keys():
        raise AssertionError("The two sides scored other rows or copies.")
    pairs = [(found[job], expected[job]) for job in expected]
    arrays = [(a, b) for one, other in pairs for a, b in zip(one, other, strict=True) if len(b)]
    return max(float(np.abs(a - b).max()) for a, b in arrays)


def sample(model: Loaded) -> list[tuple[list[str], list[Pair]]]:
    """Rows of each bucket, drawn with a fixed seed."""
    rows = pq.read_table(SAMPLE).to_pylist()
    pairs = [tokenise(model.tokenizer, row["messages"], EDGES[-1]) for row in rows]
    lengths = np.array([len(pair) for pair in pairs])
    rng = np.random.default_rng(SEED)
    buckets: list[tuple[list[str], list[Pair]]] = []
    for low, high in pairwise(EDGES):
        inside = np.flatnonzero((lengths > low) & (lengths <= high))
        taken = rng.choice(inside, PER_BUCKET, replace=False).tolist()
        buckets.append(([rows[i]["id"] for i in taken], [pairs[i] for i in taken]))
    return buckets


def on_cpu(folder: Path) -> list[str]:
    model = CausalModel(folder, dtype="float32", device="cpu").load()
    buckets = sample(model)
    names = ("ours", "row by row", "copy by copy", "row by row, packed")
    total = dict.fromkeys(names, 0.0)
    heads = f"  {'tokens':>9}{'rows':>6}{'mean':>6}{'answer':>8}"
    lines = [heads + "".join(f"{name:>20}" for name in names)]
    worst, least = 0.0, np.inf
    ours(model, *_first(buckets[0]), COPIES)  # warm-up
    for (ids, pairs), (low, high) in zip(buckets, pairwise(EDGES), strict=True):
        seconds, differences = _bucket(model, ids, pairs)
        worst = max(worst, differences)
        least = min(least, seconds["row by row"] / seconds["ours"])
        lengths = np.mean([len(p) for p in pairs]), np.mean([len(p.response) for p in pairs])
        line = f"  {f'{low + 1}-{high}':>9}{len(ids):>6}{lengths[0]:>6.0f}{lengths[1]:>8.0f}"
        for name in names:
            total[name] += seconds[name]
            rate = f"{len(ids) / seconds[name]:.3f} ({seconds[name] / seconds['ours']:.2f})"
            line += f"{rate:>20}"
        lines.append(line)
        print(line, flush=True)
    count = sum(len(ids) for ids, _ in buckets)
    rates = [f"{count / total[n]:.3f} ({total[n] / total['ours']:.2f})" for n in names]
    lines.append(f"  {'all':>9}{count:>6}{'':>14}" + "".join(f"{rate:>20}" for rate in rates))
    ratio = total["row by row"] / total["ours"]
    return [
        f"T-SHIRT's token losses, SmolLM2-135M in float32, {COPIES} noisy copies, CPU",
        f"  rows per CPU second (in brackets: times our time), one thread, the least of {ROUNDS} "
        "interleaved rounds",
        *lines,
        f"  {ratio:.2f} times the rows per second of the row-by-row loop; least of a bucket: "
        f"{least:.2f}; goal: 1.2, and no bucket slower",
        f"  largest difference of a token's loss to any loop: {worst:.1e} (goal: 1e-4)",
        _memory(folder),
    ]


def _first(bucket: tuple[list[str], list[Pair]]) -> tuple[list[str], list[Pair]]:
    return bucket[0][:2], bucket[1][:2]


def _bucket(model: Loaded, ids: list[str], pairs: list[Pair]) -> tuple[dict[str, float], float]:
    """Least CPU seconds of each side, and the largest difference of a loss."""

    def packed() -> Losses:
        with packed_linears(model.model):
            return loop(model, ids, pairs, COPIES, True)

    sides: dict[str, Callable[[], Losses]] = {
        "ours": lambda: ours(model, ids, pairs, COPIES),
        "row by row": lambda: loop(model, ids, pairs, COPIES, True),
        "copy by copy": lambda: loop(model, ids, pairs, COPIES, False),
        "row by row, packed": packed,
    }
    seconds = dict.fromkeys(sides, np.inf)
    results: dict[str, Losses] = {}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            spent, results[name] = cpu_seconds(side)
            seconds[name] = min(seconds[name], spent)
    mine = results.pop("ours")
    return seconds, max(largest_difference(mine, other) for other in results.values())


def _memory(folder: Path) -> str:
    """Peak memory of scoring N rows and 8 N rows of the same lengths, a process each."""
    peaks: list[float] = []
    for times in (1, 8):
        command = [sys.executable, "-m", "benchmarks.t_shirt", "--model", str(folder)]
        child = subprocess.run(
            [*command, "--peak", str(times)], check=True, capture_output=True, text=True
        )
        peaks.append(float(child.stdout.split()[-1]))
    return (
        f"  peak memory of a process that scores 16 rows, and 128: {peaks[0]:.0f} and "
        f"{peaks[1]:.0f} MiB (model, its packed copy and libraries included)"
    )


def peak(folder: Path, times: int) -> None:
    model = CausalModel(folder, dtype="float32", device="cpu").load()
    ids, pairs = sample(model)[0]
    pairs = pairs * 2 * times
    names = [f"{name}-{i}" for i, name in enumerate(ids * 2 * times)]
    for _ in token_losses(model, names, pairs, copies=COPIES, shard_rows=8):
        pass
    print_peak()


class _NoStart:
    """Stands for GPT-2's tokenizer, which puts no token before a text."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return list(text.encode())


def gpt2(device: str, layers: int) -> Loaded:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(SEED)
    model = GPT2LMHeadModel(GPT2Config(n_layer=layers)).eval()
    return Loaded(model.to(device, torch.bfloat16), _NoStart())


def synthetic(rows: int) -> tuple[list[str], list[Pair]]:
    """Prompts of about 60 and responses of about 150 tokens, log-normal, up to 1,024 together."""
    rng = np.random.default_rng(SEED)
    prompts = np.clip(rng.lognormal(np.log(60) - 0.125, 0.5, rows), 8, 300).astype(int)
    responses = np.clip(rng.lognormal(np.log(150) - 0.32, 0.8, rows), 2, 700).astype(int)
    pairs = [
        Pair(rng.integers(0, 50_257, p), rng.integers(0, 50_257, r))
        for p, r in zip(prompts.tolist(), responses.tolist(), strict=True)
    ]
    return [f"row-{i}" for i in range(rows)], pairs


def on_gpu(device: str, rows: int, peer_rows: int, layers: int) -> list[str]:
    model = gpt2(device, layers)
    ids, pairs = synthetic(rows)
    size = sum(p.numel() for p in model.model.parameters()) / 1e6
    lines = [
        f"T-SHIRT's token losses, GPT-2's shape ({size:.0f}M), random weights, bfloat16, {device}",
        f"  {rows} synthetic rows, prompts of {np.mean([len(p.prompt) for p in pairs]):.0f} and "
        f"responses of {np.mean([len(p.response) for p in pairs]):.0f} tokens on average",
    ]
    for copies in (5, 30):
        few = max(peer_rows * 6 // (copies + 1), 1)
        # the same rows for both sides, so that they are as long
        ours(model, ids[:few], pairs[:few], copies)
        rate = rows / _wall(lambda copies=copies: ours(model, ids, pairs, copies))
        loop(model, ids[:2], pairs[:2], copies, True)
        slow = few / _wall(
            lambda copies=copies, few=few: loop(model, ids[:few], pairs[:few], copies, True)
        )
        lines.append(
            f"  {copies} copies: {rate:.1f} rows per second, {GPU_POOL:,} rows in "
            f"{GPU_POOL / rate:.0f} s (goal with 5: 60); row-by-row loop over {few} rows: "
            f"{slow:.2f} rows per second, {rate / slow:.1f} times (goal: 5)"
        )
    name = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    return [*lines, f"  device: {name}"]


def _wall(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=None, help="SmolLM2's converted folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shape", choices=("smollm2", "gpt2"), default=None)
    parser.add_argument("--rows", type=int, default=GPU_ROWS, help="of GPT-2's shape")
    parser.add_argument("--peer-rows", type=int, default=GPU_PEER_ROWS)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--peak", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    if asked.peak:
        peak(asked.model, asked.peak)
        return
    if asked.shape == "gpt2" or (asked.shape is None and asked.device != "cpu"):
        lines = on_gpu(asked.device, asked.rows, asked.peer_rows, asked.layers)
        stem = "t_shirt_cuda" if asked.device.startswith("cuda") else "t_shirt_gpt2_cpu"
    else:
        with tempfile.TemporaryDirectory() if asked.model is None else nullcontext() as made:
            lines = on_cpu(asked.model or convert_default(Path(str(made)) / "model"))
        stem = "t_shirt_cpu"
    versions = ", ".join(f"{p} {version(p)}" for p in ("torch", "transformers", "numpy"))
    lines += [
        f"  machine: {platform.machine()}, {os.cpu_count()} cores, {_processor()}",
        f"  versions: python {platform.python_version()}, {versions}",
        f"  command: python -m benchmarks.t_shirt {' '.join(sys.argv[1:])}".rstrip(),
        f"  date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    text = "\n".join(lines) + "\n"
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{stem}.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
