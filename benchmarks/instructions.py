"""What each method's subset of the shipped instructions trains: SmolLM2-135M with LoRA, 10 %.

Each trained model is a line of ``results/instructions/cells.jsonl``, and the rows that each method
keeps stand in ``subsets.json`` beside it, so a stopped run goes on where it was, on another machine
too; a model is trained again where its rows, the held-out rows or the settings have changed. Seeds:
three for every method and for all rows; then five for random and for the three methods that are
best on validation (a method without randomness has one subset, and a training a seed).

``python -m benchmarks.instructions FOLDER --subsets [METHOD ...]`` carries the sample through its
lineage in a folder of its own, up to the subsets; ``python -m benchmarks.instructions FOLDER``
trains and writes the table. Several processes can share the models (``--only METHOD ...``). From
the root of the repository; three to six CPU hours in float32, two in bfloat16.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from assets.lineage.inputs import Rows
from assets.stages.comparison import Table, tabulate
from assets.stages.evaluations import evaluation_ids, examples_of
from resources.compute import Compute
from resources.lake import Lake
from resources.language_models import LanguageModels
from resources.store.evaluations import HEADER, Evaluated, of_before
from sluice.core.budgets import budget_label
from sluice.core.digests import order_free_digest
from sluice.core.progress import track
from sluice.data.config import DatasetConfig, load_config
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw
from sluice.evaluation.comparison import ALL_ROWS, findings
from sluice.evaluation.evaluate import ALL_ROWS_SEEDS, Job, evaluate, held_out_positions
from sluice.evaluation.learner import Given
from sluice.reports.narrative import difference, interval
from sluice.tasks.instructions.learner import InstructionsLearner

NAME = "evals_instructions"
SHIPPED = Path("datasets") / NAME
RESULTS = Path(__file__).parent / "results" / "instructions"
CELLS, SUBSETS = RESULTS / "cells.jsonl", RESULTS / "subsets.json"
RANDOM = "random_stratified"
SELECTORS = ["mig", "t_shirt", "dac", "bids", "longest", "ifd_top", "k_center"]
METHODS = [RANDOM, *SELECTORS, ALL_ROWS]
BUDGET = 0.1
FIRST, MORE, BEST = range(3), range(5), 3
Subsets = dict[str, dict[str, list[str]]]


def make_subsets(folder: Path, methods: list[str]) -> None:
    """Carry the sample through its lineage and note which rows each method keeps."""
    os.environ |= {
        "SLUICE_HOME": str(folder / "home"),
        "SLUICE_DATASETS": str(folder / "datasets"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }
    target = folder / "datasets" / NAME
    shutil.copytree(SHIPPED, target, dirs_exist_ok=True)
    config = yaml.safe_load((SHIPPED / "dataset.yaml").read_text())
    config |= {"budgets": [BUDGET], "chosen_budget": BUDGET, "seeds": list(MORE)}
    (target / "dataset.yaml").write_text(yaml.safe_dump({**config, "selectors": methods}))
    subprocess.run([sys.executable, "-m", "sluice.cli", "run", NAME], check=True)
    write_subsets(read_lake([RANDOM, *methods]))


def read_lake(methods: list[str]) -> Subsets:
    """Read the rows that methods keep, by method and seed."""
    from resources.store import records, selections

    lake, found = Lake(), {}
    known = records.latest(lake, NAME)
    for method in methods:
        for entry in known[f"instructions/subsets/{method}"].details["selections"]:
            ids = selections.rows(lake, entry["selection_id"])["instance_id"].to_pylist()
            found.setdefault(method, {})[str(entry["seed"])] = ids
    return found


def write_subsets(fresh: Subsets) -> None:
    """Put the rows of some methods beside those that are known."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(name)}: {json.dumps(kept)}" for name, kept in (known() | fresh).items())
    SUBSETS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def known() -> Subsets:
    """Return the rows of every method that was run."""
    return json.loads(SUBSETS.read_text()) if SUBSETS.exists() else {}


def rows_of(config: DatasetConfig) -> Rows:
    """Return the shipped rows as the lineage has them."""
    table = prepare(read_raw(SHIPPED, config), config).instances.sort_by("instance_id").to_pydict()
    names, codes = np.unique(np.array(table["label"], dtype=str), return_inverse=True)
    return Rows(
        ids=table["instance_id"],
        content_hashes=table["content_hash"],
        text_hashes=table["text_hash"],
        texts=table["text"],
        labels=codes.astype(np.int64),
        splits=table["split"],
        class_names=tuple(names.tolist()),
    )


