"""Table of the tagged-word benchmark: F of summed counts, resampled over tweets and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from sluice.reports.contents import RANDOM, CurvePoint, Interval
from sluice.reports.curves import learning_curve

RESAMPLES = 2000


def f_of(sums: np.ndarray, beta: float) -> np.ndarray:
    """F-beta of counts right, predicted and true in the last axis; 0 where nothing is right."""
    right, said, true = np.moveaxis(sums, -1, 0)
    # (1 + b^2) P R / (b^2 P + R) with P = right / said and R = right / true
    return (1 + beta**2) * right / np.maximum(beta**2 * true + said, 1)


def resampled(counts: np.ndarray, beta: float) -> tuple[float, np.ndarray]:
    """Mean F over seeds, and that of resampled tweets and seeds: the same ones for every method.

    Parameters
    ----------
    counts : ndarray, shape (seeds, tweets, 3)
    """
    rng = np.random.default_rng(0)
    seeds, tweets, _ = counts.shape
    drawn = rng.multinomial(tweets, np.full(tweets, 1 / tweets), RESAMPLES)
    picked = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    per_seed = f_of(np.einsum("rt,stc->rsc", drawn, counts), beta)
    return float(f_of(counts.sum(axis=1), beta).mean()), (per_seed * picked).sum(axis=1)


def bounds(values: np.ndarray) -> str:
    low, high = np.quantile(values, [0.025, 0.975])
    return f"[{low:.3f}, {high:.3f}]"


def grouped(cells: list[dict[str, Any]]) -> dict[tuple[float, str], list[dict[str, Any]]]:
    """Cells of each share and method, by seed."""
    found: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for cell in sorted(cells, key=lambda cell: cell["seed"]):
        found.setdefault((cell["share"], cell["method"]), []).append(cell)
    return found


def counts_of(cells: list[dict[str, Any]], kind: str) -> np.ndarray:
    return np.array([cell[kind] for cell in cells], dtype=np.float64)


def curve(cells: list[dict[str, Any]], kind: str, beta: float, metric: str) -> bytes:
    """Draw the means and intervals of `table` over the shares."""
    points, whole = [], None
    for (share, method), mine in grouped(cells).items():
        mean, values = resampled(counts_of(mine, kind), beta)
        low, high = np.quantile(values, [0.025, 0.975])
        shown = Interval(mean, float(low), float(high))
        if method == "all_rows":
            whole = shown
        else:
            points.append(CurvePoint(RANDOM if method == "random" else method, share, shown))
    return learning_curve(points, whole, metric=metric, control="random")


def table(
    cells: list[dict[str, Any]],
    kind: str,
    beta: float,
    shares: tuple[float, ...],
    methods: tuple[str, ...],
) -> list[str]:
    """One row a share and method: mean over seeds, interval, differences from both controls."""
    lines = [
        "| share | method | seeds | rows | spans kept | mean | 95 % interval | minus random | "
        "minus random_spans_only |",
        "|" + " --- |" * 9,
    ]
    everything = grouped(cells)
    for share in (*shares, 1.0):
        found = {method: mine for (at, method), mine in everything.items() if at == share}
        draws = {m: resampled(counts_of(mine, kind), beta) for m, mine in found.items()}
        for method in ("all_rows", *methods):
            if method not in found:
                continue
            mean, values = draws[method]
            less = [
                f"{mean - draws[base][0]:+.3f} {bounds(values - draws[base][1])}"
                if base in found and method != base and len(found[base]) == len(found[method])
                else ""
                for base in ("random", "random_spans_only")
            ]
            kept = np.mean([cell["spans_kept"] for cell in found[method]])
            lines.append(
                f"| {share:.1%} | {method} | {len(found[method])} | {found[method][0]['rows']} | "
                f"{kept:.0f} | {mean:.3f} | {bounds(values)} | {less[0]} | {less[1]} |"
            )
    return lines
