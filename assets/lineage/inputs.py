"""What stages read from the lake, in the shapes that the methods take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.lineage.stage import Reading, digest_of, inputs_of, name_of
from assets.lineage.task import Task
from resources import run_cache
from resources.lake import Lake
from resources.store import graphs, part_edges, rows, scores, vectors
from sluice.core.errors import SluiceError, UnknownNameError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.splits import UNLABELLED
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.instance_graphs.methods import GRAPHS
from sluice.graphs.knn import KnnGraph
from sluice.subsets.contract import Pool, Selector
from sluice.subsets.inputs import Input, InputRows, inputs, make_input

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Rows:
    """Rows of one dataset, sorted by id: parallel lists, and labels as codes of `class_names`.

    The label of a row of the split `UNLABELLED` is -1.
    """

    ids: list[str]
    content_hashes: list[str]
    text_hashes: list[str]
    texts: list[str]
    labels: NDArray[np.int64]
    splits: list[str]
    class_names: tuple[str, ...]
    # What was derived from these rows; it goes when they do.
    derived: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def of(self, split: str) -> "Rows":
        """Return the rows of one split, with the class names of all."""
        if split not in self.derived:
            self.derived[split] = self.at([i for i, s in enumerate(self.splits) if s == split])
        return self.derived[split]

    @property
    def labelled(self) -> "Rows":
        """The rows that have a label, with the class names of all."""
        if UNLABELLED not in self.splits:
            return self
        if "labelled" not in self.derived:
            at = [i for i, split in enumerate(self.splits) if split != UNLABELLED]
            self.derived["labelled"] = self.at(at)
        return self.derived["labelled"]

    def at(self, at: list[int]) -> "Rows":
        """Return the rows at some positions, with the class names of all."""
        return Rows(
            [self.ids[i] for i in at],
            [self.content_hashes[i] for i in at],
            [self.text_hashes[i] for i in at],
            [self.texts[i] for i in at],
            self.labels[at],
            [self.splits[i] for i in at],
            self.class_names,
        )


def read_rows(lake: Lake, dataset: str) -> Rows:
    """Read the present rows of a dataset that have a label: all that most stages may see.

    Raises
    ------
    SluiceError
        If there are rows and none of them has a label.
    """
    present = read_all_rows(lake, dataset)
    if present.ids and not present.labelled.ids:
        raise SluiceError(
            f"No row of {dataset} has a label yet. Label the rows that `sluice label-queue "
            f"{dataset} OUT.csv` writes, and put them back with `sluice labels`."
        )
    return present.labelled


def read_all_rows(lake: Lake, dataset: str) -> Rows:
    """Read the present rows of a dataset, also those that wait for a label."""
    return run_cache.get_or_load(lake, dataset, rows.ROWS, lambda: _rows(lake, dataset))


def _rows(lake: Lake, dataset: str) -> Rows:
    table = rows.read_instances(lake, dataset)
    splits: list[str] = table["split"].to_pylist()
    known = np.array([split != UNLABELLED for split in splits], dtype=bool)
    labels = np.array(table["label"].to_pylist(), dtype=str)
    codes = np.full(len(labels), -1, dtype=np.int64)
    names, codes[known] = np.unique(labels[known], return_inverse=True)
    return Rows(
        ids=table["instance_id"].to_pylist(),
        content_hashes=table["content_hash"].to_pylist(),
        text_hashes=table["text_hash"].to_pylist(),
        texts=table["text"].to_pylist(),
        labels=codes,
        splits=splits,
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


def options_of(selector: Selector, config: DatasetConfig) -> dict[str, Any]:
    """Return a selector's options: its defaults, and what `dataset.yaml` says instead."""
    return {**selector.options, **config.options.get(selector.name, {})}


def graph_of(task: Task, selector: Selector, config: DatasetConfig) -> str:
    """Return the graph that a selector reads, or that the scores it reads are made on.

    Raises
    ------
    UnknownNameError
        If `dataset.yaml` names one that the task does not have.
    """
    name = options_of(selector, config).get("graph", task.spec.graphs[0])
    if name not in task.spec.graphs:
        raise UnknownNameError.of(f"graph of {selector.name}", str(name), list(task.spec.graphs))
    return name


def selector_may_read(task: Task, selector: Selector) -> list[str]:
    """Return every stage that a selector may read, whatever a dataset's options say."""
    return _read_by(task, selector, task.spec.graphs)


def selector_reads(task: Task, selector: Selector, config: DatasetConfig) -> list[str]:
    """Return the stages that a selector reads for one dataset."""
    return _read_by(task, selector, (graph_of(task, selector, config),))


def _read_by(task: Task, selector: Selector, graphs: Sequence[str]) -> list[str]:
    names = ["instances"]
    names += [each.stage for need, each in READERS.items() if need in selector.needs and each.stage]
    if any(made.embedded for made in _made_inputs(selector)) and "embeddings" not in names:
        names.append("embeddings")
    if "graph" in selector.needs:
        names += [f"graphs/{name}" for name in graphs]
    # Several scores may be made by one stage.
    return names + list(dict.fromkeys(task.score_stage(name) for name in score_names(selector)))


