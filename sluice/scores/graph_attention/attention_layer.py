"""Graph attention over one pack: softmax over neighbours, weighted sum, and their gradients.

Velickovic et al., Graph Attention Networks (ICLR 2018, arXiv 1710.10903), equations 1 to 4:
``e_ij = LeakyReLU(a . [z_i || z_j])``, softmax over the neighbours of i and i itself,
``out_i = sum_j alpha_ij z_j``. The vector a is split into its halves, so that
``a . [z_i || z_j] = s_i + t_j`` costs one number a row instead of one vector an edge.

The gradient is written out (ours): edges are there from both sides, so what a row sends is
collected as what it receives, by a permutation of the entries. Nothing is scattered, hence the
order of every addition is fixed, on CUDA too, and no vector of every edge is held at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from sluice.scores.graph_attention.subgraph_batches import Pack

if TYPE_CHECKING:
    import torch

SLOPE = 0.2
"""Of LeakyReLU below 0."""


@dataclass(frozen=True)
class Pattern:
    """Entries of a pack on a device; see `Pack`.

    Attributes
    ----------
    begin : Tensor of int64, shape (m + 1,)
    rows, columns, mirror : Tensor of int64, shape (entries,)
    """

    begin: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    mirror: torch.Tensor

    @classmethod
    def of(cls, pack: Pack, device: str = "cpu") -> Pattern:
        """Move a pack's entries to a device."""
        import torch

        parts = (pack.begin, pack.rows(), pack.columns, pack.mirror)
        return cls(*(torch.from_numpy(part).to(device) for part in parts))


def sums(values: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """Sum of each row's entries, in their order: (entries, heads) to (m, heads)."""
    return _reduce(values, pattern, "sum")


def coefficients(source: torch.Tensor, target: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """Attention that each row pays its neighbours and itself; the row's maximum is subtracted.

    Parameters
    ----------
    source, target : Tensor of float, shape (m, heads)
        s and t: the attending row's half of the logit, and the attended one's.
    pattern : Pattern

    Returns
    -------
    Tensor of float, shape (entries, heads)
        Adds up to 1 in each row.
    """
    import torch

    raw = _logits(source, target, pattern)
    return _softmax(torch.nn.functional.leaky_relu(raw, SLOPE), pattern)


def received(alpha: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """Attention that each row gets from the others, itself excluded.

    Parameters
    ----------
    alpha : Tensor of float, shape (entries, heads)
    pattern : Pattern

    Returns
    -------
    Tensor of float64, shape (m, heads)
        ``I_j = sum over i != j of alpha_ij``.
    """
    paid = _at(alpha.double(), pattern.mirror)
    paid[pattern.rows == pattern.columns] = 0.0
    return sums(paid, pattern)


def attend(
    features: torch.Tensor, source: torch.Tensor, target: torch.Tensor, pattern: Pattern
) -> torch.Tensor:
    """Weighted sums of the neighbours' features, differentiable in all three tensors.

    Parameters
    ----------
    features : Tensor of float, shape (heads, m, width)
        z.
    source, target : Tensor of float, shape (m, heads)
    pattern : Pattern

    Returns
    -------
    Tensor of float, shape (heads, m, width)

    Notes
    -----
    Cost heads entries width, forth and twice back; memory heads entries.
    """
    return _function().apply(features, source, target, pattern)


def _logits(source: torch.Tensor, target: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    return _at(source, pattern.rows) + _at(target, pattern.columns)


def _softmax(logits: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    greatest = _reduce(logits, pattern, "max")
    raised = (logits - _at(greatest, pattern.rows)).exp_()
    return raised.div_(_at(sums(raised, pattern), pattern.rows))


def _at(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Rows of a tensor; twice as fast as square brackets on a CPU."""
    return values.index_select(0, index)


def _reduce(values: torch.Tensor, pattern: Pattern, how: str) -> torch.Tensor:
    import torch

    reduce: Any = torch.segment_reduce
    return reduce(values.contiguous(), how, offsets=pattern.begin, axis=0, unsafe=True)


def _weighted(features: torch.Tensor, alpha: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """``sum_j alpha_ij z_j`` of each head; embedding_bag gathers and adds without a copy."""
    import torch

    by_head = alpha.T.contiguous()
    bag: Any = torch.nn.functional.embedding_bag
    return torch.stack([
        bag(
            pattern.columns, z, pattern.begin,
            mode="sum", per_sample_weights=weights, include_last_offset=True,
        )
        for z, weights in zip(features, by_head, strict=True)
    ])  # fmt: skip


def _products(first: torch.Tensor, second: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """``<first_i, second_j>`` of each head and entry, (entries, heads), without a gathered copy."""
    import torch

    size = (len(pattern.begin) - 1,) * 2
    nothing = torch.zeros(len(pattern.columns), dtype=first.dtype, device=first.device)
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # "CSR is in beta", said once a process
        where = torch.sparse_csr_tensor(
            pattern.begin, pattern.columns, nothing, size, check_invariants=False
        )
        sampled: Any = torch.sparse.sampled_addmm
        heads = [
            sampled(where, a, b.T, beta=0.0).values() for a, b in zip(first, second, strict=True)
        ]
    return torch.stack(heads, dim=1)


@cache
def _function() -> Any:
    """Return the autograd function; torch is imported here and not with the module."""
    import torch

    class Attend(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any,
            features: torch.Tensor,
            source: torch.Tensor,
            target: torch.Tensor,
            pattern: Pattern,
        ) -> torch.Tensor:
            raw = _logits(source, target, pattern)
            alpha = _softmax(torch.nn.functional.leaky_relu(raw, SLOPE), pattern)
            ctx.save_for_backward(features, alpha, raw > 0)
            ctx.pattern = pattern
            return _weighted(features, alpha, pattern)

        @staticmethod
        def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
            features, alpha, positive = ctx.saved_tensors
            pattern: Pattern = ctx.pattern
            out = gradients[0].contiguous()
            # entry (i, j) seen from j: alpha_ij times what arrived at i goes to z_j
            to_features = _weighted(out, _at(alpha, pattern.mirror), pattern)
            paid = _products(out, features, pattern)
            mean = sums(alpha * paid, pattern)
            slope = alpha * (paid - _at(mean, pattern.rows))
            slope = torch.where(positive, slope, SLOPE * slope)
            return (
                to_features,
                sums(slope, pattern),
                sums(_at(slope, pattern.mirror), pattern),
                None,
            )

    return Attend
