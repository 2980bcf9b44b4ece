"""How often the champion's alias moves falsely, and after deletions rightly, in simulated worlds.

Run ``python -m benchmarks.gate``. All models are equally good; the challenger is the best of so
many on the validation rows that choose. Simulated worlds, and no data.
"""

from __future__ import annotations

import argparse
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sluice.evaluation.bootstrap import paired_difference
from sluice.evaluation.evaluate import chosen_by_and_judged_by

ROOT = Path(__file__).resolve().parent.parent
RESAMPLES, MARGIN = 2000, 0.01


def moves(rows: int, candidates: int, worlds: int, seed: int) -> tuple[float, float, float]:
    """Return shares of worlds: moved as before, moved now, and moved after a deletion."""
    rng = np.random.default_rng([seed, rows, candidates])
    chooses, judges = chosen_by_and_judged_by([f"row {i}" for i in range(rows)])
    confidence = 0.95 if not judges.all() else 1 - 0.05 / candidates
    before = now = deleted = 0
    for number in range(worlds):
        difficulty = rng.normal(1, 2, rows)
        right = difficulty + rng.logistic(size=(candidates + 1, rows)) > 0
        champion, others = right[0], right[1:]
        whole = others[others.mean(axis=1).argmax()]
        options = {"resamples": RESAMPLES, "seed": number}
        before += paired_difference(whole, champion, **options).low > 0
        chosen = others[others[:, chooses].mean(axis=1).argmax()]
        gain = paired_difference(chosen[judges], champion[judges], confidence=confidence, **options)
        now += gain.low > 0
        deleted += gain.high >= -MARGIN
    return before / worlds, now / worlds, deleted / worlds


def main() -> None:
    """Simulate and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    lines = [
        "# The champion's gate, in simulated worlds",
        "",
        f"`python -m benchmarks.gate --worlds {asked.worlds} --seed {asked.seed}`, "
        f"{datetime.now(UTC):%Y-%m-%d}, python {platform.python_version()}, "
        f"numpy {version('numpy')}. All models are equally good, so every move is false; after a "
        "deletion a move is right.",
        "",
        "| validation rows | best of | moves, judged by all rows | moves now | after a deletion |",
        "|---|---|---|---|---|",
    ]
    for rows in (60, 300, 1400):
        for candidates in (1, 6, 40):
            found = moves(rows, candidates, asked.worlds, asked.seed)
            cells = " | ".join(f"{share:.3f}" for share in found)
            lines.append(f"| {rows:,} | {candidates} | {cells} |")
    text = "\n".join([*lines, ""])
    path = ROOT / "benchmarks" / "results" / "calibration" / "gate.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
