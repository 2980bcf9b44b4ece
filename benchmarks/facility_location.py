"""Facility location, 1,000 of 20,000 x 64, against apricot's lazy greedy on dense cosines.

Both are judged by the dense objective, the mean over all rows of the greatest cosine to a kept
row (0 where negative). Our time includes the exact kNN graph; apricot's includes the dense matrix,
in the form that it works on fastest (float64, precomputed by one matrix product).

``python -m benchmarks.facility_location`` from the root of the repository.
"""

from __future__ import annotations

from benchmarks.side_by_side import (
    arguments,
    clustered_vectors,
    interleaved,
    peak_memory,
    print_peak,
    record,
)

# isort: split
import numpy as np
from numpy.typing import NDArray

from sluice.graphs.knn import KnnGraph
from sluice.subsets.contract import Pool
from sluice.subsets.registry import selector
from sluice.subsets.runner import run

ROWS, LENGTH, PICKS, NEIGHBOURS = 20_000, 64, 1_000, 28


def ours(ids: NDArray[np.str_], vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Build the graph and pick."""
    graph = KnnGraph.build(ids, vectors, k=NEIGHBOURS, slack=0, device="cpu")
    kept = run(selector("facility_location"), Pool(ids, graph=graph), PICKS, 0)
    return kept.ids.astype(np.int64)


def dense_objective(vectors: NDArray[np.float32], kept: NDArray[np.int64]) -> float:
    """Mean greatest cosine to a kept row, negative cosines counting as 0."""
    best = [
        np.maximum((block @ vectors[kept].T).max(axis=1), 0.0).astype(np.float64)
        for block in np.array_split(vectors, 10)
    ]
    return float(np.concatenate(best).mean())


def main() -> None:
    options = arguments(__doc__ or "")
    vectors = clustered_vectors(ROWS, LENGTH)
    ids = np.array([f"{row:06d}" for row in range(ROWS)])
    if options.peak:
        ours(ids, vectors)
        return print_peak()

    from apricot import FacilityLocationSelection

    def peer() -> NDArray[np.int64]:
        exact = vectors.astype(np.float64)
        cosines = exact @ exact.T
        np.maximum(cosines, 0.0, out=cosines)
        method = FacilityLocationSelection(PICKS, metric="precomputed", optimizer="lazy")
        return method.fit(cosines).ranking

    # numba compiles at the first call: not counted
    few = np.maximum(vectors[:200].astype(np.float64) @ vectors[:200].T, 0.0)
    FacilityLocationSelection(5, metric="precomputed", optimizer="lazy").fit(few)
    our_seconds, peer_seconds, our_picks, peer_picks = interleaved(
        options.rounds, lambda: ours(ids, vectors), peer
    )
    our_value, peer_value = (dense_objective(vectors, p) for p in (our_picks, peer_picks))
    facts = {
        "share_of_the_peers_dense_objective": f"{our_value / peer_value:.2%}",
        "our_dense_objective": round(our_value, 5),
        "peer_dense_objective": round(peer_value, 5),
        "our_peak_memory_mib": round(peak_memory("benchmarks.facility_location")),
        "peer_matrix_mib": round(ROWS * ROWS * 8 / 2**20),
        "our_neighbours": NEIGHBOURS,
        "data": f"{ROWS} x {LENGTH}, 200 low-rank Gaussian clusters, unit norm; synthetic",
    }
    record(
        "facility_location",
        "Facility location, 1,000 of 20,000 x 64: sluice (graph included) against apricot's "
        "dense lazy greedy",
        (our_seconds, peer_seconds),
        facts,
        ["numpy", "faiss-cpu", "apricot-select", "numba"],
    )


if __name__ == "__main__":
    main()
