"""EchoAlign by rewriting: a language model edits 2,000 shipped reviews towards one rater's label.

As in ``benchmarks.noisy_labels`` the given label is one rater's word, the truth that of the mean of
the others, in five draws; here the training rows are a sample, drawn once by a hash of the id, and
EchoSelect compares each with what SmolLM2-135M-Instruct made of it for its given label. All other
methods see the same rows. A text with its label is rewritten once for all draws.

``python -m benchmarks.rewriting CACHE`` from the root of the repository; embeddings, rewritten
texts and finished draws stay in the folder CACHE, so that a run that was stopped goes on.
"""

from __future__ import annotations

from benchmarks.side_by_side import RESULTS, _processor

# isort: split
import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.noise.data import AUDITED, Labelled, Rows, load, of_raters
from benchmarks.noise.methods import THRESHOLDS, Chosen, Task, echo, selections
from benchmarks.noise.table import interval, table
from benchmarks.noisy_labels import COLUMNS, DRAWS, note_lines, rates, run, weighted_lines
from resources.compute import Compute
from resources.language_models import LanguageModels
from sluice.core.progress import track
from sluice.core.randomness import keyed_uniform
from sluice.data.config.language import LanguageModel
from sluice.encoders.text import TextEncoder
from sluice.noise.echo_mod import Modified
from sluice.noise.echo_select import echo_similarity
from sluice.noise.raters import CLASSES
from sluice.noise.rewriting import LocalWriter, prompt_identity, request

SAMPLE, SAMPLE_SEED = 2000, 2000
MAX_NEW_TOKENS, MAX_TOKENS, SHARD = 96, 8192, 64
KIND = "review"
NAME = "echo, rewriting"


def sampled(rows: Rows) -> NDArray[np.bool_]:
    """Mark the training rows that are rewritten, and all test rows."""
    drawn = np.where(rows.test, np.inf, keyed_uniform(SAMPLE_SEED, rows.ids))
    mask = rows.test.copy()
    mask[np.argsort(drawn, kind="stable")[:SAMPLE]] = True
    return mask


def rows_at(rows: Rows, mask: NDArray[np.bool_]) -> Rows:
    at = np.flatnonzero(mask).tolist()
    return Rows(
        rows.ids[mask],
        rows.x[mask],
        [rows.ratings[i] for i in at],
        rows.test[mask],
        [rows.texts[i] for i in at],
    )


class Rewrites:
    """What the model made of each text and label, and an `EchoMod` of it for some training rows."""

    def __init__(self, folder: Path, rows: Rows) -> None:
        model = LanguageModels().of(LanguageModel(), Compute())
        writer = f"{model.identity}-{prompt_identity(CLASSES, KIND)}-{MAX_NEW_TOKENS}"
        self.path = folder / f"rewrites-{writer}.jsonl"
        self.model = model
        self.encoder = TextEncoder(device="cpu")
        self.texts = dict(zip(rows.ids.tolist(), rows.texts, strict=True))

    def read(self) -> dict[tuple[str, str], str]:
        """Return every rewritten text by text and label; half a line of a killed run is none."""
        found = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                text, label, said = json.loads(line)
            except json.JSONDecodeError:
                continue
            found[text, label] = said
        return found

    def write(self, wanted: Sequence[tuple[str, str]]) -> float:
        """Rewrite what is not there yet, shard by shard; return the CPU seconds of this run."""
        done = self.read()
        todo = [pair for pair in dict.fromkeys(wanted) if pair not in done]
        # neighbours of about one length, so that a batch stops early
        todo.sort(key=lambda pair: len(pair[0]))
        began = time.process_time()
        if todo:
            loaded = self.model.load()
            writer = LocalWriter(
                loaded.model, loaded.tokenizer, MAX_NEW_TOKENS, max_tokens=MAX_TOKENS
            )
            with track("rewriting", len(todo)) as advance:
                for begin in range(0, len(todo), SHARD):
                    part = todo[begin : begin + SHARD]
                    said = writer.write([request(*pair, CLASSES, KIND) for pair in part])
                    with self.path.open("a") as file:
                        for pair, answer in zip(part, said, strict=True):
                            file.write(json.dumps([*pair, answer.strip()]) + "\n")
                    advance(len(part))
        return time.process_time() - began

    def modify(
        self,
        x: NDArray[np.floating],
        y: NDArray[np.int64],
        *,
        ids: NDArray[np.str_],
        content: Sequence[str] | None = None,
    ) -> Modified:
        """Look up what was made of each row; an empty answer counts as the label's own name."""
        done = self.read()
        labels = [CLASSES[code] for code in y.tolist()]
        pairs = zip(ids.tolist(), labels, strict=True)
        texts = [done[self.texts[one], label] or label for one, label in pairs]
        return Modified(self.encoder.encode(texts), texts)


