"""Kronecker-factored curvature of one linear layer, and products with its damped inverse.

K-FAC (Martens and Grosse 2015, arXiv:1503.05671): the curvature of the loss in the weights W
(out x in) is S (x) A, with A = E[x x^T] of the inputs and S = E[delta delta^T] of the output
gradients. EK-FAC (George et al. 2018, arXiv:1806.03884) keeps the eigenvectors and fits the
eigenvalues: Lambda_ij = E[(Q_S^T G Q_A)_ij^2] over the gradients G of single rows. The damped
inverse times V is Q_S [(Q_S^T V Q_A) / (Lambda + lambda)] Q_A^T (Grosse et al. 2023,
arXiv:2308.03296, section 2.2; Quad, arXiv:2409.16986, which takes it as its influence).

Ours: A is a mean over tokens, S a mean over rows of the sum over their tokens, so that S (x) A has
the scale of the second moment of a row's gradient, and both kinds of Lambda read alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.core.errors import ConfigError

if TYPE_CHECKING:
    import torch

DAMPING = 0.1
"""Share of the mean eigenvalue of a layer (Grosse et al. 2023)."""


class LayerCurvature:
    """Factors of one layer, gathered batch by batch, then its eigenbasis.

    Call `observe` on every batch, `decompose` once, for EK-FAC `fit` on every batch, and then
    `damp` once; then `divided` works.

    Attributes
    ----------
    inputs, outputs : Tensor, shape (in, in) and (out, out)
        A and S, once decomposed.
    basis_inputs, basis_outputs : Tensor, shape (in, in) and (out, out)
        Q_A and Q_S, columns are eigenvectors.
    eigenvalues : Tensor, shape (out, in)
        Lambda.
    damping : float
        lambda.
    """

    inputs: torch.Tensor
    outputs: torch.Tensor
    basis_inputs: torch.Tensor
    basis_outputs: torch.Tensor
    eigenvalues: torch.Tensor
    damping: float

    def __init__(self) -> None:
        self._tokens = self._rows = self._fitted = 0
        self._squares: torch.Tensor | None = None

    def observe(self, inputs: torch.Tensor, deltas: torch.Tensor, real: torch.Tensor) -> None:
        """Take in the factors of a batch.

        Parameters
        ----------
        inputs : Tensor, shape (b, t, in)
        deltas : Tensor, shape (b, t, out)
            0 at padding.
        real : Tensor of bool, shape (b, t)
            False at padding.
        """
        x, delta = inputs[real], deltas.flatten(0, 1)
        if self._rows == 0:
            self.inputs, self.outputs = x.T @ x, delta.T @ delta
        else:
            self.inputs.addmm_(x.T, x)
            self.outputs.addmm_(delta.T, delta)
        self._tokens += len(x)
        self._rows += len(inputs)

    def decompose(self) -> None:
        """Average the factors and find their eigenvectors, in float64.

        Cost: in^3 + out^3.
        """
        import torch

        self.inputs /= max(self._tokens, 1)
        self.outputs /= max(self._rows, 1)
        dtype = self.inputs.dtype
        values_a, basis_a = torch.linalg.eigh(self.inputs.double())
        values_s, basis_s = torch.linalg.eigh(self.outputs.double())
        self.basis_inputs, self.basis_outputs = basis_a.to(dtype), basis_s.to(dtype)
        # Rounding makes eigenvalues of 0 slightly negative, which no curvature is.
        self.eigenvalues = torch.outer(values_s.clamp(min=0), values_a.clamp(min=0)).to(dtype)

    def rotated(self, inputs: torch.Tensor, deltas: torch.Tensor) -> torch.Tensor:
        """Gradients of rows in the eigenbasis, Q_S^T G Q_A.

        Parameters
        ----------
        inputs : Tensor, shape (b, t, in)
        deltas : Tensor, shape (b, t, out)

        Returns
        -------
        Tensor, shape (b, out, in)
        """
        return (deltas @ self.basis_outputs).transpose(1, 2) @ (inputs @ self.basis_inputs)

    def fit(self, inputs: torch.Tensor, deltas: torch.Tensor) -> None:
        """Take in a batch for the fitted eigenvalues: EK-FAC.

        Parameters
        ----------
        inputs : Tensor, shape (b, t, in)
        deltas : Tensor, shape (b, t, out)
        """
        squares = self.rotated(inputs, deltas).square_().sum(0)
        self._squares = squares if self._squares is None else self._squares.add_(squares)
        self._fitted += len(inputs)

    def damp(self, damping: float = DAMPING, *, relative: bool = True) -> None:
        """Fix the eigenvalues and the damping.

        Parameters
        ----------
        damping : float
            At least 0.
        relative : bool
            Whether it is a share of the layer's mean eigenvalue; False: the value itself.

        Raises
        ------
        ConfigError
            It is negative or not a number.
        """
        if not damping >= 0:
            raise ConfigError(f"damping must be at least 0, got {damping}.")
        if self._squares is not None:
            self.eigenvalues = self._squares / self._fitted
        self.damping = damping * float(self.eigenvalues.mean()) if relative else damping

    def divided(self, rotated: torch.Tensor) -> torch.Tensor:
        """Divide gradients in the eigenbasis by Lambda + lambda.

        Parameters
        ----------
        rotated : Tensor, shape (..., out, in)

        Returns
        -------
        Tensor of that shape
            0 along directions without curvature where nothing damps: the pseudo-inverse.
        """
        import torch

        weights = self.eigenvalues + self.damping
        return torch.where(weights > 0, rotated / weights, 0.0)

    def returned(self, rotated: torch.Tensor) -> torch.Tensor:
        """Bring gradients from the eigenbasis back to the weights' axes."""
        return self.basis_outputs @ rotated @ self.basis_inputs.T
