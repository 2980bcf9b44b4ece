"""MIG, 50,000 of 939,000 rows over 4,531 labels: the size of the paper's Tulu pool.

Synthetic: three tags a row, tags drawn by Zipf's law, quality uniform, labels in clusters so that
each has about five neighbours from the threshold upwards. Timed is what `mig` does after its
arrays are in memory: checks, label graph, propagation, and all picks with their reasons. The
first 100 picks are compared with those of measuring every row at every step.

``python -m benchmarks.mig`` from the root of the repository.
"""

from __future__ import annotations

from benchmarks.side_by_side import arguments, cpu_seconds, peak_memory, print_peak

# isort: split
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks.side_by_side import RESULTS
from sluice.subsets.contract import Selection
from sluice.subsets.information.information_greedy import A, B
from sluice.subsets.information.label_graph import propagation, row_information
from sluice.subsets.information.mig import mig

ROWS, LABELS, TAGS, PICKS, PREFIX, SEED = 939_000, 4_531, 3, 50_000, 100, 0
GROUP = 6
"""Labels of a cluster: each resembles the five others, by 0.9 to 1."""

Data = tuple[csr_array, NDArray[np.float64], csr_array]


def synthetic() -> Data:
    """Rows, their quality and the similarity of the labels."""
    rng = np.random.default_rng(SEED)
    share = 1.0 / np.arange(1, LABELS + 1)
    tags = rng.choice(LABELS, size=(ROWS, TAGS), p=share / share.sum())
    begin = np.arange(0, ROWS * TAGS + 1, TAGS)
    # a tag drawn twice for a row is one tag
    rows = csr_array((np.ones(ROWS * TAGS), tags.ravel(), begin), shape=(ROWS, LABELS))
    group = rng.permutation(LABELS) // GROUP
    a, b = np.nonzero(group[:, None] == group[None, :])
    upper = a < b
    weights = rng.uniform(0.9, 1.0, int(upper.sum()))
    one_way = csr_array((weights, (a[upper], b[upper])), shape=(LABELS, LABELS))
    return rows, rng.uniform(1.0, 36.0, ROWS), one_way + one_way.T


def rescan(data: Data, picks: int) -> list[int]:
    """Measure every row at every step: one sparse product a pick; ties: lower position."""
    rows, quality, similarity = data
    plain = rows.copy()
    plain.sum_duplicates()
    plain.data[:] = 1.0
    information = row_information(plain, quality, propagation(similarity, 0.9, 1.0), False)
    total, kept = np.zeros(LABELS), []
    for _ in range(picks):
        gains = information @ (B * (total + A) ** (B - 1))
        gains[kept] = -np.inf
        kept.append(int(np.argmax(gains)))
        total += information[[kept[-1]]].toarray()[0]
    return kept


def ours(data: Data) -> Selection:
    """Select through the public function."""
    return mig(*data, PICKS)


def main() -> None:
    options = arguments(__doc__ or "")
    data = synthetic()
    if options.peak:
        ours(data)
        return print_peak()
    seconds = []
    for number in range(options.rounds):
        spent, found = cpu_seconds(lambda: ours(data))
        seconds.append(spent)
        print(f"round {number + 1}: {spent:.2f} CPU s", flush=True)
    same = found.ids[:PREFIX].tolist() == rescan(data, PREFIX)
    assert same, "the picks differ from those of a full rescan"
    lines = [
        f"MIG, {PICKS:,} of {ROWS:,} rows over {LABELS:,} labels, synthetic (seed {SEED})",
        f"  CPU seconds of {options.rounds} rounds, one thread: "
        + ", ".join(f"{spent:.2f}" for spent in seconds),
        "  goal: under 30 CPU seconds and 2 GB",
        f"  peak memory of a process (data included): {peak_memory('benchmarks.mig'):.0f} MiB",
        f"  picks equal to a sparse full rescan: the first {PREFIX}, in the same order",
        f"  last gain: {found.gains[-1]:.6f}; rows kept: {len(found.ids):,}",
        f"  data: {TAGS} tags a row by Zipf's law, quality uniform in 1 to 36, clusters of "
        f"{GROUP} labels",
        "  command: python -m benchmarks.mig",
        f"  versions: python {platform.python_version()}, numpy {version('numpy')}, scipy "
        f"{version('scipy')}",
        f"  date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
    text = "\n".join(lines) + "\n"
    (RESULTS / "mig.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
