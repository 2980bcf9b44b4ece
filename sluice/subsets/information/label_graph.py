"""The label graph of MIG: labels that resemble each other share information.

Chen and others, MIG: Automatic Data Selection for Instruction Tuning by Maximizing Information
Gain in Semantic Space (arXiv 2504.13835), section 3. Sparse throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.arrays import number_array
from sluice.core.errors import ConfigError, DataError
from sluice.graphs.canonical import canonical_cosine_pairs

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PRODUCTS = 1 << 21
"""Float32 products held at once (8 MiB). No parameter of the result."""


def check_graph_options(threshold: float, scale: float) -> None:
    """Refuse a threshold outside 0 to 1, and a scale that is negative or not finite.

    Raises
    ------
    ConfigError
    """
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold is {threshold!r}; give a similarity from 0 to 1.")
    if not 0 <= scale < float("inf"):
        raise ConfigError(f"scale is {scale!r}; give 0 (no propagation) or more.")


def checked_similarity(similarity: Any, labels: int) -> Any:
    """Check a dense or sparse similarity of labels; return it as ndarray or CSR of float64.

    Raises
    ------
    DataError
        Its shape is not (labels, labels), or it is not finite or not symmetric.
    """
    from scipy.sparse import csr_array, issparse

    sparse = bool(issparse(similarity))
    given: Any = csr_array(similarity) if sparse else number_array("Similarities", similarity)
    if given.shape != (labels, labels):
        raise DataError(
            f"The similarity has shape {given.shape}; give {labels} x {labels}, as rows have "
            f"{labels} labels."
        )
    given = given.astype(np.float64)
    if not np.isfinite(given.data if sparse else given).all():
        raise DataError("The similarity of some labels is NaN or infinite; leave such labels out.")
    gap = abs(given - given.T).max() if labels else 0.0
    if gap > 1e-4:
        raise DataError(
            f"The similarity differs by {gap:.3g} from its transpose; make it symmetric."
        )
    return given


def similar_labels(vectors: NDArray[np.float32], threshold: float) -> csr_array:
    """Cosines of pairs of labels from a threshold upwards, tile by tile.

    Parameters
    ----------
    vectors : ndarray of float32, shape (L, d)
        Unit vectors.
    threshold : float
        From 0 to 1.

    Returns
    -------
    csr_array of float64, shape (L, L)
        Canonical cosines, at most 1; symmetric, without the diagonal.

    Notes
    -----
    Cost L^2 d in float32; memory `PRODUCTS` floats and the entries kept. A float32 product only
    proposes: whoever is near the threshold is measured canonically.
    """
    from scipy.sparse import coo_array

    count, width = vectors.shape
    # error of a float32 inner product of unit vectors in any order of additions, with room
    error = np.float32((1.1 * width + 8) * 2.0**-24)
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    step = max(1, PRODUCTS // max(1, count))
    for start in range(0, count, step):
        first, second = np.nonzero(vectors[start : start + step] @ vectors.T >= threshold - error)
        upper = first + start < second
        found.append((first[upper] + start, second[upper]))
    none = np.empty(0, dtype=np.int64)
    a = np.concatenate([none, *(pair[0] for pair in found)])
    b = np.concatenate([none, *(pair[1] for pair in found)])
    cosines = canonical_cosine_pairs(vectors, a, b)
    kept = cosines >= threshold
    a, b, cosines = a[kept], b[kept], np.minimum(cosines[kept], 1.0)
    both = np.concatenate([a, b]), np.concatenate([b, a])
    return coo_array((np.concatenate([cosines, cosines]), both), shape=(count, count)).tocsr()


def propagation(similarity: Any, threshold: float, scale: float) -> csr_array:
    """How the information of a label reaches others: threshold, then scale, then normalise.

    ``W_ab = similarity_ab`` where it is at least `threshold`, else 0; ``W_aa = 1``; the entries
    beside the diagonal times `scale`; ``P_ab = W_ab / sum_c W_cb``.

    Parameters
    ----------
    similarity : ndarray or csr_array of float64, shape (L, L)
    threshold : float
        From 0 to 1.
    scale : float
        0 or more; 0 makes P the identity.

    Returns
    -------
    csr_array of float64, shape (L, L)
        Columns add up to 1.
    """
    from scipy.sparse import coo_array, issparse

    count = similarity.shape[0]
    if issparse(similarity):
        entries = similarity.tocoo()
        (a, b), weights = entries.coords, entries.data
        kept = weights >= threshold
        a, b, weights = a[kept], b[kept], weights[kept]
    else:
        a, b = np.nonzero(similarity >= threshold)
        weights = similarity[a, b]
    weights = weights * scale
    kept = (a != b) & (weights > 0)
    each = np.arange(count)
    rows, columns = np.concatenate([a[kept], each]), np.concatenate([b[kept], each])
    weights = np.concatenate([weights[kept], np.ones(count)])
    # row by row, so that each sum is added in one order
    order = np.lexsort((columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    sums = np.bincount(columns, weights=weights, minlength=count)
    matrix = coo_array((weights / sums[columns], (rows, columns)), shape=(count, count)).tocsr()
    matrix.sort_indices()
    return matrix


def row_information(
    rows: csr_array, quality: NDArray[np.float64], spread: csr_array, normalised: bool
) -> csr_array:
    """Information of each row: its quality on each of its labels, then propagated.

    Parameters
    ----------
    rows : csr_array of float64, shape (n, L)
        An entry, of any value, where a row has a label; canonical format.
    quality : ndarray of float64, shape (n,)
        Finite, 0 or more.
    spread : csr_array of float64, shape (L, L)
        From `propagation`.
    normalised : bool
        Whether a row's quality is shared among its labels.

    Returns
    -------
    csr_array of float64, shape (n, L)
        Columns ascending within a row.
    """
    from scipy.sparse import csr_array

    sizes = np.diff(rows.indptr)
    each = quality / np.maximum(sizes, 1) if normalised else quality
    raw: Any = csr_array((np.repeat(each, sizes), rows.indices, rows.indptr), shape=rows.shape)
    spread_out = raw @ spread
    spread_out.sort_indices()
    return spread_out
