"""Every suite of `sluice.testing` on what the example package adds; run where it is installed."""

import json
import sys
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import yaml
from sluice_example.longest_texts import SELECTOR
from sluice_example.note_files import READER
from sluice_example.shortest import CHOOSER
from sluice_example.two_arms import SEARCH
from sluice_example.word_counts import WordCounts

from sluice.data.config import load_config
from sluice.evaluation.learner import Examples, Given
from sluice.scores.registry import SCORES
from sluice.testing import (
    check_chooser,
    check_learner,
    check_reader,
    check_search,
    check_selector,
    check_task,
)


def notes(count: int) -> list[dict[str, str]]:
    """Draw notes of two kinds, which their words tell apart more often than not."""
    draw = Random(0)
    words = ["meeting", "budget", "report", "deadline", "garden", "dinner", "laundry", "cat"]
    made: list[dict[str, str]] = []
    for number in range(count):
        kind = number % 2
        weights = [1, 1, 2, 2, 3, 3, 4, 4][:: 1 if kind else -1]
        said = " ".join(draw.choices(words, weights, k=3 + number % 5))
        made.append({"body": f"Note {number}: {said}", "kind": ("work", "home")[kind]})
    return made


def write_notes(path: Path, table: pa.Table) -> None:
    rows = table.to_pylist()
    blocks = ("\n".join(f"{k}: {json.dumps(v)}" for k, v in row.items()) for row in rows)
    path.write_text("\n\n".join(blocks), "utf-8")


def write_dataset(folder: Path) -> None:
    folder.mkdir(parents=True)
    write_notes(folder / "all.note", pa.Table.from_pylist(notes(120)))
    config = {"task": "notes", "files": ["all.note"], "budgets": [0.2], "chosen_budget": 0.2}
    (folder / "dataset.yaml").write_text(yaml.safe_dump({**config, "seeds": [0], "plots": False}))


def main() -> None:
    folder = Path(sys.argv[1]) / "datasets" / "mine"
    write_dataset(folder)
    check_selector(SELECTOR)
    check_chooser(CHOOSER)
    check_search(SEARCH)
    check_reader(READER, write_notes)
    check_task(folder)
    made, names = notes(24), ("home", "work")

    def examples(at: range) -> Examples:
        labels = np.array([names.index(made[i]["kind"]) for i in at])
        return Examples([f"{i:02d}" for i in at], [made[i]["body"] for i in at], labels, names)

    held_out = {"validation": examples(range(16, 20)), "test": examples(range(20, 24))}
    check_learner(WordCounts(Given(load_config(folder))), examples(range(16)), held_out)
    assert "confidence" in SCORES


if __name__ == "__main__":
    main()