class Bench:
    """The sample, the learner, and which models there are and are to be."""

    def __init__(self) -> None:
        self.config = load_config(SHIPPED)
        self.present = rows_of(self.config)
        self.train = self.present.of("train")
        models, compute = LanguageModels(), Compute()
        given = Given(
            self.config,
            device=compute.resolve,
            language_model=lambda settings: models.of(settings, compute),
        )
        self.learner = InstructionsLearner(given)
        self.held = held_out_positions(self.learner, self.present.ids, self.present.splits)
        self.subsets = known() | {ALL_ROWS: {"0": self.train.ids}}

    def cells(self, method: str, seeds: range) -> Iterator[tuple[str, Job, list[str]]]:
        """Yield key, job and rows of each model of a method, where its rows are known."""
        kept = self.subsets.get(method, {})
        contents = dict(zip(self.train.ids, self.train.content_hashes, strict=True))
        label = "all" if method == ALL_ROWS else budget_label(BUDGET)
        most = ALL_ROWS_SEEDS if method == ALL_ROWS else len(seeds)
        for seed in seeds[:most] if kept else ():
            ids = kept[str(seed)] if len(kept) > 1 else next(iter(kept.values()))
            rows_digest = order_free_digest(f"{row} {contents[row]}" for row in ids)
            job = Job(method, label, seed, "", len(ids), rows_digest)
            (key,) = evaluation_ids(self.learner, [], [job], self.present, self.held)
            yield key, job, ids

    def measured(self, method: str, seeds: range) -> list[Evaluated]:
        """Return the models of a method that there are."""
        done, labels = read_cells(), {s: self.present.labels[at] for s, at in self.held.items()}
        return [
            evaluated(done[key], labels) for key, _, _ in self.cells(method, seeds) if key in done
        ]

    def complete(self, method: str, seeds: range) -> bool:
        """Whether every model of a method is there."""
        wanted = ALL_ROWS_SEEDS if method == ALL_ROWS else len(seeds)
        return len(self.measured(method, seeds)) == wanted

    def best(self) -> list[str]:
        """Return the methods with the least mean validation loss over the first seeds."""
        loss = self.learner.metric()
        losses = {
            name: np.mean(
                [loss.value(m.outcomes["validation"]["loss"]) for m in self.measured(name, FIRST)]
            )
            for name in SELECTORS
        }
        return sorted(losses, key=lambda name: losses[name])[:BEST]

    def run(self, methods: list[str], seeds: range) -> None:
        """Train and measure what is not there, a seed after the other; all rows last."""
        wanted = [cell for method in methods for cell in self.cells(method, seeds)]
        for key, job, ids in sorted(wanted, key=lambda c: (c[1].method == ALL_ROWS, c[1].seed)):
            if key not in read_cells():
                append(self.measure(key, job, ids))

    def measure(self, key: str, job: Job, ids: list[str]) -> dict[str, Any]:
        """Train one model, measure it, and return its line."""
        place = {row: i for i, row in enumerate(self.train.ids)}
        rows = examples_of(self.train).at([place[row] for row in ids])
        held = {split: examples_of(self.present.at(at)) for split, at in self.held.items()}
        with track(f"{job.method}, seed {job.seed}", len(ids)) as advance:
            made = evaluate(self.learner, rows, [], held, job.seed, advance)
        head = {name: getattr(job, name) for name in HEADER if hasattr(job, name)}
        head |= {"evaluation_id": key, "dataset": NAME, "learner": self.learner.trained}
        outcomes = {
            split: {kind: values.round(6).tolist() for kind, values in kinds.items()}
            for split, kinds in made.outcomes.items()
        }
        return {**head, "seconds": made.seconds, "outcomes": outcomes}


def evaluated(cell: dict[str, Any], labels: dict[str, np.ndarray]) -> Evaluated:
    """Return a line as a model; one of before has columns in place of outcomes."""
    if "outcomes" not in cell:
        outcomes = of_before("language_evaluations", cell, labels)
    else:
        outcomes = {
            split: {kind: np.array(values, float) for kind, values in kinds.items()}
            for split, kinds in cell["outcomes"].items()
        }
    return Evaluated(**{name: cell[name] for name in HEADER}, outcomes=outcomes)


def read_cells() -> dict[str, dict[str, Any]]:
    """Return every whole line of the cells by its key."""
    found = {}
    for line in CELLS.read_text().splitlines() if CELLS.exists() else []:
        try:
            cell = json.loads(line)
        except json.JSONDecodeError:
            continue  # half a line of a killed run
        found[cell["evaluation_id"]] = cell
    return found


