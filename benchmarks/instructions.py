"""What each method's subset of the shipped instructions trains: SmolLM2-135M with LoRA, 10 %.

Carries the shipped sample through the lineage and its evaluations in a folder of its own, as
`sluice run evals_instructions --evaluate` does, and writes the table. Stopped, it goes on where
it was. Seeds: three for every method at first; then five for random and for the three methods
that are best on validation (a method without randomness has one subset, and a training a seed).

``python -m benchmarks.instructions FOLDER`` from the root of the repository; about two CPU hours.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

NAME = "evals_instructions"
RESULTS = Path(__file__).parent / "results"
SELECTORS = ["mig", "t_shirt", "dac", "bids", "longest", "ifd_top", "k_center"]
FIRST, MORE, BEST = [0, 1, 2], [0, 1, 2, 3, 4], 3


def write_config(folder: Path, selectors: list[str], seeds: list[int]) -> None:
    """Write the dataset's settings beside its file."""
    target = folder / "datasets" / NAME
    if not target.exists():
        shutil.copytree(Path("datasets") / NAME, target)
    config = yaml.safe_load((Path("datasets") / NAME / "dataset.yaml").read_text())
    config |= {"budgets": [0.1], "chosen_budget": 0.1, "seeds": seeds, "selectors": selectors}
    (target / "dataset.yaml").write_text(yaml.safe_dump(config))


def run(folder: Path) -> None:
    """Carry the dataset through its lineage and its evaluations."""
    subprocess.run(
        [sys.executable, "-m", "sluice.cli", "run", NAME, "--evaluate"], env=os.environ, check=True
    )


def comparison() -> dict[str, Any]:
    """Return what the newest comparison says."""
    from resources.lake import Lake
    from resources.store import records

    return records.latest(Lake(), NAME)["instructions/evaluations/comparison"].details


def best_on_validation() -> list[str]:
    """Return the methods with the least mean validation loss, random aside."""
    from resources.lake import Lake

    found = Lake().read(
        "SELECT method, avg(validation_loss) AS loss FROM language_evaluations WHERE dataset = ? "
        "AND method NOT IN ('random_stratified', 'all_rows') AND seed < 3 AND budget = '10%' "
        "GROUP BY method ORDER BY loss, method",
        [NAME],
    )
    return found["method"].to_pylist()[:BEST]


def table(said: dict[str, Any]) -> list[str]:
    """Write a comparison as a Markdown table."""
    lines = ["| " + " | ".join(said["columns"]) + " |", "|" + " --- |" * len(said["columns"])]
    lines += ["| " + " | ".join(row) + " |" for row in said["rows"]]
    return [*lines, "", *(f"- {sentence}" for sentence in said["sentences"])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the runs are kept")
    folder = parser.parse_args().folder.resolve()
    os.environ |= {
        "SLUICE_HOME": str(folder / "home"),
        "SLUICE_DATASETS": str(folder / "datasets"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }
    (folder / "dagster").mkdir(parents=True, exist_ok=True)
    shutil.copy("dagster.yaml", folder / "dagster")
    write_config(folder, SELECTORS, FIRST)
    run(folder)
    first = comparison()
    best = best_on_validation()
    write_config(folder, best, MORE)
    run(folder)
    more = comparison()
    text = [
        "# Instructions: what 10 % of the shipped sample trains",
        "",
        f"{NAME}: 810 training rows of 61 families, 97 validation and 100 test rows measured. "
        "SmolLM2-135M-Instruct (Q4_1 weights as float32) with LoRA of rank 8 on all linear layers, "
        "one epoch, learning rate 2e-4, batches of 16. Loss in nats "
        "a response token, lower being better; brackets are 95 % intervals by a bootstrap over "
        "rows and seeds, paired where two are compared. Exact answers: where the reference has at "
        "most five words. Validation chose, test is reported. A small sample and a small model on "
        "a CPU: it says nothing about larger ones.",
        "",
        "## All methods, three seeds",
        "",
        *table(first),
        "",
        f"## Random and the three best on validation ({', '.join(best)}), five seeds",
        "",
        *table(more),
        "",
        f"Hardware: CPU, {os.cpu_count()} cores, {platform.machine()}. Command: python -m "
        f"benchmarks.instructions FOLDER. Versions: python {platform.python_version()}, torch "
        f"{version('torch')}, transformers {version('transformers')}, peft {version('peft')}. "
        f"Date: {datetime.now(UTC):%Y-%m-%d}.",
    ]
    (RESULTS / "instructions.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
