"""What leaving distrusted labels out is worth, measured, and said plainly."""

import dagster as dg
import numpy as np

from assets.lineage.inputs import read_rows, read_vectors
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.lineage.task import Task
from assets.text.echoes import ECHOES
from resources.lake import Lake
from resources.store import echoes as store
from resources.store import vectors
from sluice.data.config import DatasetConfig
from sluice.evaluation.echo_value import EchoValue, Looked, echo_value
from sluice.evaluation.evaluate import SPLITS, check_held_out
from sluice.heads.logistic import HeadConfig
from sluice.reports.narrative import difference, interval
from sluice.tasks.text.config import TextConfig

# 2: intervals know how few the seeds are.
VERSION = "2"


@stage(
    "evaluations/echo_value",
    reads=("instances", "embeddings", ECHOES),
    kinds=("duckdb", "scikitlearn"),
    version=VERSION,
    description=(
        "What EchoAlign's choice of rows is worth: a logistic head on all training rows, on "
        "those that EchoSelect keeps, on EchoAlign's weighted set of kept rows and all "
        "versions, and on stratified random rows of the same number, with paired bootstrap "
        "intervals. Kept rows and weighted set are the paper's; the head in place of a ResNet, "
        "weights of mean 1, the random rows and the intervals are ours. Validation decides, "
        "test is only reported, and the labels of both are given ones, too. Only made where "
        "`label_noise` is in `dataset.yaml`; nothing reads it."
    ),
    settings=lambda run: {
        "head": HeadConfig().version,
        "seeds": run.config.seeds,
        **run.config.evaluation.model_dump(include={"resamples", "confidence"}),
    },
    when=lambda task, config: TextConfig.of(config).label_noise is not None,
)
def value(run: Run) -> Outcome:
    """Train on all rows, on trusted ones and on EchoAlign's set."""
    return _outcome(_measure(run.lake, run.task, run.dataset, run.config))


def _measure(lake: Lake, task: Task, dataset: str, config: DatasetConfig) -> EchoValue:
    present = read_rows(lake, dataset)
    parts = {split: present.of(split) for split in SPLITS}
    check_held_out({split: len(part.ids) for split, part in parts.items()}, dataset)
    train = present.of("train")
    x = read_vectors(lake, task, dataset, train)
    place = {row: i for i, row in enumerate(train.ids)}
    judged = [row for row in store.read(lake, dataset).to_pylist() if row["trusted"] is not None]
    edited = vectors.read(lake, [row["echo_hash"] for row in judged])
    looked = Looked(
        np.array([place[row["instance_id"]] for row in judged], dtype=np.int64),
        edited if judged else np.empty((0, x.shape[1]), dtype=np.float32),
        np.array([row["trusted"] for row in judged], dtype=np.bool_),
    )
    return echo_value(
        np.array(train.ids),
        x,
        train.labels,
        looked,
        {name: (read_vectors(lake, task, dataset, part), part.labels)
         for name, part in parts.items()},
        len(present.class_names),
        seeds=config.seeds,
        confidence=config.evaluation.confidence,
        resamples=config.evaluation.resamples,
    )  # fmt: skip


def _outcome(found: EchoValue) -> Outcome:
    rows = [
        {
            "trained_on": one.name,
            "rows": one.rows,
            "seeds": one.seeds,
            **{f"{split}_accuracy": interval(one.accuracy[split]) for split in SPLITS},
            **{f"{split}_minus_all": difference(one.against_all.get(split)) for split in SPLITS},
            **{
                f"{split}_minus_random": difference(one.against_random.get(split))
                for split in SPLITS
            },
        }
        for one in found.trained
    ]
    return Outcome(
        content=digest_of([found.sentence, rows]),
        total=len(rows),
        new=len(rows),
        metadata={
            "says": dg.MetadataValue.md(found.sentence),
            "trained": dg.MetadataValue.table([dg.TableRecord(row) for row in rows]),
        },
        details={"sentence": found.sentence, "rows": rows},
    )