def append(cell: dict[str, Any]) -> None:
    """Store one model and say what came out."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with CELLS.open("a") as file:
        file.write(json.dumps(cell, separators=(",", ":")) + "\n")
    print(cell["method"], cell["seed"], f"{cell['seconds']:.0f} s", flush=True)


def table(found: list[Evaluated], config: DatasetConfig) -> list[str]:
    """Compare models in a Markdown table."""
    at = config.model_copy(update={"budgets": [BUDGET], "chosen_budget": BUDGET})
    made: Table = tabulate(found, InstructionsLearner.metrics, at)
    names = ("budget", "selector", "rows", "models", "test loss", "minus random", "minus all rows")
    names = (*names, "loss by family", "exact answers", "beats random")
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in (*made.rows, made.all_rows):
        gaps = map(difference, (row.versus_random, row.versus_all))
        cells = [row.budget_label, row.selector, f"{row.size:,}", str(row.seeds)]
        cells += [interval(row.test), *gaps, *row.also.values()]
        beats = "" if row.beats_random is None else str(row.beats_random).lower()
        lines.append("| " + " | ".join([*cells, beats]) + " |")
    # the sentence of the choice names a selection of the lake; these rows stand in a file
    chosen = next(
        m for m in found if (m.method, m.seed) == (made.choice.selector, made.choice.seed)
    )
    about = {"selector": chosen.method, "budget": chosen.budget, "size": chosen.size}
    rows = len(found[0].outcomes["test"]["loss"])
    sentences = findings(made.verdicts, {**about, "selection_id": "in subsets.json"}, rows)
    return [*lines, "", *(f"- {sentence}" for sentence in sentences), ""]


def report(bench: Bench) -> None:
    """Write what is known: the table of all methods, and that of the best ones with more seeds."""
    whole = [name for name in METHODS if bench.complete(name, FIRST)]
    absent = [name for name in METHODS if name not in whole]
    text = [
        "# Instructions: what 10 % of the shipped sample trains",
        "",
        f"{NAME}: {len(bench.train.ids)} training rows of {len(bench.train.class_names)} families, "
        f"{len(bench.held['validation'])} validation and {len(bench.held['test'])} test rows "
        "measured. SmolLM2-135M-Instruct (Q4_1 weights as float32) with LoRA of rank 8 on all "
        "linear layers, one epoch, learning rate 2e-4, batches of 16. Loss in nats a response "
        "token, lower being better; brackets are 95 % intervals by a bootstrap over rows and "
        "seeds, paired where two are compared. Exact answers: where the reference has at most "
        "five words. Validation chose, test is reported. A small sample and a small model on a "
        "CPU: it says nothing about larger ones.",
        "",
        "## Three seeds",
        "",
        *table([cell for name in whole for cell in bench.measured(name, FIRST)], bench.config),
        *([f"Not measured with all seeds: {', '.join(absent)}.", ""] if absent else []),
    ]
    if not absent:
        best = bench.best()
        more = [RANDOM, *best]
        if all(bench.complete(name, MORE) for name in more):
            found = [cell for name in (*more, ALL_ROWS) for cell in bench.measured(name, MORE)]
            text += [
                f"## Random and the three best on validation ({', '.join(best)}), five seeds",
                "",
                *table(found, bench.config),
            ]
    text.append(
        f"Hardware: CPU, {os.cpu_count()} cores, {platform.machine()}. Command: python -m "
        f"benchmarks.instructions FOLDER. Versions: python {platform.python_version()}, torch "
        f"{version('torch')}, transformers {version('transformers')}, peft {version('peft')}. "
        f"Date: {datetime.now(UTC):%Y-%m-%d}."
    )
    (RESULTS / "table.md").write_text("\n".join(text) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the lineage's runs are kept")
    parser.add_argument("--subsets", nargs="*", choices=SELECTORS, help="select, do not train")
    parser.add_argument("--only", nargs="+", choices=METHODS, default=METHODS)
    chosen = parser.parse_args()
    if chosen.subsets is not None:
        make_subsets(chosen.folder.resolve(), chosen.subsets or SELECTORS)
        return
    bench = Bench()
    bench.run(chosen.only, FIRST)
    if all(bench.complete(name, FIRST) for name in METHODS):
        bench.run([RANDOM, *bench.best()], MORE)
    report(bench)


if __name__ == "__main__":
    main()
