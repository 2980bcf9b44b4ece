"""The teacher of the training rows: what models that have not seen a row say of it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_rows, read_vectors, reads_input
from assets.lineage.stage import Outcome, Reading, Run, Stage, digest_of, stage
from resources.lake import Lake
from resources.store import scores
from sluice.core.digests import array_digest, digest
from sluice.scores.teacher import FOLDS, VERSION, Teacher, teach_out_of_fold

MIXED, BY_VECTORS = "teacher/", "teacher_by_vectors/"
SEED = 0


def teacher(words: Callable[[Rows], list[str]] | None = None) -> Stage:
    """Return the stage `scores/teacher`.

    Parameters
    ----------
    words : callable, optional
        Takes the training rows and returns their texts, where the task has any.
    """

    @stage(
        "scores/teacher",
        reads=("instances", "embeddings"),
        kinds=("duckdb", "scikitlearn"),
        version=VERSION,
        table="scores",
        replaces=True,
        only_read=True,
        description=(
            "Class probabilities of each training row by models trained on the other folds: a "
            "softmax regression on its vector and, of texts, a logistic regression on tf-idf of "
            "its words, mixed and scaled as fits the labels best. Folds go by the hash of the id, "
            "class by class. Made for the selectors that read it."
        ),
        settings=lambda run: {"folds": FOLDS, "seed": SEED, "words": words is not None},
    )
    def taught(run: Run) -> Outcome:
        train = read_rows(run.lake, run.dataset).of("train")
        found = teach_out_of_fold(
            read_vectors(run.lake, run.task, run.dataset, train),
            train.labels,
            ids=np.array(train.ids),
            texts=None if words is None else words(train),
            n_classes=len(train.class_names),
            seed=SEED,
        )
        for family, values in ((MIXED, found.probabilities), (BY_VECTORS, found.by_vectors)):
            names = [family + name for name in train.class_names]
            columns = dict(zip(names, values.T, strict=True))
            scores.replace(run.lake, run.dataset, train.ids, columns, family)
        by_vectors = found.by_vectors.argmax(axis=1) == train.labels
        parts = (digest_of(train.ids), array_digest(found.probabilities))
        return Outcome(
            content=digest(*parts, array_digest(found.by_vectors)),
            total=len(train.ids),
            new=len(train.ids),
            metadata={
                "agrees_with_the_label": float(found.agrees.mean()),
                "by_vectors_alone": float(by_vectors.mean()),
            },
        )

    return taught


@reads_input("teacher", stage="scores/teacher")
def read_teacher(read: Reading, train: Rows) -> Teacher:
    """Read what the teacher says of the training rows."""
    mixed, alone = (
        _probabilities(read.lake, read.dataset, train, family) for family in (MIXED, BY_VECTORS)
    )
    return Teacher(mixed, alone, train.labels)


def _probabilities(lake: Lake, dataset: str, train: Rows, family: str) -> NDArray[np.float64]:
    columns = [scores.read(lake, dataset, family + name, train.ids) for name in train.class_names]
    return np.column_stack(columns)
