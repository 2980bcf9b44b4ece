"""BIDS, 43,200 of 288,000 rows for 250 validation rows: 15 % of a pool of UltraInteract's size.

Synthetic: influence as a product of low rank with noise, each column on a scale of its own. Timed
is what `bids` does after the matrix is in memory: checks, z-scores, sorting, and all picks with
their reasons. The first picks are compared with the naive step, which measures every row for
every column at every pick; its time for all picks is extrapolated from those.

``python -m benchmarks.bids`` from the root of the repository.
"""

from __future__ import annotations

from benchmarks.side_by_side import arguments, cpu_seconds, peak_memory, print_peak

# isort: split
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.side_by_side import RESULTS
from sluice.subsets.contract import Selection
from sluice.subsets.information.bids import bids

ROWS, COLUMNS, PICKS, PREFIX, RANK, SEED = 288_000, 250, 43_200, 20, 8, 0


def synthetic() -> NDArray[np.float32]:
    """Influence of each row on each validation row."""
    rng = np.random.default_rng(SEED)
    rows, columns = rng.normal(size=(ROWS, RANK)), rng.normal(size=(RANK, COLUMNS))
    matrix = (rows @ columns).astype(np.float32)
    matrix += rng.normal(size=matrix.shape).astype(np.float32)
    matrix *= rng.uniform(0.01, 10, COLUMNS).astype(np.float32)
    return matrix


def naive(matrix: NDArray[np.float32], picks: int) -> list[int]:
    """Measure every row for every column at every pick; ties: lower position."""
    z = np.asfortranarray(matrix, dtype=np.float64)
    z -= z.mean(axis=0)
    z /= z.std(axis=0)
    total, kept = np.zeros(COLUMNS), []
    for rank in range(picks):
        best = np.full(ROWS, -np.inf)
        for j in range(COLUMNS):
            np.maximum(best, z[:, j] - total[j] / max(rank, 1), out=best)
        best[kept] = -np.inf
        kept.append(int(np.argmax(best)))
        total += z[kept[-1]]
    return kept


def ours(matrix: NDArray[np.float32]) -> Selection:
    """Select through the public function."""
    return bids(matrix, PICKS)


def main() -> None:
    options = arguments(__doc__ or "")
    matrix = synthetic()
    if options.peak:
        ours(matrix)
        return print_peak()
    seconds = []
    for number in range(options.rounds):
        spent, found = cpu_seconds(lambda: ours(matrix))
        seconds.append(spent)
        print(f"round {number + 1}: {spent:.2f} CPU s", flush=True)
    peer, first = cpu_seconds(lambda: naive(matrix, PREFIX))
    one, _ = cpu_seconds(lambda: naive(matrix, 1))
    assert found.ids[:PREFIX].tolist() == first, "the picks differ from those of the naive step"
    step = (peer - one) / (PREFIX - 1)
    whole = one + step * (PICKS - 1)
    lines = [
        f"BIDS, {PICKS:,} of {ROWS:,} rows for {COLUMNS} validation rows, synthetic (seed {SEED})",
        f"  CPU seconds of {options.rounds} rounds, one thread: "
        + ", ".join(f"{spent:.2f}" for spent in seconds),
        "  goal: under 6 CPU seconds after the matrix is in memory",
        f"  peak memory of a process (data included): {peak_memory('benchmarks.bids'):.0f} MiB, "
        f"of which the matrix {matrix.nbytes / 2**20:.0f} MiB",
        f"  picks equal to the naive step: the first {PREFIX}, in the same order",
        f"  the naive step: {step:.3f} CPU s a pick, so {whole:,.0f} CPU s for all (extrapolated), "
        f"{whole / median(seconds):,.0f} times ours",
        "  command: python -m benchmarks.bids",
        f"  versions: python {platform.python_version()}, numpy {version('numpy')}",
        f"  date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    text = "\n".join(lines) + "\n"
    (RESULTS / "bids.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
