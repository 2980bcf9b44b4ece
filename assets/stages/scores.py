"""Scores of the training rows: out-of-fold probabilities, and what follows from them."""

from collections.abc import Callable

import dagster as dg
import numpy as np

from assets.lineage.inputs import Rows, read_knn, read_rows, read_vectors
from assets.lineage.plots import plots
from assets.lineage.stage import Outcome, digest_of, run_stage
from assets.lineage.task import Task
from assets.stages import checks
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.store import records, scores
from sluice.core.digests import array_digest, digest
from sluice.data.config import DatasetConfig
from sluice.data.payloads.display import shown_text
from sluice.heads.logistic import HeadConfig
from sluice.heads.out_of_fold import out_of_fold_probabilities
from sluice.reports.figures import score_histogram
from sluice.scores.registry import SCORES, Score, ScoreInputs

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


def out_of_fold_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, scores, out_of_fold]`."""
    inputs = [task.key("instances"), task.key("embeddings")]

    @task.asset(
        "scores",
        "out_of_fold",
        deps=inputs,
        kinds={"duckdb", "scikitlearn"},
        version=VERSION,
        table="scores",
        description=(
            "Class probabilities of each training row by a logistic head on its vector that was "
            "trained on the other folds: p(y | x; D without fold(x)). Folds go by the hash of the "
            "id (ours), so other rows never move a row's fold."
        ),
    )
    def out_of_fold(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        folds = datasets.config(dataset).evaluation.folds

        def run(previous: records.Record | None) -> Outcome:
            train = read_rows(lake, dataset).of("train")
            probabilities = out_of_fold_probabilities(
                read_vectors(lake, task, dataset, train),
                train.labels,
                ids=np.array(train.ids),
                n_classes=len(train.class_names),
                folds=folds,
                seed=FOLD_SEED,
            )
            names = map(probability_column, train.class_names)
            columns = dict(zip(names, probabilities.T, strict=True))
            scores.replace(lake, dataset, train.ids, columns, PROBABILITIES)
            right = probabilities.argmax(axis=1) == train.labels
            return Outcome(
                content=digest(digest_of(train.ids), array_digest(probabilities)),
                total=len(train.ids),
                new=len(train.ids),
                metadata={"out_of_fold_accuracy": float(right.mean()), "folds": folds},
            )

        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=VERSION,
            parameters={"folds": folds, "seed": FOLD_SEED, "head": HeadConfig().version},
            compute=run,
            replaces=True,
        )

    return out_of_fold


def score_asset(task: Task, score: Score) -> dg.AssetsDefinition:
    """Build the asset `[task, scores, <score>]`."""
    inputs = [task.key("instances")]
    if "probabilities" in score.needs:
        inputs.append(task.key("scores", "out_of_fold"))
    if "graph" in score.needs:
        inputs.append(task.key("graphs", "knn"))

    @task.asset(
        "scores",
        score.name,
        deps=inputs,
        kinds={"duckdb", "numpy"},
        version=score.version,
        tags={"method": score.name},
        table="scores",
        checks=checks.of_score(task, score.name),
        description=f"{score.summary}\n\nFormula: {score.formula}\n\nSource: {score.paper}",
    )
    def scored(
        context: dg.AssetExecutionContext, lake: Lake, datasets: Datasets, lock: DatasetLock
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=score.version,
            parameters={},
            compute=_scoring(lake, dataset, datasets.config(dataset), score),
            replaces=True,
        )

    return scored


def _scoring(
    lake: Lake, dataset: str, config: DatasetConfig, score: Score
) -> Callable[[records.Record | None], Outcome]:
    def run(previous: records.Record | None) -> Outcome:
        train = read_rows(lake, dataset).of("train")
        needs = score.needs
        given = ScoreInputs(
            probabilities=(
                read_probabilities(lake, dataset, train) if "probabilities" in needs else None
            ),
            labels=train.labels if "labels" in needs else None,
            graph=read_knn(lake, dataset, config, train) if "graph" in needs else None,
        )
        values = score.compute(given)
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
                **plots(config, histogram=lambda: score_histogram(values, score.name)),
                "highest": examples(train, values, highest),
                "lowest": examples(train, values, lowest),
            },
        )

    return run


def examples(
    train: Rows, values: np.ndarray, at: np.ndarray, task: str = "text"
) -> dg.MetadataValue:
    """Return some training rows with their scores, for the Dagster UI."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "instance_id": train.ids[i],
                    "label": train.class_names[train.labels[i]],
                    "score": round(float(values[i]), 6),
                    "text": shown_text(train.texts[i], task)[:200],
                }
            )
            for i in at.tolist()
        ]
    )


def text_scores() -> list[Score]:
    """Return the scores of texts, in the order of the registry."""
    return [score for score in SCORES.values() if "text" in score.tasks]


def score_assets(task: Task, scored: list[Score]) -> list[dg.AssetsDefinition]:
    """Build the out-of-fold probabilities of a lineage, and the given scores."""
    return [out_of_fold_asset(task), *(score_asset(task, score) for score in scored)]
