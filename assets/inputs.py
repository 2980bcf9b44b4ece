"""What stages read from the lake, in the shapes that the methods take."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.stage import inputs_of, name_of
from assets.task import Task
from resources import held
from resources.lake import Lake
from resources.store import graphs, rows, scores, vectors
from sluice.data.config import DatasetConfig
from sluice.errors import SluiceError
from sluice.graphs.knn import KnnGraph
from sluice.subsets.contract import Pool, Selector

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Rows:
    """Rows of one dataset, sorted by id: parallel lists, and labels as codes of `class_names`."""

    ids: list[str]
    content_hashes: list[str]
    text_hashes: list[str]
    texts: list[str]
    labels: NDArray[np.int64]
    splits: list[str]
    class_names: tuple[str, ...]
    # What was derived from these rows; it goes when they do.
    derived: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def of(self, split: str) -> "Rows":
        """Return the rows of one split, with the class names of all."""
        if split not in self.derived:
            self.derived[split] = self._of(split)
        return self.derived[split]

    def _of(self, split: str) -> "Rows":
        at = [i for i, name in enumerate(self.splits) if name == split]
        return Rows(
            [self.ids[i] for i in at],
            [self.content_hashes[i] for i in at],
            [self.text_hashes[i] for i in at],
            [self.texts[i] for i in at],
            self.labels[at],
            [split] * len(at),
            self.class_names,
        )


def read_rows(lake: Lake, dataset: str) -> Rows:
    """Read the present rows of a dataset."""
    return held.remembered(lake, dataset, rows.ROWS, lambda: _rows(lake, dataset))


def _rows(lake: Lake, dataset: str) -> Rows:
    table = rows.read_instances(lake, dataset)
    names, codes = np.unique(np.array(table["label"].to_pylist(), dtype=str), return_inverse=True)
    return Rows(
        ids=table["instance_id"].to_pylist(),
        content_hashes=table["content_hash"].to_pylist(),
        text_hashes=table["text_hash"].to_pylist(),
        texts=table["text"].to_pylist(),
        labels=codes.astype(np.int64),
        splits=table["split"].to_pylist(),
        class_names=tuple(names.tolist()),
    )


def vector_keys(lake: Lake, task: Task, dataset: str, chosen: Rows) -> list[str]:
    """Return the keys under which the vectors of some rows are stored."""
    record = inputs_of(lake, dataset, [task.key("embeddings")])[name_of(task.key("embeddings"))]
    return vectors.input_hashes(chosen.text_hashes, record.details["encoder"])


def read_vectors(lake: Lake, task: Task, dataset: str, chosen: Rows) -> NDArray[np.float32]:
    """Read the vectors of some rows, shape (n, d)."""
    keys = vector_keys(lake, task, dataset, chosen)
    known = chosen.derived.get("vectors")
    if known is None or known[0] != keys:
        known = chosen.derived["vectors"] = (keys, vectors.read(lake, keys))
    return known[1]


def selector_inputs(task: Task, selector: Selector) -> list[dg.AssetKey]:
    """Return the assets that a selector reads."""
    keys = [task.key("instances")]
    if "embeddings" in selector.needs:
        keys.append(task.key("embeddings"))
    if "graph" in selector.needs:
        keys.append(task.key("graphs", "knn"))
    return keys + [task.key("scores", name) for name in _score_names(selector)]


def read_pool(
    lake: Lake, task: Task, dataset: str, config: DatasetConfig, selector: Selector
) -> tuple[Pool, Rows]:
    """Read the training rows with just what a selector needs of them."""
    train = read_rows(lake, dataset).of("train")
    needs = selector.needs
    pool = Pool(
        ids=np.array(train.ids),
        embeddings=read_vectors(lake, task, dataset, train) if "embeddings" in needs else None,
        labels=train.labels if "labels" in needs else None,
        graph=read_graph(lake, dataset, config, train) if "graph" in needs else None,
        scores={
            name: scores.read(lake, dataset, name, train.ids) for name in _score_names(selector)
        },
        class_names=train.class_names,
    )
    return pool, train


def read_graph(lake: Lake, dataset: str, config: DatasetConfig, train: Rows) -> KnnGraph:
    """Read the kNN graph over the training rows.

    Raises
    ------
    SluiceError
        If the stored graph is over other rows.
    """
    stored = graphs.read(lake, dataset, "knn", config.graph.k, config.graph.slack)
    if stored is None or stored.graph.ids.tolist() != train.ids:
        raise SluiceError(
            f"The stored graph of {dataset} is not over its present training rows. Materialise "
            f"its graph first, or run the whole lineage with `sluice run {dataset}`."
        )
    return stored.graph


def _score_names(selector: Selector) -> list[str]:
    return sorted(need.split(":", 1)[1] for need in selector.needs if need.startswith("scores:"))