Read = Callable[[Reading, Rows], Any]


@dataclass(frozen=True)
class Reader:
    """How an input of selectors is read.

    Attributes
    ----------
    read : callable
        Takes what is being read and the training rows.
    stage : str
        Name of the stage that makes it; empty where the rows alone do.
    settings : callable
        Returns what else of a configuration it depends on.
    """

    read: Read
    stage: str
    settings: Callable[[DatasetConfig], dict[str, object]]


READERS: dict[str, Reader] = {}
"""By input of a selector; filled where it is made."""


def _no_settings(config: DatasetConfig) -> dict[str, object]:
    return {}


def reads_input(
    need: str,
    stage: str = "",
    settings: Callable[[DatasetConfig], dict[str, object]] = _no_settings,
) -> Callable[[Read], Read]:
    """Register how an input of selectors is read, see `Reader`."""

    def register(read: Read) -> Read:
        READERS[need] = Reader(read, stage, settings)
        return read

    return register


def input_settings(selector: Selector, config: DatasetConfig) -> dict[str, object]:
    """Return what else of a configuration the inputs of a selector depend on."""
    known = [each for need, each in READERS.items() if need in selector.needs]
    found = {key: value for each in known for key, value in each.settings(config).items()}
    return found | {f"input:{made.key}": made.version for made in _made_inputs(selector)}


def _made_inputs(selector: Selector) -> list[Input]:
    """Return those of a selector's inputs that are made of the rows alone."""
    found = [made for key, made in inputs().items() if key in selector.needs]
    return [made for made in found if made.make is not None and made.key not in READERS]


def read_pool(read: Reading, selector: Selector) -> tuple[Pool, Rows]:
    """Read the training rows with just what a selector needs of them."""
    train = read_rows(read.lake, read.dataset).of("train")
    names = score_names(selector)
    parts: dict[str, Any] = {
        "scores": {name: scores.read(read.lake, read.dataset, name, train.ids) for name in names}
    }
    for key in {need.partition(":")[0] for need in selector.needs} - {"scores", "asks"}:
        if key in READERS:
            parts[key] = READERS[key].read(read, train)
        elif key == "graph":
            graph = graph_of(read.task, selector, read.config)
            parts[key] = read_graph(read.lake, read.task, read.dataset, read.config, train, graph)
        else:
            parts[key] = _made(key, read, selector, train)
    return Pool(np.array(train.ids), class_names=train.class_names).having(parts), train


def _made(key: str, read: Reading, selector: Selector, train: Rows) -> Any:
    """Make an input that another package has registered: of the rows, which are its only input."""
    vectors = partial(read_vectors, read.lake, read.task, read.dataset, train)
    rows = InputRows(np.array(train.ids), train.texts, train.labels, train.class_names, vectors)
    return make_input(key, rows, options_of(selector, read.config))


@reads_input("embeddings", stage="embeddings")
def _embeddings(read: Reading, train: Rows) -> NDArray[np.float32]:
    return read_vectors(read.lake, read.task, read.dataset, train)


@reads_input("labels")
def _labels(read: Reading, train: Rows) -> NDArray[np.int64]:
    return train.labels


def read_graph(
    lake: Lake, task: Task, dataset: str, config: DatasetConfig, train: Rows, name: str
) -> KnnGraph | InstanceGraph:
    """Read a graph over the training rows.

    Raises
    ------
    SluiceError
        If the stored graph is over other rows.
    """
    if name == "knn":
        return read_knn(lake, dataset, config, train)
    key = task.key("graphs", name)
    record = inputs_of(lake, dataset, [key])[name_of(key)]
    if record.details["ids"] != digest_of(train.ids):
        raise _other_rows(dataset)
    # Several stages of one run read the same graph.
    known = train.derived.get(key)
    if known is None or known[0] != record.data_version:
        stored = part_edges.read(lake, dataset, name)
        parts, edges = [each.part for each in stored], [each.edges for each in stored]
        method = GRAPHS[name]
        united = method.unite(np.array(train.ids), parts, edges, **method.options)
        known = train.derived[key] = (record.data_version, united)
    return known[1]


def read_knn(lake: Lake, dataset: str, config: DatasetConfig, train: Rows) -> KnnGraph:
    """Read the kNN graph over the training rows.

    Raises
    ------
    SluiceError
        If the stored graph is over other rows.
    """
    stored = graphs.read(lake, dataset, "knn", config.graph.k, config.graph.slack)
    if stored is None or stored.graph.ids.tolist() != train.ids:
        raise _other_rows(dataset)
    return stored.graph


def _other_rows(dataset: str) -> SluiceError:
    return SluiceError(
        f"The stored graph of {dataset} is not over its present training rows. Materialise "
        f"its graph first, or run the whole lineage with `sluice run {dataset}`."
    )


def score_names(selector: Selector) -> list[str]:
    """Return the scores that a selector reads."""
    return sorted(need.split(":", 1)[1] for need in selector.needs if need.startswith("scores:"))
