"""How often the intervals of a difference cover what is true, in simulated worlds.

Run ``python -m benchmarks.coverage``. Each world has test rows of their own difficulty, and models
of two methods whose seeds differ; the true difference is that over all rows and seeds. Simulated
worlds, and no data.
"""

from __future__ import annotations

import argparse
import platform
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sluice.evaluation.bootstrap import paired_difference

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ((5, 5), (1, 5), (3, 3))
SPREADS = {"small": 0.05, "medium": 0.15, "large": 0.4}
ROWS = (100, 400, 1600)
RESAMPLES = 400


def world(rows: int, a: int, b: int, spread: float, worlds: int, seed: int) -> dict[str, float]:
    """Simulate differences of two methods that are equally good; return what their intervals do.

    Parameters
    ----------
    rows : int
    a, b : int
        Seeds of either method; one seed means that it has no randomness.
    spread : float
        Standard deviation of a seed's effect, in logits.
    worlds : int
    seed : int
    """
    rng = np.random.default_rng([seed, rows, a, b, int(1000 * spread)])
    low = high = width = 0.0

    def models(count: int, difficulty: np.ndarray) -> np.ndarray:
        effect = rng.normal(0, spread if count > 1 else 0, (count, 1))
        own = rng.normal(0, 0.5, (count, rows))
        chance = 1 / (1 + np.exp(-(difficulty + effect + own)))
        return rng.random((count, rows)) < chance

    for number in range(worlds):
        difficulty = rng.normal(1, 2, rows)
        found = paired_difference(
            models(a, difficulty), models(b, difficulty), resamples=RESAMPLES, seed=number
        )
        low, high = low + (found.low > 0), high + (found.high < 0)
        width += found.high - found.low
    cover = 1 - (low + high) / worlds
    return {"cover": cover, "low": low / worlds, "high": high / worlds, "width": width / worlds}


def main() -> None:
    """Simulate every world and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    worlds = [(n, a, b, name) for n in ROWS for a, b in SEEDS for name in SPREADS]
    with ProcessPoolExecutor() as pool:
        jobs = [
            pool.submit(world, n, a, b, SPREADS[name], asked.worlds, asked.seed)
            for n, a, b, name in worlds
        ]
        found = [job.result() for job in jobs]
    lines = [
        "# Coverage of the intervals of a difference, in simulated worlds",
        "",
        f"`python -m benchmarks.coverage --worlds {asked.worlds} --seed {asked.seed}`, "
        f"{datetime.now(UTC):%Y-%m-%d}, python {platform.python_version()}, "
        f"numpy {version('numpy')}; {asked.worlds} worlds a line, two methods that are equally "
        f"good, intervals of 95 % from {RESAMPLES} resamples.",
        "",
        "| test rows | seeds | spread of seeds | covers | above 0 | below 0 | width |",
        "|---|---|---|---|---|---|---|",
    ]
    for (n, a, b, name), cell in zip(worlds, found, strict=True):
        lines.append(
            f"| {n} | {a} v {b} | {name} ({SPREADS[name]} logits) | {cell['cover']:.3f} | "
            f"{cell['low']:.3f} | {cell['high']:.3f} | {cell['width']:.3f} |"
        )
    least = min(cell["cover"] for cell in found)
    lines += ["", f"Least: {least:.3f}.", ""]
    path = ROOT / "benchmarks" / "results" / "calibration" / "coverage.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
