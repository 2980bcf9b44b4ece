"""A stored part of a graph against the plainest way of making it: every pair, in float64."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.lineage.checking import Check, Finding, Look
from assets.lineage.inputs import read_rows, read_vectors
from assets.lineage.stage import Reading
from resources.store import part_edges
from resources.store.part_edges import StoredPart
from sluice.graphs.instance_graphs.parts import GraphMethod
from sluice.graphs.instance_graphs.projections import directions

SEED = 0
# Rounding may break a tie the other way.
CLOSE = 1e-6

Options = Mapping[str, Any]
Similarities = NDArray[np.float64]


def of_parts(method: GraphMethod) -> list[Check]:
    """Return the checks of a graph of instances."""
    also = ["instances", "embeddings"]
    return [Check("equals_brute_force_on_a_part", _exact(method), also)]


def _exact(method: GraphMethod) -> Look:
    def look(read: Reading) -> Finding:
        """The edges of one part are those of a comparison of all its pairs in float64."""
        train = read_rows(read.lake, read.dataset).of("train")
        stored = part_edges.read(read.lake, read.dataset, method.name)
        part = sampled(stored, method.options.get("cap"))
        if part is None:
            return Finding(True, {"part": "none has two rows and all of them"})
        rows = read_vectors(read.lake, read.task, read.dataset, train)[part.part.positions]
        wrong = differing(method, part, rows)
        return Finding(
            not wrong.any(),
            {
                "part": part.part.key,
                "rows": len(rows),
                "edges": len(part.edges.sources),
                "pairs_that_differ": int(wrong.sum()) // 2,
            },
        )

    return look


def differing(
    method: GraphMethod, stored: StoredPart, rows: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return which pairs of a part's rows weigh something else than they should, shape (m, m)."""
    least, most = _PLAIN[method.name](rows.astype(np.float64), stored.part.key, method.options)
    found = np.zeros(least.shape)
    found[stored.edges.sources, stored.edges.targets] = stored.edges.weights
    found = np.maximum(found, found.T)
    return (found < least - CLOSE) | (found > most + CLOSE)


def sampled(stored: list[StoredPart], cap: int | None) -> StoredPart | None:
    """Return the largest part of which no row was left out, or none."""
    whole = [s for s in stored if 2 <= len(s.part.positions) <= (cap or np.inf)]
    return max(whole, key=lambda s: (len(s.part.positions), s.part.key), default=None)


def _minibatch(
    rows: NDArray[np.float64], key: str, options: Options
) -> tuple[Similarities, Similarities]:
    """Return the least and the most that each pair may weigh: ties may go either way."""
    from scipy.spatial.distance import cdist

    distances = cdist(rows, rows)
    pairs = distances[np.triu_indices(len(rows), 1)]
    median = float(np.median(pairs)) or float(np.median(pairs[pairs > 0])) if pairs.any() else 1.0
    weights = np.exp(-distances / (options["tau"] or median))
    np.fill_diagonal(distances, np.inf)
    k = min(options["k"], len(rows) - 1)
    # The last of each row is its distance to itself, which is infinite here.
    ordered = np.sort(distances, axis=1)
    surely = distances < ordered[:, k : k + 1] - CLOSE
    maybe = distances <= ordered[:, k - 1 : k] + CLOSE
    surely, maybe = (near & np.isfinite(distances) for near in (surely, maybe))
    return weights * (surely | surely.T), weights * (maybe | maybe.T)


def _hash(
    rows: NDArray[np.float64], key: str, options: Options
) -> tuple[Similarities, Similarities]:
    agree = np.asarray(_agreement(rows, options["bits"], 0, 1.0).all(axis=2))
    return _both(agree.astype(np.float64))


def _multilevel(
    rows: NDArray[np.float64], key: str, options: Options
) -> tuple[Similarities, Similarities]:
    agree = _agreement(rows, options["levels"][-1], 0, 1.0)
    weights = np.array(options["level_weights"], dtype=np.float64)
    levels = [agree[:, :, :level].all(axis=2) for level in options["levels"]]
    similar = sum(w * level for w, level in zip(weights, levels, strict=True)) / weights.sum()
    return _both(np.where(similar >= options["threshold"] - CLOSE, similar, 0.0))


def _multiview(
    rows: NDArray[np.float64], key: str, options: Options
) -> tuple[Similarities, Similarities]:
    view = int(key.partition(":")[0])
    agree = np.asarray(
        _agreement(rows, options["bits"], view, options["feature_share"]).all(axis=2)
    )
    return _both(agree.astype(np.float64))


def _agreement(rows: NDArray[np.float64], bits: int, view: int, share: float) -> NDArray[np.bool_]:
    planes = directions(SEED, rows.shape[1], bits, view, share)
    codes = rows @ planes.T > 0
    return codes[:, None, :] == codes[None, :, :]


def _both(weights: Similarities) -> tuple[Similarities, Similarities]:
    np.fill_diagonal(weights, 0.0)
    return weights, weights


_PLAIN: dict[
    str, Callable[[NDArray[np.float64], str, Options], tuple[Similarities, Similarities]]
] = {"minibatch": _minibatch, "hash": _hash, "multilevel": _multilevel, "multiview": _multiview}
