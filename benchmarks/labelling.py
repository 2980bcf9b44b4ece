"""Learning curves of every query strategy: the labels of shipped texts, hidden and asked for.

Each cell (dataset, strategy, seed) is a line of ``results/labelling/cells.jsonl``; stopped, the
run goes on where it was, and a cell is made again where the strategy's version or the loop has
changed. Rows to ask for are the dataset's training rows; the head is measured on its test rows,
and nothing was tuned on them.

``python -m benchmarks.labelling CACHE [--only NAME ...] [--report]`` from the root of the
repository; CACHE keeps the embeddings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from sluice.data.config import load_config
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw
from sluice.encoders.text import TextEncoder
from sluice.evaluation.labelling_loop import LabellingSet, Loop, labelling_curve
from sluice.heads.word_gradients import expected_word_gradients
from sluice.reports.contents import RANDOM, CurvePoint
from sluice.reports.curves import learning_curve
from sluice.subsets.queries.registry import STRATEGIES

DATASETS = ("vader_reviews", "vader_tweets")
SEEDS = range(5)
LOOP = Loop(start=25, batch=25, rounds=8)
RESULTS = Path(__file__).parent / "results" / "labelling"
CELLS = RESULTS / "cells.jsonl"
# the dear ones last, so that a stopped run has all others
ORDER = sorted(STRATEGIES, key=lambda name: (name in ("expected_error_reduction", "egl_word"),))


@dataclass(frozen=True)
class Interval:
    """A mean and Student's 95 % interval over seeds."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interval(values: list[float]) -> Interval:
    mean, n = float(np.mean(values)), len(values)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    return Interval(mean, mean - half, mean + half)


def load(name: str, cache: Path) -> LabellingSet:
    """The dataset's rows by its own split, embedded once."""
    folder = Path("datasets") / name
    config = load_config(folder)
    rows = prepare(read_raw(folder, config), config).instances.to_pydict()
    encoder = TextEncoder(device="cpu")
    path = cache / f"{name}-{encoder.identity}-{len(rows['text'])}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, encoder.encode(rows["text"]))
    vectors, splits = np.load(path), np.array(rows["split"])
    names, labels = np.unique(rows["label"], return_inverse=True)
    ids, texts = np.array(rows["instance_id"]), rows["text"]
    at = np.flatnonzero(splits == "train")
    at = at[np.argsort(ids[at])]
    held = {"test": (vectors[splits == "test"], labels[splits == "test"])}
    return LabellingSet(
        ids[at],
        vectors[at],
        labels[at],
        len(names),
        held,
        lambda head, few: expected_word_gradients(
            encoder.folder, [texts[i] for i in at[few]], head, device="cpu"
        ),
    )


def key_of(dataset: str, name: str, seed: int) -> dict[str, Any]:
    method = STRATEGIES[name]
    return {
        "dataset": dataset,
        "strategy": name,
        "seed": seed,
        "version": method.version,
        "loop": asdict(LOOP),
    }


def known() -> dict[str, dict[str, Any]]:
    """Every whole line of the cells, by its key."""
    found = {}
    for line in CELLS.read_text().splitlines() if CELLS.exists() else []:
        try:
            cell = json.loads(line)
        except json.JSONDecodeError:
            continue  # half a line of a killed run
        found[json.dumps(cell["key"], sort_keys=True)] = cell
    return found