def methods(task: Task, rewrites: Rewrites) -> list[Chosen]:
    """Every method of `benchmarks.noisy_labels`, and EchoSelect by the rewritten texts."""
    return [*selections(task), *echo(task, NAME, rewrites, THRESHOLDS, weighted=True)]


def diagnosis(rows: Rows, labelled: Labelled, rewrites: Rewrites) -> list[str]:
    """Say what the model does: how often it repeats, and how far it goes from right and wrong."""
    train = ~rows.test
    x, given = rows.x[train], labelled.labels[train]
    found = rewrites.modify(x, given, ids=rows.ids[train])
    originals = [text for text, test in zip(rows.texts, rows.test, strict=True) if not test]
    cosine = echo_similarity(x, found.embeddings)
    right = (labelled.labels == labelled.truth)[train]
    done, labels = rewrites.read(), [CLASSES[code] for code in given.tolist()]
    pairs = list(zip(originals, labels, strict=True))
    same = np.array([text == done[text, label] for text, label in pairs])
    empty = sum(not done[pair] for pair in pairs)
    return [
        f"- Of {len(pairs):,} rows of the first draw {int(same.sum()):,} came back unchanged "
        f"({same[right].mean():.1%} of the rightly and {same[~right].mean():.1%} of the wrongly "
        f"labelled), {empty} empty (they count as the label's name).",
        f"- Mean cosine of a row and its version: {cosine[right].mean():.3f} where the label is "
        f"right, {cosine[~right].mean():.3f} where it is wrong.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path, help="folder for embeddings, texts, finished draws")
    folder = parser.parse_args().cache
    whole = load(folder)
    mask = sampled(whole)
    rows = rows_at(whole, mask)
    labelled = [part_of(of_raters(whole, draw), mask) for draw in range(DRAWS)]
    train = np.flatnonzero(~rows.test).tolist()
    rewrites = Rewrites(folder, rows)
    wanted = [(rows.texts[i], CLASSES[each.labels[i]]) for each in labelled for i in train]
    spent = rewrites.write(wanted)

    def select(task: Task) -> list[Chosen]:
        return methods(task, rewrites)

    cells, draws = run(rows, lambda draw: labelled[draw], select, folder, "rewriting")
    lines = [
        "# Noisy labels: EchoAlign by rewriting",
        "",
        f"- Command: `python -m benchmarks.rewriting CACHE`, {datetime.now(UTC):%Y-%m-%d}.",
        f"- Versions: Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "transformers"))
        + f". Hardware: {_processor()}, {os.cpu_count()} cores, one thread, no GPU.",
        f"- {SAMPLE:,} training rows by a hash of the id, {int(rows.test.sum()):,} test rows; "
        f"draws 0 to {DRAWS - 1}, {AUDITED} audited rows in each, in no figure. Otherwise as in "
        "noisy_labels.md.",
        f"- SmolLM2-135M-Instruct in float32, the likeliest token at every step, at most "
        f"{MAX_NEW_TOKENS} new ones; {len(set(wanted)):,} texts with a label"
        + (f", {spent:,.0f} CPU seconds." if spent > 1 else "."),
        f"- Wrong labels among the training rows: {interval(rates(draws, 'rate'))}.",
        *diagnosis(rows, labelled[0], rewrites),
        "",
        *table(cells, COLUMNS),
        "",
        "The head on EchoAlign's weighted training set:",
        "",
        *weighted_lines(cells),
        "",
        "## Without rows whose truth is within 0.1 of a border",
        "",
        *table(cells, COLUMNS, "away "),
        "",
        "## Thresholds of the first draw",
        "",
        *note_lines(draws),
        "",
    ]
    (RESULTS / "rewriting.md").write_text("\n".join(lines))
    print("\n".join(lines))


def part_of(labelled: Labelled, mask: NDArray[np.bool_]) -> Labelled:
    return replace(
        labelled,
        labels=labelled.labels[mask],
        truth=labelled.truth[mask],
        near=labelled.near[mask],
    )


if __name__ == "__main__":
    main()
