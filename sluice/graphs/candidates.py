"""Approximate top inner products in float32: FAISS, or torch where FAISS has no GPU.

What comes out here is never ranked as it stands: `sluice.graphs.knn` scores it again. Each
score is within `score_error` of the canonical one, and that is all that is relied upon.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError

Search = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.int64]]]
"""``search(queries) -> (scores, positions)``, each (q, width), scores falling along a row."""

Scores = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""``scores(rows) -> (len(rows), n)``: inner products with every row, valid until the next call."""

BLAS_FLOATS = 128_000
"""FAISS leaves its slow path (up to 19 times slower) at this many query floats a call."""

FAISS_GPU_WIDTH = 2048
"""The longest list that FAISS keeps on a GPU."""

TORCH_COLUMNS = 1 << 17

NO_CUDA = "device is 'cuda', but no CUDA device is found; use 'auto' or 'cpu'."


def score_error(d: int) -> float:
    """Bound on |float32 inner product - canonical cosine| for unit rows, any order of sums.

    The standard bound gamma_d |x||y| with unit roundoff 2^-24, and 2.5e-5 up to d = 384. It
    holds for float32 sums, not for TF32 or bfloat16.

    Parameters
    ----------
    d : int
        Length of a row.
    """
    return max(2.5e-5, 1.05 * d * 2.0**-24)


def query_rows(d: int, block: int) -> int:
    """Least queries of one call: `block`, or more where FAISS would take its slow path."""
    return max(block, -(-BLAS_FLOATS // max(d, 1)))


def candidate_search(vectors: NDArray[np.float32], width: int, device: str) -> Search:
    """Choose the engine for `device` and load the rows into it.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        C-contiguous, L2-normalised rows.
    width : int
        How many candidates each query gets, ``width <= n``.
    device : {"auto", "cpu", "cuda"}
        ``"auto"`` takes a CUDA device where there is one.

    Raises
    ------
    ConfigError
        The device is unknown, or is ``"cuda"`` and there is none.
    """
    _known(device)
    faiss: Any = import_module("faiss") if find_spec("faiss") is not None else None
    if device != "cpu":
        if faiss is not None and _faiss_gpus(faiss) > 0 and width <= FAISS_GPU_WIDTH:
            return _faiss_gpu(faiss, vectors, width)
        if import_module("torch").cuda.is_available():
            return _torch(vectors, width, "cuda")
        if device == "cuda":
            raise ConfigError(NO_CUDA)
    if faiss is None:
        return _torch(vectors, width, "cpu")
    return _faiss_cpu(faiss, vectors, width)


def row_scores(vectors: NDArray[np.float32], device: str, most: int) -> Scores:
    """Load the rows for products of a few of them with all, each within `score_error`.

    On a CPU that is numpy's product into one buffer that is used again: of numpy, torch and a
    FAISS search it was the fastest.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        C-contiguous, L2-normalised rows.
    device : {"auto", "cpu", "cuda"}
        ``"auto"`` takes a CUDA device only if torch is loaded already: loading it takes longer
        than most patches do.
    most : int
        The most rows of one call.

    Raises
    ------
    ConfigError
        The device is unknown, or is ``"cuda"`` and there is none.
    """
    _known(device)
    torch: Any = import_module("torch") if device == "cuda" else sys.modules.get("torch")
    if device != "cpu" and torch is not None and torch.cuda.is_available():
        return _torch_scores(vectors, "cuda")
    if device == "cuda":
        raise ConfigError(NO_CUDA)
    buffer = np.empty((most, len(vectors)), dtype=np.float32)

    def scores(asked: NDArray[np.int64]) -> NDArray[np.float32]:
        # without `out` every call would have its pages cleared again
        return np.matmul(vectors[asked], vectors.T, out=buffer[: len(asked)])

    return scores


def _known(device: str) -> None:
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device is {device!r}; use 'auto', 'cpu' or 'cuda'.")


def _faiss_gpus(faiss: Any) -> int:
    """CUDA devices that this build of FAISS can use; the CPU build has none."""
    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0


def _faiss_cpu(faiss: Any, vectors: NDArray[np.float32], width: int) -> Search:
    def search(queries: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        # faiss.knn reads the rows where they lie; an index would copy them
        return faiss.knn(queries, vectors, width, metric=faiss.METRIC_INNER_PRODUCT)

    return search


def _faiss_gpu(faiss: Any, vectors: NDArray[np.float32], width: int) -> Search:
    resources = faiss.StandardGpuResources()
    index = faiss.GpuIndexFlatIP(resources, vectors.shape[1])
    index.add(vectors)

    def search(queries: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        _ = resources  # the index needs it alive
        return index.search(queries, width)

    return search


def _torch(vectors: NDArray[np.float32], width: int, device: str) -> Search:
    torch: Any = import_module("torch")
    rows = torch.from_numpy(vectors).to(device)

    def search(queries: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        with torch.inference_mode(), _full_float32(torch):
            asked = torch.from_numpy(queries).to(device)
            best = torch.empty((len(queries), 0), device=device)
            where = torch.empty((len(queries), 0), dtype=torch.int64, device=device)
            for start in range(0, len(rows), TORCH_COLUMNS):
                scores = asked @ rows[start : start + TORCH_COLUMNS].T
                top = scores.topk(min(width, scores.shape[1]), dim=1)
                best = torch.cat([best, top.values], dim=1)
                where = torch.cat([where, top.indices + start], dim=1)
                best, order = best.topk(min(width, best.shape[1]), dim=1)
                where = where.gather(1, order)
            return best.cpu().numpy(), where.cpu().numpy()

    return search


def _torch_scores(vectors: NDArray[np.float32], device: str) -> Scores:
    torch: Any = import_module("torch")
    rows = torch.from_numpy(vectors).to(device)

    def scores(asked: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode(), _full_float32(torch):
            return (rows[torch.from_numpy(asked).to(device)] @ rows.T).cpu().numpy()

    return scores


@contextmanager
def _full_float32(torch: Any):
    """Keep TF32 out: its errors are far beyond `score_error`."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
