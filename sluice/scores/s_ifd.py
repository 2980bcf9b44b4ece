"""How much a prompt helps to foresee its response: by the mean token, or by informative ones.

IFD: Li and others, From Quantity to Quality (arXiv 2308.12032) and Superfiltering (arXiv
2402.00530). S-IFD: Fu and others, T-SHIRT (arXiv 2506.01317). A token's difference is
``delta_t = log p(y_t | x, y_<t) - log p(y_t | y_<t)``: positive where the prompt helps. Both
scores are ratios of perplexities and below 1 where it helps; `ifd_loss` is the ratio of mean
losses that other tools call IFD, and not comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sluice.core.errors import ConfigError, DataError


@dataclass(frozen=True)
class TokenValues:
    """One number for each response token, row after row; a noisy copy of a row is a row.

    Attributes
    ----------
    values : ndarray of float, shape (tokens,)
    begin : ndarray of int64, shape (rows + 1,)
        Row i holds ``values[begin[i]:begin[i + 1]]``, perhaps none.
    """

    values: NDArray[np.floating]
    begin: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.begin) - 1

    @classmethod
    def of(cls, rows: Sequence[ArrayLike]) -> TokenValues:
        """Put the rows' arrays, each of shape (tokens of the row,), one after another.

        Parameters
        ----------
        rows : sequence of array-like
        """
        arrays = [np.asarray(row) for row in rows]
        begin = np.zeros(len(arrays) + 1, dtype=np.int64)
        np.cumsum([len(array) for array in arrays], out=begin[1:])
        # an empty row is float64, whatever the others are
        filled = [array for array in arrays if len(array)]
        return cls(np.concatenate(filled) if filled else np.empty(0, dtype=np.float32), begin)

    def sizes(self) -> NDArray[np.int64]:
        """Return the tokens of each row, shape (rows,)."""
        return np.diff(self.begin)

    def owners(self) -> NDArray[np.int64]:
        """Return the row of each token, shape (tokens,)."""
        return np.repeat(np.arange(len(self)), self.sizes())

    def sums(self, where: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """Return the sum of each row in float64, shape (rows,), of some tokens or of all.

        Added one by one in order of appearance: the same bits whatever rows are beside it.

        Parameters
        ----------
        where : ndarray of bool, shape (tokens,), optional
        """
        owners, weights = self.owners(), self.values
        if where is not None:
            owners, weights = owners[where], weights[where]
        return np.bincount(owners, weights=weights, minlength=len(self)).astype(np.float64)

    def means(self) -> NDArray[np.float64]:
        """Return the mean of each row in float64, shape (rows,); NaN of an empty one."""
        sizes = self.sizes()
        return np.where(sizes > 0, self.sums() / np.maximum(sizes, 1), np.nan)


def token_deltas(conditional: TokenValues, unconditional: TokenValues) -> TokenValues:
    """Difference that the prompt makes to each response token.

    Parameters
    ----------
    conditional : TokenValues
        Negative log-likelihoods of the response given the prompt.
    unconditional : TokenValues
        Those of the response alone, of the same rows. A row may have one value fewer: a model
        without a beginning token cannot foresee the first, whose difference is then left out.

    Returns
    -------
    TokenValues of float32
        ``unconditional - conditional``.

    Raises
    ------
    DataError
        The rows do not fit each other.

    Notes
    -----
    Cost and memory: the tokens. Subtracted in float64, then rounded.
    """
    missing = _missing(conditional, unconditional)
    there = np.ones(len(conditional.values), dtype=bool)
    there[conditional.begin[:-1][missing == 1]] = False
    given = conditional.values[there].astype(np.float64)
    deltas = (unconditional.values.astype(np.float64) - given).astype(np.float32)
    return TokenValues(deltas, unconditional.begin)


def ifd(conditional: TokenValues, unconditional: TokenValues) -> NDArray[np.float64]:
    """Perplexity of each response given its prompt, over its perplexity alone.

    Parameters
    ----------
    conditional, unconditional : TokenValues
        See `token_deltas`. Each mean is over the row's own number of values, as in
        Superfiltering.

    Returns
    -------
    ndarray of float64, shape (rows,)
        ``exp(mean conditional - mean unconditional)``; NaN of a row without a value on either
        side, as a response of one token may be.

    Raises
    ------
    DataError
        The rows do not fit each other.
    """
    _missing(conditional, unconditional)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(conditional.means() - unconditional.means())


def ifd_loss(conditional: TokenValues, unconditional: TokenValues) -> NDArray[np.float64]:
    """Mean loss of each response given its prompt, over its mean loss alone.

    Parameters
    ----------
    conditional, unconditional : TokenValues
        See `ifd`.

    Returns
    -------
    ndarray of float64, shape (rows,)
        NaN of a row without a value on either side; infinite where the response alone has no
        loss, NaN where it has none either way.

    Raises
    ------
    DataError
        The rows do not fit each other.
    """
    _missing(conditional, unconditional)
    with np.errstate(divide="ignore", invalid="ignore"):
        return conditional.means() / unconditional.means()


def selective_ifd(
    deltas: TokenValues, threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """S-IFD: perplexity ratio over the informative tokens of each row.

    Parameters
    ----------
    deltas : TokenValues
        See `token_deltas`.
    threshold : float
        See `sluice.scores.token_quantile`. Tokens with ``|delta|`` above it, not at it, are
        informative.

    Returns
    -------
    s_ifd : ndarray of float64, shape (rows,)
        ``exp(-sum delta / max(count, 1))`` over the informative tokens: exactly 1 of a row that
        has none. NaN of a row without any token, or with a NaN or infinite one.
    count : ndarray of int64, shape (rows,)
        Informative tokens of each row.

    Raises
    ------
    ConfigError
        The threshold is negative, NaN or infinite.

    Notes
    -----
    Cost: the tokens.
    """
    if not 0.0 <= threshold < np.inf:
        raise ConfigError(f"The token threshold is {threshold!r}; give a finite one of at least 0.")
    # in float64: a float32 comparison would round the threshold
    informative = np.abs(deltas.values).astype(np.float64) > threshold
    owners = deltas.owners()
    count = np.bincount(owners[informative], minlength=len(deltas)).astype(np.int64)
    faulty = np.bincount(owners[~np.isfinite(deltas.values)], minlength=len(deltas)) > 0
    with np.errstate(over="ignore", invalid="ignore"):
        s_ifd = np.exp(-deltas.sums(informative) / np.maximum(count, 1))
    return np.where(faulty | (deltas.sizes() == 0), np.nan, s_ifd), count


def row_statistics(copies: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and population standard deviation of each row over its noisy copies.

    Parameters
    ----------
    copies : array-like, shape (rows, M)
        A score of each noisy copy; the clean one is not among them.

    Returns
    -------
    mean, std : ndarray of float64, shape (rows,)
        NaN where a copy's score is NaN or infinite. Of equal copies exactly their score and 0.

    Raises
    ------
    DataError
        Not a matrix of numbers with at least one copy.
    """
    scores = np.asarray(copies, dtype=np.float64)
    if scores.ndim != 2 or not scores.shape[1]:
        raise DataError(f"Copies have shape {scores.shape}; give rows x M scores, M at least 1.")
    # by the distance to the first copy: the mean of equal numbers may be rounded
    with np.errstate(invalid="ignore"):
        apart = scores - scores[:, :1]
        return scores[:, 0] + apart.mean(axis=1), apart.std(axis=1)


def _missing(conditional: TokenValues, unconditional: TokenValues) -> NDArray[np.int64]:
    """Return how many first tokens each row lacks in the unconditional values: 0 or 1."""
    if len(conditional) != len(unconditional):
        raise DataError(
            f"There are {len(conditional)} rows of conditional losses and {len(unconditional)} "
            "unconditional; give both of the same rows."
        )
    missing = conditional.sizes() - unconditional.sizes()
    wrong = np.flatnonzero((missing < 0) | (missing > 1))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"Row {row} has {conditional.sizes()[row]} conditional losses and "
            f"{unconditional.sizes()[row]} unconditional; give as many, or one fewer where the "
            "first token has none."
        )
    return missing
