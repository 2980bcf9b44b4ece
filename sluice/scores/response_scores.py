"""Scores of prompts and responses from token losses: IFD, perplexity, length, and S-IFD."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sluice.scores.s_ifd import (
    TokenValues,
    ifd,
    ifd_loss,
    row_statistics,
    selective_ifd,
    token_deltas,
)
from sluice.scores.token_quantile import token_quantile

Losses = tuple[TokenValues, TokenValues]
"""Losses of response tokens given the prompt, and alone, of the same rows."""

LOSS_SCORES = ("ifd", "ifd_loss", "perplexity", "response_loss", "response_tokens")
NOISY_SCORES = ("s_ifd_mean", "s_ifd_std", "noisy_ifd", "informative_tokens")


def loss_scores(given: TokenValues, alone: TokenValues) -> dict[str, NDArray[np.float64]]:
    """Score rows by their losses.

    Parameters
    ----------
    given, alone : TokenValues
        See `sluice.scores.s_ifd.token_deltas`.

    Returns
    -------
    dict of str to ndarray of float64, shape (rows,)
        Of `LOSS_SCORES`: the perplexity given the prompt over that alone (Cherry LLM,
        arXiv:2308.12032; Superfiltering, arXiv:2402.00530), the ratio of mean losses, perplexity
        and mean loss given the prompt, and tokens.
    """
    means = given.means()
    with np.errstate(over="ignore"):
        return {
            "ifd": ifd(given, alone),
            "ifd_loss": ifd_loss(given, alone),
            "perplexity": np.exp(means),
            "response_loss": means,
            "response_tokens": given.sizes().astype(np.float64),
        }


def noisy_scores(
    copies: Callable[[], Iterable[Iterable[Losses]]], share: float
) -> tuple[dict[str, NDArray[np.float64]], float]:
    """Score rows by the losses of their noisy copies: S-IFD of T-SHIRT (arXiv:2506.01317).

    Parameters
    ----------
    copies : callable
        Gives the losses anew each time it is called: of each copy of all rows, part by part, the
        rows in the same order.
    share : float
        Of the tokens, those that count: see `sluice.scores.token_quantile.token_quantile`.

    Returns
    -------
    scores : dict of str to ndarray of float64, shape (rows,)
        Of `NOISY_SCORES`: mean and population standard deviation over the copies of the
        perplexity ratio over informative tokens, mean ratio over all tokens, mean number of
        informative tokens.
    threshold : float
        Above which a token is informative.

    Notes
    -----
    Three passes over the losses; one part of them in memory at a time.
    """

    def deltas() -> Iterator[NDArray[np.float32]]:
        for parts in copies():
            for given, alone in parts:
                yield np.asarray(token_deltas(given, alone).values, dtype=np.float32)

    threshold = token_quantile(deltas, share)
    selective: list[NDArray[np.float64]] = []
    plain: list[NDArray[np.float64]] = []
    informative: list[NDArray[np.int64]] = []
    for parts in copies():
        scores: list[NDArray[np.float64]] = []
        ratios: list[NDArray[np.float64]] = []
        counts: list[NDArray[np.int64]] = []
        for given, alone in parts:
            score, count = selective_ifd(token_deltas(given, alone), threshold)
            scores.append(score)
            counts.append(count)
            ratios.append(ifd(given, alone))
        selective.append(np.concatenate(scores))
        plain.append(np.concatenate(ratios))
        informative.append(np.concatenate(counts))
    mean, deviation = row_statistics(np.column_stack(selective))
    return {
        "s_ifd_mean": mean,
        "s_ifd_std": deviation,
        "noisy_ifd": row_statistics(np.column_stack(plain))[0],
        "informative_tokens": np.column_stack(informative).mean(axis=1, dtype=np.float64),
    }, threshold
