"""Gradient features: each row's gradient of the response loss, preconditioned and projected.

LESS (Xia et al. 2024, arXiv:2402.04333), section 4: the gradient with respect to the LoRA weights,
for training rows as the direction of an Adam step, projected to 8,192 dimensions. LESS runs rows
one at a time and multiplies by a dense random matrix; here one backward pass over a batch gives
the factors of every row's gradient, each layer's small gradients are formed, preconditioned and
projected while the pass goes on (`linear_layers`, `adam`, `sparse_projection`), and freed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import ConfigError
from sluice.language.batches import TokenBudget, in_batches
from sluice.language.pairs import Pair
from sluice.language.response_loss import check_pairs
from sluice.language.training.adam import AdamMoments, Formula, adam_direction, check_formula
from sluice.language.training.linear_layers import lora_layers, row_factors, row_gradients
from sluice.language.training.sparse_projection import SparseProjection

if TYPE_CHECKING:
    import torch

    from sluice.core.progress import Advance

DIMENSION = 8192
MAX_TOKENS = 1024
"""Tokens of a batch, padding included: enough to fill the matrix units of a CPU core."""


class GradientFeatures:
    """Projected per-row gradients of a model at fixed weights.

    Parameters
    ----------
    model : peft model around a transformers causal language model
        Put into evaluation mode, so that dropout plays no part.
    dimension : int
        Length of a feature.
    seed : int
        Of the projection. Features are comparable only under the same seed and dimension.
    moments : AdamMoments, optional
        Given, the feature is that of the Adam step on the row (training rows); None, of the plain
        gradient (validation rows).
    formula : {"less", "corrected"}
        See `adam_direction`.
    layers : mapping of str to Linear, optional
        Whose weights count; default all ``lora_A`` and ``lora_B`` of the active adapters.

    Raises
    ------
    ConfigError
        The model has no LoRA layers, the moments are not those of its layers, or an option is
        wrong.

    Notes
    -----
    Cost: a forward pass and a backward pass to the activations, and per row one multiplication a
    LoRA weight and token, and one addition a LoRA weight. Memory beyond the pass: 8 bytes a LoRA
    weight for the projection, and one layer's gradients of the batch.
    """

    def __init__(
        self,
        model: Any,
        dimension: int = DIMENSION,
        seed: int = 0,
        moments: AdamMoments | None = None,
        formula: Formula = "less",
        layers: Mapping[str, Any] | None = None,
    ) -> None:
        check_formula(formula)
        self.model = model.eval()
        self.projection = SparseProjection(dimension, seed)
        self.layers: Mapping[str, Any] = lora_layers(model) if layers is None else layers
        self.formula: Formula = formula
        self.step = 0 if moments is None else moments.step
        self.moments = None if moments is None else self._moments_of(moments)

    def of(
        self, pairs: Sequence[Pair], max_tokens: int = MAX_TOKENS, advance: Advance | None = None
    ) -> NDArray[np.float32]:
        """Features of some rows.

        Parameters
        ----------
        pairs : sequence of Pair, length n
        max_tokens : int
            Tokens of a batch, padding included; it trades memory for speed and moves the last
            bits of a feature.
        advance : callable, optional
            Called with the number of rows done, after each batch.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            In the order given, of any length; not finite where the row's gradient is not.

        Raises
        ------
        DataError
            A pair has no prompt or no response token.
        """
        check_pairs(pairs)
        features = np.zeros((len(pairs), self.projection.dimension), dtype=np.float32)
        lengths = np.array([len(pair) for pair in pairs], dtype=np.int64)
        for rows, part in in_batches(
            lengths, TokenBudget(max_tokens), lambda r: self._of(pairs, r)
        ):
            features[rows] = part
            if advance is not None:
                advance(len(rows))
        return features

    def _of(self, pairs: Sequence[Pair], rows: NDArray[np.int64]) -> NDArray[np.floating]:
        return self._batch([pairs[row] for row in rows]).cpu().numpy()

    def _batch(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """Features of one batch, in the model's precision and at least float32."""
        import torch

        weight = next(iter(self.layers.values())).weight
        total = torch.zeros(
            (len(pairs), self.projection.dimension),
            dtype=torch.promote_types(weight.dtype, torch.float32),
            device=weight.device,
        )

        def layer(name: str, inputs: torch.Tensor, deltas: torch.Tensor) -> None:
            gradient = row_gradients(inputs, deltas)
            if self.moments is not None:
                gradient = adam_direction(gradient, *self.moments[name], self.step, self.formula)
            self.projection.add(name, gradient, total)

        row_factors(self.model, pairs, self.layers, layer)
        return total

    def _moments_of(self, moments: AdamMoments) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Moments by layer, on its device."""
        found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        for name, layer in self.layers.items():
            m, v = moments.moments.get(f"{name}.weight", (None, None))
            if m is None or v is None or m.shape != layer.weight.shape:
                raise ConfigError(
                    f"The Adam moments have none of shape {tuple(layer.weight.shape)} for layer "
                    f"{name!r}. They are of another adapter: run the warm-up again."
                )
            device = layer.weight.device
            found[name] = (m.to(device), v.to(device))
        return found
