"""Scores of the training rows: out-of-fold probabilities, and what follows from them."""

import dagster as dg
import numpy as np

from assets.display.plots import plots
from assets.lineage import checks
from assets.lineage.inputs import Rows, read_knn, read_rows, read_vectors
from assets.lineage.stage import Outcome, Run, Stage, digest_of, stage
from assets.lineage.task import Task
from resources.lake import Lake
from resources.store import scores
from sluice.core.digests import array_digest, digest
from sluice.heads.logistic import HeadConfig
from sluice.heads.out_of_fold import out_of_fold_probabilities
from sluice.reports.figures import score_histogram
from sluice.scores.registry import Score, ScoreInputs

VERSION = "1"
FOLD_SEED = 0
PROBABILITIES = "out_of_fold/"


def probability_column(class_name: str) -> str:
    """Return the method name under which one class's probabilities are stored."""
    return PROBABILITIES + class_name


def read_probabilities(lake: Lake, dataset: str, train: Rows) -> np.ndarray:
    """Read the out-of-fold probabilities of the training rows, shape (n, C)."""
    columns = [
        scores.read(lake, dataset, probability_column(name), train.ids)
        for name in train.class_names
    ]
    return np.column_stack(columns)


@stage(
    "scores/out_of_fold",
    reads=("instances", "embeddings"),
    kinds=("duckdb", "scikitlearn"),
    version=VERSION,
    table="scores",
    replaces=True,
    description=(
        "Class probabilities of each training row by a logistic head on its vector that was "
        "trained on the other folds: p(y | x; D without fold(x)). Folds go by the hash of the "
        "id (ours), so other rows never move a row's fold."
    ),
    settings=lambda run: {
        "folds": run.config.evaluation.folds,
        "seed": FOLD_SEED,
        "head": HeadConfig().version,
    },
)
def out_of_fold(run: Run) -> Outcome:
    """Score every training row by heads that have not seen it."""
    train = read_rows(run.lake, run.dataset).of("train")
    folds = run.config.evaluation.folds
    probabilities = out_of_fold_probabilities(
        read_vectors(run.lake, run.task, run.dataset, train),
        train.labels,
        ids=np.array(train.ids),
        n_classes=len(train.class_names),
        folds=folds,
        seed=FOLD_SEED,
    )
    names = map(probability_column, train.class_names)
    columns = dict(zip(names, probabilities.T, strict=True))
    scores.replace(run.lake, run.dataset, train.ids, columns, PROBABILITIES)
    right = probabilities.argmax(axis=1) == train.labels
    return Outcome(
        content=digest(digest_of(train.ids), array_digest(probabilities)),
        total=len(train.ids),
        new=len(train.ids),
        metadata={"out_of_fold_accuracy": float(right.mean()), "folds": folds},
    )


_SCORE_INPUTS = {
    "embeddings": "embeddings",
    "probabilities": "scores/out_of_fold",
    "graph": "graphs/knn",
}


def score_stage(score: Score) -> Stage:
    """Return the stage `scores/<score>`."""

    @stage(
        f"scores/{score.name}",
        reads=["instances", *(name for need, name in _SCORE_INPUTS.items() if need in score.needs)],
        version=score.version,
        tags={"method": score.name},
        table="scores",
        checks=[checks.of_score(score.name)],
        replaces=True,
        description=f"{score.summary}\n\nFormula: {score.formula}\n\nSource: {score.paper}",
    )
    def scored(run: Run) -> Outcome:
        lake, dataset, needs = run.lake, run.dataset, score.needs
        train = read_rows(lake, dataset).of("train")
        values = score.compute(
            ScoreInputs(
                probabilities=(
                    read_probabilities(lake, dataset, train) if "probabilities" in needs else None
                ),
                labels=train.labels if "labels" in needs else None,
                graph=read_knn(lake, dataset, run.config, train) if "graph" in needs else None,
                embeddings=(
                    read_vectors(lake, run.task, dataset, train) if "embeddings" in needs else None
                ),
                ids=np.array(train.ids),
            )
        )
        scores.replace(lake, dataset, train.ids, {score.name: values})
        lowest = np.argsort(values, kind="stable")[:5]
        highest = np.argsort(-values, kind="stable")[:5]
        return Outcome(
            content=digest(digest_of(train.ids), array_digest(values)),
            total=len(train.ids),
            new=len(train.ids),
            metadata={
                "mean": float(values.mean()),
                "standard_deviation": float(values.std()),
                **plots(run.config, histogram=lambda: score_histogram(values, score.name)),
                "highest": examples(run.task, train, values, highest),
                "lowest": examples(run.task, train, values, lowest),
            },
        )

    return scored


def examples(task: Task, train: Rows, values: np.ndarray, at: np.ndarray) -> dg.MetadataValue:
    """Return some training rows with their scores, for the Dagster UI."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "instance_id": train.ids[i],
                    "label": train.class_names[train.labels[i]],
                    "score": round(float(values[i]), 6),
                    "text": task.spec.rows.display(train.texts[i])[:200],
                }
            )
            for i in at.tolist()
        ]
    )
