"""The picture of README.md: accuracy over the share of rows kept, on four sets.

Run ``python -m benchmarks.teach_picture`` after ``python -m benchmarks.teach CACHE``.
"""

from __future__ import annotations

import json
from pathlib import Path

from sluice.reports.style import LIGHT, mark_of

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "teach"
HEAD = "softmax on embeddings"
SETS = {
    "vader_reviews": "rated review sentences",
    "vader_tweets": "rated tweets",
    "news": "BBC news",
    "digits": "digits (no text)",
}
METHODS = {
    "teach": "teach",
    "k_medoids": "k_medoids",
    "herding": "herding",
    "ccs": "ccs",
    "random": "random_stratified",
}


def main() -> None:
    """Draw it."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
    for axis, (name, title) in zip(axes, SETS.items(), strict=True):
        found = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        cells = found["cells"]
        for method, selector in METHODS.items():
            points = {
                float(key.split("|")[2]): cell["accuracy"]
                for key, cell in cells.items()
                if key.startswith(f"{HEAD}|{method}|")
            }
            mark, shares = mark_of(selector), sorted(points)
            axis.plot(
                [100 * share for share in shares],
                [points[share] for share in shares],
                color=mark.colour,
                marker=mark.marker,
                linestyle=mark.dash,
                linewidth=2.4 if method == "teach" else 1.2,
                label=method,
            )
        axis.axhline(cells[f"{HEAD}|all rows"]["accuracy"], color=LIGHT.muted, linewidth=1)
        axis.set_xscale("log")
        axis.set_xticks([1, 2, 5, 10, 20], ["1 %", "2 %", "5 %", "10 %", "20 %"])
        axis.minorticks_off()
        axis.set_title(f"{title}, {found['train']:,} rows", fontsize=10)
        axis.grid(color=LIGHT.grid)
    axes[0].set_ylabel("test accuracy")
    axes[0].legend(fontsize=8, frameon=False)
    figure.suptitle("Rows kept against accuracy; the line is training on all rows", fontsize=11)
    figure.savefig(ROOT / "docs" / "teach.png", dpi=110)


if __name__ == "__main__":
    main()
