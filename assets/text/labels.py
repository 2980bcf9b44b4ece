"""The next rows to label: ranked by a query strategy among those that have no label."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_all_rows, read_vectors
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.lineage.task import Task
from assets.text.stopping import stopping_signs
from resources.lake import Lake
from resources.store import queries, records
from sluice.core.randomness import keyed_sample
from sluice.data.config import DatasetConfig
from sluice.data.ingest.splits import UNLABELLED
from sluice.heads.answering import answers_of
from sluice.heads.answers import Labelled
from sluice.heads.logistic import Head, HeadConfig
from sluice.subsets import runner
from sluice.subsets.contract import Pool, Selection
from sluice.subsets.queries.registry import needs_of, parts_of, strategy
from sluice.tasks.text.config import TextConfig
from sluice.tasks.text.labelling import Labelling

VERSION = "1"
QUERIES = "labels/queries"
SHOWN = 10
# What costs passes of the encoder, so that not all rows can be looked at.
WORDS = "answers:words"


@stage(
    QUERIES,
    reads=("instances", "embeddings"),
    resources=("compute",),
    kinds=("duckdb", "scikitlearn", "torch"),
    gpu=True,
    version=VERSION,
    table="queries",
    description=(
        "The next rows to label, best first, each with its gain and reason: picked by the "
        "query strategy that `labelling` in `dataset.yaml` names among the rows without a "
        "label. Its model is trained on the labelled training rows alone; validation and test "
        "rows are not looked at. When to stop: what the head of each round says of a stop set "
        "is kept, and three signs are shown. Only made where `labelling` is there."
    ),
    settings=lambda run: _identity(run.config, TextConfig.of(run.config).labelling or Labelling()),
    replaces=True,
    when=lambda task, config: TextConfig.of(config).labelling is not None,
)
def asked(run: Run) -> Outcome:
    """Ask for the next rows to label."""
    chosen = TextConfig.of(run.config).labelling or Labelling()
    return _ask(run.lake, run.task, run.dataset, run.config, chosen, run.device)


def when_to_stop(lake: Lake, task: Task, dataset: str) -> str:
    """Return what the signs said when the present queue was made."""
    shown: Any = dg.deserialize_value(records.metadata_of(lake, dataset, f"{task.name}/{QUERIES}"))
    return shown["stop"].value if "stop" in shown else "When to stop: no model can tell yet."


def _identity(config: DatasetConfig, chosen: Labelling) -> Mapping[str, Any]:
    """Return all that a queue depends on but the rows."""
    parts = parts_of(chosen.strategy, chosen.options)
    said = chosen.model_dump(mode="json")
    if WORDS not in needs_of(chosen.strategy, chosen.options):
        del said["candidates"]
    return {
        **said,
        "versions": {name: strategy(name).version for name in parts},
        "head": HeadConfig().version,
        "max_length": config.encoder.max_length,
    }


def _ask(
    lake: Lake, task: Task, dataset: str, config: DatasetConfig, chosen: Labelling, device: str
) -> Outcome:
    present = read_all_rows(lake, dataset)
    waiting = present.of(UNLABELLED)
    picked = None
    if waiting.ids:
        picked = _picked(lake, task, dataset, config, chosen, device)
    queue = _table(picked, waiting, chosen.strategy)
    before = set(queries.read(lake, dataset)["instance_id"].to_pylist())
    queries.replace(lake, dataset, queue)
    ids: list[str] = queue["instance_id"].to_pylist()
    stayed = len(before & set(ids))
    note = _note(len(waiting.ids), chosen.rows, picked)
    return Outcome(
        content=digest_of([ids, queue["content_hash"].to_pylist()]),
        total=len(ids),
        new=len(ids) - stayed,
        reused=stayed,
        removed=len(before) - stayed,
        metadata={
            "labelled": len(present.of("train").ids),
            "unlabelled": len(waiting.ids),
            "asked": len(ids),
            "strategy": chosen.strategy,
            "note": note,
            **stopping_signs(lake, task, dataset, present),
            **_first(queue, waiting),
        },
        details={"strategy": chosen.strategy, "note": note},
        device=device,
    )


def _picked(
    lake: Lake, task: Task, dataset: str, config: DatasetConfig, chosen: Labelling, device: str
) -> Selection:
    """Train on the labelled training rows and let the strategy pick among the others."""
    present = read_all_rows(lake, dataset)
    waiting, train = present.of(UNLABELLED), present.of("train")
    count = min(chosen.rows, len(waiting.ids))
    needs = needs_of(chosen.strategy, chosen.options)
    if WORDS in needs:
        waiting = drawn(waiting, max(chosen.candidates, count), chosen.seed)
    rows = read_vectors(lake, task, dataset, waiting)
    labelled = Labelled(
        np.array(train.ids, dtype=np.str_),
        _vectors(lake, task, dataset, train, rows.shape[1]),
        train.labels,
        len(present.class_names),
    )
    words = _words(config, waiting.texts, device)
    answers = answers_of(needs, rows, labelled, chosen.seed, words=words)
    pool = Pool(
        ids=np.array(waiting.ids),
        embeddings=rows,
        class_names=present.class_names,
        labelled=labelled,
        answers=answers,
    )
    asked = strategy(chosen.strategy)
    return runner.run(asked, pool, count, chosen.seed, **dict(chosen.options))


def drawn(waiting: Rows, count: int, seed: int) -> Rows:
    """Return some rows, drawn by (seed, id): other rows that come or go hardly move them."""
    return waiting.at(keyed_sample(seed, np.array(waiting.ids), count).tolist())


def _vectors(lake: Lake, task: Task, dataset: str, train: Rows, width: int) -> NDArray[np.float32]:
    if not train.ids:
        return np.empty((0, width), dtype=np.float32)
    return read_vectors(lake, task, dataset, train)


def _words(
    config: DatasetConfig, texts: list[str], device: str
) -> Callable[[Head], NDArray[np.float64]]:
    def words(head: Head) -> NDArray[np.float64]:
        from sluice.encoders.text import TextEncoder
        from sluice.heads.word_gradients import expected_word_gradients

        length = config.encoder.max_length
        folder = TextEncoder(config.encoder.model, length).folder
        return expected_word_gradients(folder, texts, head, max_length=length, device=device)

    return words


def _table(picked: Selection | None, waiting: Rows, name: str) -> pa.Table:
    ids: list[str] = [] if picked is None else picked.ids.tolist()
    contents = dict(zip(waiting.ids, waiting.content_hashes, strict=True))
    reasons: Iterable[str] = [] if picked is None else picked.reasons
    return pa.table(
        {
            "rank": pa.array(range(1, len(ids) + 1), pa.int64()),
            "instance_id": pa.array(ids, pa.string()),
            "content_hash": pa.array([contents[row] for row in ids], pa.string()),
            "gain": pa.array([] if picked is None else picked.gains, pa.float64()),
            "reason": pa.array(list(reasons), pa.string()),
            "strategy": pa.array([name] * len(ids), pa.string()),
        }
    )


def _note(unlabelled: int, asked: int, picked: Selection | None) -> str:
    if picked is None:
        return "Every row has a label: nothing is left to ask for."
    few = f"Only {unlabelled} rows have no label, of {asked} asked for: all are here."
    return " ".join(filter(None, [few if unlabelled < asked else "", picked.note])) or "none"


def _first(queue: pa.Table, waiting: Rows) -> dict[str, dg.MetadataValue]:
    if not queue.num_rows:
        return {}
    texts = dict(zip(waiting.ids, waiting.texts, strict=True))
    rows = queue.slice(0, SHOWN).select(["rank", "instance_id", "gain", "reason"]).to_pylist()
    shown = [
        dg.TableRecord(
            {**row, "gain": round(row["gain"], 6), "text": texts[row["instance_id"]][:200]}
        )
        for row in rows
    ]
    return {"first": dg.MetadataValue.table(shown)}
