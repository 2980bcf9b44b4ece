"""A flat map of all rows, for people to look at."""

import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import read_rows, read_vectors
from assets.lineage.stage import Outcome, Run, digest_of, stage
from resources.lake import Lake
from resources.store import scores
from sluice.core.digests import array_digest, digest
from sluice.reports.projection import project_2d

VERSION = "1"
AXES = ("map_x", "map_y")


@stage(
    "map",
    reads=("instances", "embeddings"),
    version=VERSION,
    table="scores",
    replaces=True,
    description=(
        "The first two principal components of all vectors: where a row lies on the maps of "
        "kept and dropped rows. No method reads it."
    ),
)
def flat_map(run: Run) -> Outcome:
    """Lay all rows out on a plane."""
    present = read_rows(run.lake, run.dataset)
    vectors = read_vectors(run.lake, run.task, run.dataset, present)
    place = project_2d(vectors, np.array(present.ids)).astype(np.float64)
    columns = {name: place[:, i] for i, name in enumerate(AXES)}
    scores.replace(run.lake, run.dataset, present.ids, columns)
    return Outcome(
        content=digest(digest_of(present.ids), array_digest(place)),
        total=len(place),
        new=len(place),
    )


def read_map(lake: Lake, dataset: str, ids: list[str]) -> NDArray[np.float32]:
    """Read where rows lie on the map, shape (n, 2)."""
    columns = [scores.read(lake, dataset, axis, ids) for axis in AXES]
    return np.column_stack(columns).astype(np.float32)