def run(cache: Path, names: list[str]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    done = known()
    for dataset in reversed(DATASETS):
        given = None
        for name in names:
            for seed in SEEDS:
                key = key_of(dataset, name, seed)
                if json.dumps(key, sort_keys=True) in done:
                    continue
                given = given or load(dataset, cache)
                began = time.process_time()
                curve = labelling_curve(given, name, seed, LOOP)
                cell = {
                    "key": key,
                    "labelled": curve.labelled,
                    "accuracy": curve.accuracy["test"],
                    "area": curve.area("test"),
                    "cpu_seconds": round(time.process_time() - began, 2),
                    "rows": len(given.ids),
                }
                with CELLS.open("a") as file:
                    file.write(json.dumps(cell, separators=(",", ":")) + "\n")
                print(dataset, name, seed, f"{cell['area']:.4f}", cell["cpu_seconds"], flush=True)


def cells_of(dataset: str) -> dict[str, list[dict[str, Any]]]:
    """Cells by strategy and seed, for those that have every seed."""
    done, found = known(), {}
    for name in STRATEGIES:
        keys = [json.dumps(key_of(dataset, name, seed), sort_keys=True) for seed in SEEDS]
        if all(key in done for key in keys):
            found[name] = [done[key] for key in keys]
    return found


def table(dataset: str) -> list[str]:
    found = cells_of(dataset)
    lines = [
        f"## {dataset}",
        "",
        f"{found['random'][0]['rows']:,} rows to ask for.",
        "",
        "| strategy | family | area under the curve | minus random | accuracy at the end | CPU "
        "seconds a query |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    base = np.array([cell["area"] for cell in found["random"]])
    ranked = sorted(found, key=lambda name: -np.mean([cell["area"] for cell in found[name]]))
    for name in ranked:
        areas = [cell["area"] for cell in found[name]]
        apart = "" if name == "random" else str(interval((np.array(areas) - base).tolist()))
        end = interval([cell["accuracy"][-1] for cell in found[name]])
        cost = np.median([cell["cpu_seconds"] for cell in found[name]]) / LOOP.rounds
        family = ", ".join(STRATEGIES[name].family)
        lines.append(f"| {name} | {family} | {interval(areas)} | {apart} | {end} | {cost:.2f} |")
    absent = [name for name in STRATEGIES if name not in found]
    if absent:
        lines += ["", f"Not run (all seeds): {', '.join(absent)}."]
    return [*lines, ""]


def plot(dataset: str) -> None:
    found = cells_of(dataset)
    points = []
    for name, cells in found.items():
        for place, size in enumerate(cells[0]["labelled"]):
            shown = interval([cell["accuracy"][place] for cell in cells])
            label = RANDOM if name == "random" else name
            points.append(CurvePoint(label, size / cells[0]["rows"], shown))
    (RESULTS / f"{dataset}.png").write_bytes(learning_curve(points, rows="rows labelled"))


def report() -> None:
    text = [
        "# Labelling: learning curves of the query strategies",
        "",
        f"From {LOOP.start} random labels by {LOOP.rounds} queries of {LOOP.batch}; the logistic "
        "head on frozen embeddings is trained on all labelled rows after each and measured on the "
        "test rows. Area: mean accuracy over the curve. Brackets: Student's 95 % interval over "
        f"{len(SEEDS)} seeds, which draw the start and the query; differences are paired by seed. "
        "expected_error_reduction looks at 500 candidates and judges by 500 rows a round; egl_word "
        f"looks at {LOOP.candidates} rows a round, because each takes backward passes of the "
        "encoder. bald, egl, egl_layer and adversarial are answered by a small network with "
        "dropout, all others by the head.",
        "",
        *(line for dataset in DATASETS if cells_of(dataset) for line in table(dataset)),
        *(f"![Curves on {name}]({name}.png)" for name in DATASETS if cells_of(name)),
        "",
        f"Hardware: CPU, {os.cpu_count()} cores, {platform.machine()}. Command: python -m "
        f"benchmarks.labelling CACHE. Versions: python {platform.python_version()}, numpy "
        f"{np.__version__}, scikit-learn {version('scikit-learn')}, torch {version('torch')}. "
        f"Date: {datetime.now(UTC):%Y-%m-%d}.",
    ]
    (RESULTS / "curves.md").write_text("\n".join(text) + "\n")
    for dataset in DATASETS:
        if cells_of(dataset):
            plot(dataset)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path, help="where embeddings are kept")
    parser.add_argument("--only", nargs="+", choices=list(STRATEGIES), default=ORDER)
    parser.add_argument("--report", action="store_true", help="write the report alone")
    chosen = parser.parse_args()
    if not chosen.report:
        run(chosen.cache, chosen.only)
    report()


if __name__ == "__main__":
    main()
