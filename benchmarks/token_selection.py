"""What selected tweets train: MiniLM as a tagger of words, on shares of the WNUT tweets.

Test and validation tweets are held out by a hash of their words; the learning rate and the number
of epochs were chosen on validation with all training rows (``--validate``), and the test rows are
looked at by the other cells alone. Each cell (method, share, seed) is one line of
``FOLDER/cells.jsonl``; stopped, the run goes on where it was. A method without randomness has one
subset a share, and a training a seed.

``make data``, then ``python -m benchmarks.token_selection FOLDER`` from the root of the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.token_table import RESAMPLES, curve, f_of, table
from sluice.core.budgets import parse_budget
from sluice.core.digests import digest, text_hash
from sluice.core.randomness import keyed_uniform
from sluice.data.payloads.bio import checked_bio, features_of, tag_names
from sluice.data.readers.conll import Sentence, read_conll
from sluice.encoders.text import TextEncoder
from sluice.models.token_fine_tune import T_FREX_TRAINING, token_fine_tune
from sluice.models.token_predict import predict_tags
from sluice.models.training import TrainingConfig
from sluice.subsets import cdis_per_feature, t_frex
from sluice.tokens.tag_counts import T_FREX_BETA, span_counts, token_counts

POOL = Path("datasets/wnut_tweets_pool/wnut_tweets_pool.conll")
RESULTS = Path(__file__).parent / "results"
SHARES = (0.125, 0.25, 0.5, 0.75)
SEEDS = (0, 1, 2)
# A share of the rows has as small a share of the steps, as the authors train; or the epochs are so
# many that every subset has about the steps that all rows have, which tells rows from steps.
EQUAL_EPOCHS, EQUAL_STEPS = "epochs", "steps"
FEW_STEPS = (0.125, 0.25)  # the shares that two epochs teach little
TEST, VALIDATION = 0.25, 0.10
# On validation with all training rows, one seed: T-FREX's own settings (2 epochs at 2e-5) find no
# span at all after so few steps of so small a model; 2 epochs at 3e-4 have a span F1 of 0.420 and
# a token F-beta of 0.293, at 5e-4 0.408 and 0.298.
TRAINING = replace(T_FREX_TRAINING, epochs=2, learning_rate=3e-4, freeze_words=True)
# As the authors have it no tweet without a span is kept, so that a large share cannot be filled.
# Random tweets with a span are its control: what is gained by keeping spans is not T-FREX's choice.
METHODS = ("random", "t_frex", "cdis_per_feature", "t_frex_spans_only", "random_spans_only")


@dataclass(frozen=True)
class Parts:
    """Training, validation and test tweets, and what the selectors see of the first."""

    train: list[Sentence]
    validation: list[Sentence]
    test: list[Sentence]
    names: list[str]

    @property
    def ids(self) -> np.ndarray:
        """Ids of the training tweets."""
        return np.array([text_hash(s.text) for s in self.train])

    @property
    def digest(self) -> str:
        """What the cells depend on besides method, share and seed."""
        rows = [json.dumps([s.tokens, s.tags]) for s in (*self.train, *self.test)]
        return digest(TRAINING.version, *rows)[:12]


def read_parts() -> Parts:
    sentences, _ = checked_bio(read_conll(POOL).sentences)
    sentences.sort(key=lambda s: text_hash(s.text))
    drawn = keyed_uniform(0, np.array([text_hash(s.text) for s in sentences]))
    part = np.searchsorted([TEST, TEST + VALIDATION], drawn, side="right")
    test, validation, train = (
        [s for s, p in zip(sentences, part, strict=True) if p == k] for k in range(3)
    )
    return Parts(train, validation, test, tag_names(sentences))


def selected(parts: Parts, method: str, share: float, seed: int, vectors: np.ndarray) -> list[int]:
    """Positions among the training tweets."""
    budget = parse_budget(share, len(parts.train)) if share < 1 else len(parts.train)
    if method in ("random", "all_rows"):
        return np.argsort(keyed_uniform(seed, parts.ids), kind="stable")[:budget].tolist()
    features = [features_of(s, "type") for s in parts.train]
    if method == "random_spans_only":
        with_span = np.flatnonzero([len(found) > 0 for found in features])
        drawn = np.argsort(keyed_uniform(seed, parts.ids[with_span]), kind="stable")
        return with_span[drawn[:budget]].tolist()
    if method == "cdis_per_feature":
        return cdis_per_feature(vectors, features, budget, keep_empty=True).ids.tolist()
    return t_frex(vectors, features, budget, keep_empty=method == "t_frex").ids.tolist()


def trained_on(
    parts: Parts, rows: list[int], training: TrainingConfig, scored: list[Sentence]
) -> dict[str, Any]:
    """Train on some rows; count what is found of the scored tweets, tweet by tweet."""
    began = time.perf_counter()
    chosen = [parts.train[row] for row in sorted(rows)]
    with tempfile.TemporaryDirectory() as folder:
        token_fine_tune(
            [s.tokens for s in chosen],
            [s.tags for s in chosen],
            parts.names,
            training,
            None,
            folder,
            device="cpu",
        )
        found = predict_tags(folder, [s.tokens for s in scored], device="cpu")
    truth = [s.tags for s in scored]
    tokens = np.sum([*token_counts(truth, found.tags).values()], axis=0)
    return {
        "rows": len(rows),
        "spans_kept": sum(tag[0] == "B" for s in chosen for tag in s.tags),
        "words_lost": found.truncated + found.unread,
        "spans": span_counts(truth, found.tags).tolist(),
        "tokens": tokens.tolist(),
        "seconds": round(time.perf_counter() - began, 1),
    }


def wanted() -> Iterator[tuple[str, str, float, int]]:
    """Yield the cells: equal epochs, then equal steps; of each the first seed first."""
    for schedule in (EQUAL_EPOCHS, EQUAL_STEPS):
        for seed in SEEDS:
            if schedule == EQUAL_EPOCHS:  # the two are the same for all rows
                yield schedule, "all_rows", 1.0, seed
            for share in SHARES if schedule == EQUAL_EPOCHS else FEW_STEPS:
                for method in METHODS:
                    yield schedule, method, share, seed


def run(folder: Path, parts: Parts) -> list[dict[str, Any]]:
    """Compute the cells that are missing, and return all."""
    path = folder / "cells.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    cells = [cell for cell in map(json.loads, lines) if cell["of"] == parts.digest]
    done = {(cell["schedule"], cell["method"], cell["share"], cell["seed"]) for cell in cells}
    vectors = TextEncoder(device="cpu").encode([s.text for s in parts.train])
    for schedule, method, share, seed in wanted():
        if (schedule, method, share, seed) in done:
            continue
        rows = selected(parts, method, share, seed, vectors)
        if share < 1 and len(rows) < parse_budget(share, len(parts.train)):
            continue  # not so many rows have a span
        key = {"method": method, "share": share, "seed": seed, "of": parts.digest}
        epochs = TRAINING.epochs if schedule == EQUAL_EPOCHS else round(TRAINING.epochs / share)
        training = replace(TRAINING, epochs=epochs, seed=seed)
        cells.append({"schedule": schedule} | key | trained_on(parts, rows, training, parts.test))
        with path.open("a") as stream:
            stream.write(json.dumps(cells[-1]) + "\n")
        print(
            schedule, method, share, seed, cells[-1]["rows"], cells[-1]["seconds"], "s", flush=True
        )
    return cells


def tables(cells: list[dict[str, Any]], schedule: str, said: str) -> list[str]:
    """Both measures of the cells of one schedule, those of all rows beside them."""
    at = [cell for cell in cells if schedule == cell["schedule"] or cell["method"] == "all_rows"]
    if all(cell["method"] == "all_rows" for cell in at):
        return [f"With {said}: not run.", ""]
    picture = f"token_selection_{schedule}.png"
    (RESULTS / picture).write_bytes(curve(at, "spans", 1.0, "test span F1"))
    return [
        f"## Strict span F1, {said}",
        "",
        f"![Span F1 with {said}]({picture})",
        "",
        *table(at, "spans", 1.0, SHARES, METHODS),
        "",
        f"## Token F-beta, beta = {T_FREX_BETA}, {said}",
        "",
        *table(at, "tokens", T_FREX_BETA, SHARES, METHODS),
        "",
    ]


def report(cells: list[dict[str, Any]], parts: Parts) -> str:
    spans = [
        sum(tag[0] == "B" for s in part for tag in s.tags) for part in (parts.train, parts.test)
    ]
    seconds = sum(cell["seconds"] for cell in cells)
    expected = len(list(wanted()))
    text = [
        "# Tagged words: what selected WNUT tweets train",
        "",
        f"{len(parts.train)} training tweets with {spans[0]} spans of ten types, {len(parts.test)} "
        f"test tweets with {spans[1]}; {len(parts.validation)} validation tweets chose the "
        f"training ({TRAINING.epochs} epochs, learning rate {TRAINING.learning_rate:g}, batches of "
        f"{TRAINING.batch_size}, no warm-up, word vectors frozen, weight decay "
        f"{TRAINING.weight_decay}) with all training rows, and nothing else. all-MiniLM-L6-v2 as "
        "tagger, the last weights scored. "
        "Features are the types of a tweet's spans. t_frex and cdis_per_feature give the tweets "
        "without a span a quota of their own (keep_empty); t_frex_spans_only keeps none of them, "
        "as the authors' code does, and cannot fill the larger shares; random_spans_only is its "
        "control, random ones among tweets with a span. Intervals: percentile "
        f"bootstrap over test tweets and seeds ({RESAMPLES} resamples), paired for differences; "
        "seeds of one subset differ in their training alone. A small data set, a small model: it "
        "says nothing about larger ones.",
        "",
        *tables(cells, EQUAL_EPOCHS, f"the same {TRAINING.epochs} epochs for every subset"),
        *tables(cells, EQUAL_STEPS, "about the steps of all rows for every subset"),
        f"Cells: {len(cells)} (at most {expected}; a share that a method cannot fill has none), "
        f"{seconds / 60:.0f} minutes. Hardware: CPU, {os.cpu_count()} cores of "
        f"{platform.machine()}, one thread, busy with other work. Command: OMP_NUM_THREADS=1 "
        f"python -m benchmarks.token_selection FOLDER. Versions: python "
        f"{platform.python_version()}, torch {version('torch')}, transformers "
        f"{version('transformers')}. Date: "
        f"{datetime.now(UTC):%Y-%m-%d}.",
    ]
    return "\n".join(text) + "\n"


def validate(parts: Parts) -> None:
    """Say what trainings with all training rows reach on validation; the test is not looked at."""
    global TRAINING
    for epochs, rate in ((2, 5e-4), (2, 3e-4), (2, 2e-5)):
        TRAINING = replace(TRAINING, epochs=epochs, learning_rate=rate)
        cell = trained_on(parts, list(range(len(parts.train))), TRAINING, parts.validation)
        spans, tokens = (np.sum(cell[kind], axis=0) for kind in ("spans", "tokens"))
        print(
            f"epochs {epochs}, rate {rate:g}: span F1 {f_of(spans, 1.0):.3f}, token F-beta "
            f"{f_of(tokens, T_FREX_BETA):.3f}, {cell['seconds']} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the cells are kept")
    parser.add_argument("--validate", action="store_true", help="try trainings on validation")
    asked = parser.parse_args()
    if not POOL.exists():
        sys.exit(f"{POOL} does not exist; build it with `make data`.")
    parts = read_parts()
    if asked.validate:
        return validate(parts)
    asked.folder.mkdir(parents=True, exist_ok=True)
    text = report(run(asked.folder, parts), parts)
    (RESULTS / "token_selection.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
