"""Influence of rows on a reference set by (E)K-FAC: what Quad scores clusters by.

Quad (Zhang et al. 2024, arXiv:2409.16986): the influence of a row z on a reference row r is
the cosine of H^-1 grad L(r) and grad L(z), with H the damped K-FAC curvature of attention and MLP
layers, averaged over the references. Positive is helpful: a step on z lowers the loss of r.

Ours: the references' inverse products, each of unit length, are averaged into one direction V, so
the mean cosine of a row is <V, grad L(z)> / |grad L(z)|. Both are exact sums over tokens,
sum_t delta_t^T V x_t and sum_tu (delta_t . delta_u)(x_t . x_u), so no row's gradient is formed and
no random projection to 8,192 dimensions is needed. Biases have no curvature here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError, DataError
from sluice.language.batches import TokenBudget, in_batches
from sluice.language.pairs import Pair
from sluice.language.response_loss import check_pairs
from sluice.language.training.kfac_factors import DAMPING, LayerCurvature
from sluice.language.training.linear_layers import block_layers, row_factors, weight_shape

if TYPE_CHECKING:
    import torch

    from sluice.core.progress import Advance

Eigenvalues = Literal["fitted", "product"]
MAX_TOKENS = 1024
LAST_BLOCKS = 4
HELD = 1 << 27
"""Most values of gradients that are held at once, 512 MiB of float32."""


class KfacInfluence:
    """A direction in the weights of some layers, and how well rows' gradients agree with it.

    Made by `fit`.

    Attributes
    ----------
    layers : mapping of str to Linear
    direction : dict of str to Tensor, shape (out, in)
        By layer: mean of the references' inverse products, each of unit length over all layers.
    """

    def __init__(
        self, model: Any, layers: Mapping[str, Any], direction: dict[str, torch.Tensor]
    ) -> None:
        self.model = model
        self.layers = layers
        self.direction = direction

    @classmethod
    def fit(
        cls,
        model: Any,
        pairs_reference: Sequence[Pair],
        *,
        pairs_curvature: Sequence[Pair] | None = None,
        last_blocks: int | None = LAST_BLOCKS,
        layers: Mapping[str, Any] | None = None,
        eigenvalues: Eigenvalues = "fitted",
        damping: float = DAMPING,
        relative: bool = True,
        max_tokens: int = MAX_TOKENS,
    ) -> KfacInfluence:
        """Fit the curvature and the direction that helps the references.

        Parameters
        ----------
        model : transformers causal language model, or a peft model around one
            Put into evaluation mode.
        pairs_reference : sequence of Pair, length r
        pairs_curvature : sequence of Pair, optional
            Rows whose curvature it is, best a sample of the training rows; default the references.
        last_blocks : int, optional
            Attention and MLP layers of how many blocks from the end (ours); None for all. Backward
            passes go no deeper.
        layers : mapping of str to Linear, optional
            Which layers instead.
        eigenvalues : {"fitted", "product"}
            EK-FAC, as Quad, or plain K-FAC.
        damping, relative
            See `LayerCurvature.damp`; the code of Quad has ``damping=1e-3, relative=False``, next
            to which the curvature of a mean loss nearly vanishes.
        max_tokens : int
            Tokens of a batch, padding included.

        Returns
        -------
        KfacInfluence

        Raises
        ------
        ConfigError
            An option is wrong, or a layer cannot be used.
        DataError
            There is no reference, or a pair has no prompt or no response token.

        Notes
        -----
        Cost: two passes (one without fitting) over the curvature rows and one over the references,
        in^3 + out^3 a layer, and per row out * in * tokens a layer. Memory: a few times the
        layers' weights, and up to `HELD` values.
        """
        if eigenvalues not in ("fitted", "product"):
            raise ConfigError(
                f"Unknown eigenvalues {eigenvalues!r}. Known: fitted (EK-FAC), product (K-FAC)."
            )
        if not len(pairs_reference):
            raise DataError("There is no reference row for whose sake rows could be chosen.")
        check_pairs(pairs_reference)
        model = model.eval()
        used = block_layers(model, last_blocks) if layers is None else layers
        passes = _Passes(model, used, max_tokens)
        curvature = _curvature(
            passes, pairs_curvature or pairs_reference, fitted=eigenvalues == "fitted"
        )
        for layer in curvature.values():
            layer.damp(damping, relative=relative)
        return cls(model, used, mean_direction(passes, pairs_reference, curvature))

    def of(
        self, pairs: Sequence[Pair], max_tokens: int = MAX_TOKENS, advance: Advance | None = None
    ) -> NDArray[np.float64]:
        """Influence of rows: the mean over the references of the cosine.

        Parameters
        ----------
        pairs : sequence of Pair, length n
        max_tokens : int
            Tokens of a batch, padding included.
        advance : callable, optional
            Called with the number of rows done, after each batch.

        Returns
        -------
        ndarray of float64, shape (n,)
            Within [-1, 1], positive where the row helps; 0 for a row without a gradient, not
            finite where its gradient is not.

        Raises
        ------
        DataError
            A pair has no prompt or no response token.
        """
        import torch

        result = np.empty(len(pairs), dtype=np.float64)

        def batch(rows: Sequence[Pair], factors: _Factors) -> NDArray[np.float64]:
            sums = torch.zeros((2, len(rows)), dtype=torch.float64)

            def layer(name: str, inputs: torch.Tensor, deltas: torch.Tensor) -> None:
                sums[0] += _inner(self.direction[name], inputs, deltas)
                sums[1] += _squared_norm(inputs, deltas)

            factors(layer)
            return torch.where(sums[1] == 0, 0.0, sums[0] / sums[1].sqrt()).numpy()

        if len(pairs):
            passes = _Passes(self.model, self.layers, max_tokens)
            for positions, part in passes.over(pairs, batch):
                result[positions] = part
                if advance is not None:
                    advance(len(positions))
        return result


_Factors = Callable[[Callable[[str, "torch.Tensor", "torch.Tensor"], None]], None]
"""Runs one batch forward and back and hands each layer's factors over."""

