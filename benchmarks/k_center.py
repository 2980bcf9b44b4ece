"""Greedy k-center, 500 of 50,000 x 384, against scikit-activeml's CoreSet: the same picks.

``python -m benchmarks.k_center`` from the root of the repository.
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

from sluice.subsets.contract import Pool
from sluice.subsets.registry import selector
from sluice.subsets.runner import run

ROWS, LENGTH, PICKS, START = 50_000, 384, 500, 0


def ours(pool: Pool) -> np.ndarray:
    """Positions that `k_center` keeps, through the validating shell."""
    kept = run(selector("k_center"), pool, PICKS, 0, start=str(pool.ids[START]))
    return kept.ids.astype(np.int64)


def main() -> None:
    options = arguments(__doc__ or "")
    vectors = clustered_vectors(ROWS, LENGTH)
    # ids in the order of the rows, so that an id is its position
    pool = Pool(np.array([f"{row:06d}" for row in range(ROWS)]), vectors)
    if options.peak:
        ours(pool)
        return print_peak()

    from skactiveml.pool import CoreSet

    # the peer starts from labelled rows: the first pick is the only one
    labels = np.full(ROWS, np.nan)
    labels[START] = 0

    def peer() -> np.ndarray:
        chosen = CoreSet(random_state=0).query(vectors, labels, batch_size=PICKS - 1)
        return np.concatenate([[START], chosen])

    our_seconds, peer_seconds, our_picks, peer_picks = interleaved(
        options.rounds, lambda: ours(pool), peer
    )
    assert np.array_equal(our_picks, peer_picks), "the picks differ"
    facts = {
        "same_picks": f"all {PICKS}, in the same order",
        "our_peak_memory_mib": round(peak_memory("benchmarks.k_center")),
        "data": f"{ROWS} x {LENGTH}, 200 low-rank Gaussian clusters, unit norm; synthetic",
    }
    record(
        "k_center",
        "k-center, 500 of 50,000 x 384: sluice k_center against scikit-activeml CoreSet",
        (our_seconds, peer_seconds),
        facts,
        ["numpy", "scikit-activeml", "scikit-learn"],
    )


if __name__ == "__main__":
    main()
