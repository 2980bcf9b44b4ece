"""A dataset's folder with a lake of its own, refreshed through Dagster, and all that the lake says.

What the random histories, the kills and their benchmarks share.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from assets.lineage.stage import name_of
from assets.lineage.task import Task
from assets.lineages import lineage_of
from assets.text.echoes import ECHOES
from assets.text.labels import QUERIES
from assets.text.lineage import TEXT
from definitions import defs
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import (
    echoes,
    evaluations,
    graphs,
    queries,
    records,
    rows,
    selections,
    vectors,
)
from sluice.core.digests import text_hash
from sluice.encoders.text import TextEncoder

DATASET = "history"
SELECTORS = ["facility_location", "margin"]
CONFIG = {
    "task": "text",
    "files": ["*.parquet"],
    "budgets": [0.2],
    "chosen_budget": 0.2,
    "seeds": [0, 1],
    "selectors": SELECTORS,
    "graph": {"k": 5, "slack": 3},
    "evaluation": {"resamples": 50, "folds": 3},
    "training": {"enabled": False},
    "labelling": {"rows": 5},
    "label_noise": {},
    "plots": False,
}


@dataclass(frozen=True)
class Case:
    """What is tried of which task: the first settings, and what they may become."""

    task: Task
    config: dict[str, Any]
    # Sections of dataset.yaml with other values; None takes the section away.
    changes: dict[str, list[Any]]
    # Tables that a rebuild must share with the history, and what their rows are told apart by.
    shared: dict[str, str]


CHANGES: dict[str, list[Any]] = {
    "selectors": [
        ["facility_location"],
        ["margin", "k_center"],
        ["k_medoids", "facility_location"],
    ],
    "budgets": [[0.2], [0.1, 0.2], [10, 0.2], [0.2, 0.5]],
    "seeds": [[0], [1, 0], [3]],
    "graph": [{"k": 6, "slack": 2}, {"k": 5, "slack": 0}, {"k": 5, "slack": 3}],
    "options": [{"k_medoids": {"iterations": 3}}, None],
    "split": [{"validation": 0.2, "test": 0.1}, None],
    "limits": [{"max_characters": 90}, None],
    "labelling": [None, {"rows": 5}],
    "label_noise": [None, {}],
}
TEXTS = Case(TEXT, CONFIG, CHANGES, {"embeddings": "input_hash"})


class Failure(Exception):
    """Raised at a commit of the lake."""


@dataclass
class Rows:
    """Real texts with their labels and, where they are stored beforehand, their vectors."""

    texts: list[str]
    labels: list[str]
    vectors: np.ndarray | None


@dataclass
class Workshop:
    """Folders of one process: datasets, and a lake each for the history and for the rebuild."""

    root: Path
    pool: Any
    case: Case = field(default=TEXTS)

    def reset(self) -> None:
        """Start a new history: two lakes that know the stored vectors and nothing else."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in ("lived", "rebuilt"):
            if not self.restore(name, "empty"):
                with self.at(name):
                    Lake().snapshot()
                    if self.case is TEXTS:
                        store_vectors(Lake(), self.pool)
                self.keep(name, "empty")

    def keep(self, name: str, state: str) -> None:
        """Keep a lake as it is now, under the name of its state."""
        with self.at(name):
            Lake().close()
        shutil.copytree(self.root / name / "lake", self.root / "kept" / f"{name} {state}")

    def restore(self, name: str, state: str) -> bool:
        """Put a lake back into a state, if it is kept."""
        with self.at(name):
            Lake().close()
        shutil.rmtree(self.root / name / "lake", ignore_errors=True)
        kept = self.root / "kept" / f"{name} {state}"
        if kept.exists():
            shutil.copytree(kept, self.root / name / "lake")
        return kept.exists()

    @property
    def folder(self) -> Path:
        return self.root / "datasets" / DATASET

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Use the lake of that name within the block."""
        before = {key: os.environ.get(key) for key in ("SLUICE_HOME", "SLUICE_DATASETS")}
        os.environ["SLUICE_HOME"] = str(self.root / name)
        os.environ["SLUICE_DATASETS"] = str(self.root / "datasets")
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{self.root / 'mlflow.db'}"
        try:
            yield
        finally:
            for key, value in before.items():
                os.environ.pop(key) if value is None else os.environ.__setitem__(key, value)


def store_vectors(lake: Lake, pool: Rows) -> None:
    """Store the vectors of the pool, so that no refresh encodes a text."""
    if pool.vectors is not None:
        encoder = TextEncoder().identity
        keys = vectors.input_hashes([text_hash(text) for text in pool.texts], encoder)
        vectors.append(lake, keys, encoder, pool.vectors)


def wanted(case: Case = TEXTS) -> list[dg.AssetKey]:
    """Return the assets that the dataset asks for now, less the page, which shows seconds."""
    keys = lineage_of(Datasets().config(DATASET)).wanted(Datasets().config(DATASET))
    return [key for key in keys if key != case.task.key("report")]


def refresh(case: Case = TEXTS) -> dg.ExecuteInProcessResult:
    """Bring the dataset up to date, in an instance that forgets."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(case.task.name, [DATASET])
        return defs.resolve_job_def(f"{case.task.name}_refresh").execute_in_process(
            instance=instance,
            partition_key=DATASET,
            asset_selection=wanted(case),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


def errors_of(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        event.step_failure_data.error.to_string()
        for event in result.all_events
        if event.is_step_failure
    )


@contextmanager
def failing(at: int, *, kept: bool) -> Iterator[None]:
    """Let the write number `at` of the block fail, before it or after its commit (`kept`)."""
    real, count = Lake.write, 0

    def write(self: Lake, work: Any) -> Any:
        nonlocal count
        count += 1
        if count != at:
            return real(self, work)
        if kept:
            real(self, work)
        raise Failure(f"write {at}")

    Lake.write = write
    try:
        yield
    finally:
        Lake.write = real


@contextmanager
def changing(changes: dict[int, Callable[[], None]]) -> Iterator[None]:
    """Call each function before the write of its number in the block: files change during a run."""
    real, count = Lake.write, 0

    def write(self: Lake, work: Any) -> Any:
        nonlocal count
        count += 1
        if count in changes:
            changes[count]()
        return real(self, work)

    Lake.write = write
    try:
        yield
    finally:
        Lake.write = real


def state_of(lake: Lake, case: Case = TEXTS) -> dict[str, Any]:
    """Return all that the lake says of the present state of the dataset.

    What an earlier dataset.yaml asked for, and this one does not, may stay in the lake.
    """
    names = {name_of(key) for key in wanted(case)}
    known = {name: r for name, r in records.latest(lake, DATASET).items() if name in names}
    entries = {
        name: [{k: v for k, v in e.items() if k != "selection_id"} for e in sorted_entries(record)]
        for name, record in known.items()
        if "/subsets/" in name
    }
    kept = {
        name: [
            selections.rows(lake, entry["selection_id"]).to_pylist()
            for entry in sorted_entries(record)
        ]
        for name, record in known.items()
        if "/subsets/" in name
    }
    evaluated = [
        {k: v for k, v in row.items() if k not in ("seconds", "selection_id")}
        for name, record in sorted(known.items())
        if "/evaluations/" in name and "evaluation_ids" in record.details
        for row in evaluations.read(lake, record.details["evaluation_ids"])
    ]
    config = Datasets().config(DATASET)
    stored = graphs.read(lake, DATASET, "knn", config.graph.k, config.graph.slack)
    graph = stored and (
        stored.graph.ids.tolist(),
        stored.graph.neighbours.tolist(),
        stored.graph.weights.tolist(),
        stored.input_hashes,
    )
    # NaN, of a row that is not rated, equals nothing.
    scores = lake.read(
        "SELECT method, instance_id, nullif(value, 'nan'::DOUBLE) AS value FROM scores "
        "WHERE dataset = ? ORDER BY ALL",
        [DATASET],
    ).to_pylist()
    parts = lake.read(
        "SELECT * FROM part_edges WHERE dataset = ? ORDER BY graph, place", [DATASET]
    ).to_pylist()
    key = case.task.key
    return {
        "data versions": {name: record.data_version for name, record in sorted(known.items())},
        "all stand": all(record.stands for record in known.values()),
        "instances": rows.read_instances(lake, DATASET).to_pylist(),
        "rejected": rows.read_rejected(lake, DATASET).to_pylist(),
        "graph": graph if name_of(key("graphs", "knn")) in names else None,
        "parts of graphs": [p for p in parts if name_of(key("graphs", p["graph"])) in names],
        # What an asset makes of each class is named `out_of_fold/CLASS`.
        "scores": [
            s
            for s in scores
            if f"{case.task.name}/{case.task.score_stage(s['method'].partition('/')[0])}" in names
        ],
        "selections": entries,
        "kept": kept,
        "evaluations": evaluated,
        "queries": queries.read(lake, DATASET).to_pylist()
        if name_of(key(*QUERIES.split("/"))) in names
        else None,
        "echoes": echoes.read(lake, DATASET).to_pylist()
        if name_of(key(*ECHOES.split("/"))) in names
        else None,
    }


def sorted_entries(record: records.Record) -> list[dict[str, Any]]:
    return sorted(record.details["selections"], key=lambda e: (str(e["budget"]), e["seed"]))


def check_equal(lived: dict[str, Any], expected: dict[str, Any]) -> None:
    """Assert that two states are equal, and name the first part that is not."""
    for part, value in expected.items():
        if lived[part] != value and isinstance(value, dict):
            names = sorted(k for k in {*lived[part], *value} if lived[part].get(k) != value.get(k))
            raise AssertionError(f"{part} differ, of {', '.join(map(str, names))}")
        assert lived[part] == value, f"{part} differ"


def shared_rows(lake: Lake, case: Case) -> dict[str, pa.Table]:
    """Return what a rebuild must share with the history: vectors, and what makes them."""
    return {table: lake.read(f"FROM {table}") for table in case.shared}


def store_shared(lake: Lake, case: Case, shared: dict[str, pa.Table]) -> None:
    """Give the rebuild what the history has made: it must read the same."""
    for table, made in shared.items():
        sql = f"INSERT INTO {table} FROM made ANTI JOIN {table} USING ({case.shared[table]})"
        lake.write(lambda cursor, made=made, sql=sql: cursor.register("made", made).execute(sql))