T = TypeVar("T")


class _Passes:
    """Passes of a model over rows, batch by batch."""

    def __init__(self, model: Any, layers: Mapping[str, Any], max_tokens: int) -> None:
        self.model, self.layers, self.max_tokens = model, layers, max_tokens

    def over(
        self, pairs: Sequence[Pair], batch: Callable[[Sequence[Pair], _Factors], T]
    ) -> Iterator[tuple[NDArray[np.int64], T]]:
        """Yield the positions of each batch, longest rows first, with what `batch` returns."""

        def run(positions: NDArray[np.int64]) -> T:
            rows = [pairs[i] for i in positions.tolist()]
            return batch(rows, lambda layer: self.factors(rows, layer))

        lengths = np.array([len(pair) for pair in pairs], dtype=np.int64)
        yield from in_batches(lengths, TokenBudget(self.max_tokens), run)

    def factors(
        self, rows: Sequence[Pair], layer: Callable[[str, torch.Tensor, torch.Tensor], None]
    ) -> None:
        """Hand over the factors of one batch."""
        row_factors(self.model, rows, self.layers, layer)


def _curvature(
    passes: _Passes, pairs: Sequence[Pair], *, fitted: bool
) -> dict[str, LayerCurvature]:
    """Gather the factors of all layers, decompose them and, for EK-FAC, fit the eigenvalues."""
    import torch

    curvature = {name: LayerCurvature() for name in passes.layers}

    def observe(rows: Sequence[Pair], factors: _Factors) -> None:
        longest = max(map(len, rows))
        real = torch.tensor([[t < len(row) for t in range(longest)] for row in rows])
        factors(lambda name, x, delta: curvature[name].observe(x, delta, real.to(x.device)))

    def fit(_rows: Sequence[Pair], factors: _Factors) -> None:
        factors(lambda name, x, delta: curvature[name].fit(x, delta))

    for _ in passes.over(pairs, observe):
        continue
    for layer in curvature.values():
        layer.decompose()
    if fitted:
        for _ in passes.over(pairs, fit):
            continue
    return curvature


def mean_direction(
    passes: _Passes, pairs: Sequence[Pair], curvature: Mapping[str, LayerCurvature]
) -> dict[str, torch.Tensor]:
    """Mean over references of the inverse product of their gradient, each of unit length.

    The length is over all layers together. A reference without a gradient counts as none. In
    the eigenbasis the length is that of the divided gradient, for the basis is orthogonal.

    Notes
    -----
    Memory: the inverse products of a batch, at most `HELD` values: a batch has fewer rows where
    they would be more.
    """
    import torch

    values = sum(int(np.prod(weight_shape(layer))) for layer in passes.layers.values())
    most = max(1, HELD // max(values, 1))
    total: dict[str, torch.Tensor] = {}

    def batch(rows: Sequence[Pair], _factors: _Factors) -> None:
        for begin in range(0, len(rows), most):
            part = rows[begin : begin + most]
            divided: dict[str, torch.Tensor] = {}

            def layer(
                name: str,
                x: torch.Tensor,
                delta: torch.Tensor,
                into: dict[str, torch.Tensor] = divided,
            ) -> None:
                into[name] = curvature[name].divided(curvature[name].rotated(x, delta))

            passes.factors(part, layer)
            squares = torch.stack([each.double().square().sum((1, 2)) for each in divided.values()])
            lengths = squares.sum(0).sqrt()
            shares = torch.where(lengths > 0, 1.0 / lengths.clamp(min=1e-300), 0.0)
            for name, each in divided.items():
                added = torch.einsum("b,boi->oi", shares.to(each.dtype), each)
                total[name] = total[name] + added if name in total else added

    for _ in passes.over(pairs, batch):
        continue
    return {name: curvature[name].returned(each / len(pairs)) for name, each in total.items()}


def _inner(direction: torch.Tensor, inputs: torch.Tensor, deltas: torch.Tensor) -> torch.Tensor:
    """Return sum_t delta_t^T V x_t of each row, shape (b,), float64 on the CPU."""
    return ((inputs @ direction.T) * deltas).sum((1, 2)).double().cpu()


def _squared_norm(inputs: torch.Tensor, deltas: torch.Tensor) -> torch.Tensor:
    """Return |sum_t delta_t x_t^T|^2 of each row from the tokens' Gram matrices (b,), float64."""
    grams = (inputs @ inputs.transpose(1, 2)) * (deltas @ deltas.transpose(1, 2))
    # rounding may leave a hair below 0
    return grams.sum((1, 2)).double().clamp(min=0).cpu()
