"""What a language model does on held-out prompts: loss of the responses, and exact answers."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.language.generate import generate
from sluice.language.losses import conditional
from sluice.language.pairs import Pair

SHORT_WORDS = 5
"""Reference answers of at most so many words are compared with what the model answers (ours)."""
ANSWER_TOKENS = 24
MORE_TOKENS = 4
"""An answer is read so far beyond its reference: one that goes on is wrong, however it ends."""
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def held_out(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[Pair],
    references: Sequence[str],
    *,
    answers: bool = True,
    max_tokens: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure a model on rows that it was not trained on.

    Parameters
    ----------
    model : transformers causal model, or a peft model around one
    tokenizer : transformers tokenizer
    pairs : sequence of Pair, length n
        Without an end mark.
    references : sequence of str, length n
        The responses as texts.
    answers : bool
        Whether short references are compared with greedy answers, which costs a generation each.
    max_tokens : int, optional
        Tokens of a batch; changes speed and memory only.

    Returns
    -------
    losses : ndarray of float64, shape (n,)
        Mean negative log-likelihood of each row's response tokens, in nats.
    exact : ndarray of float64, shape (n,)
        1 where the model's answer is the reference, 0 where not, NaN where the reference is long.

    Raises
    ------
    DataError
        There is no row, or the two are not of one number.
    """
    if not len(pairs) or len(pairs) != len(references):
        raise DataError(
            f"Got {len(pairs)} pairs and {len(references)} references; give as many of each, and "
            "at least one."
        )
    found = conditional(model, pairs, max_tokens=max_tokens)
    losses = np.array([row.mean(dtype=np.float64) for row in found])
    exact = np.full(len(pairs), np.nan)
    short = [i for i, text in enumerate(references) if len(normalised(text).split()) <= SHORT_WORDS]
    if answers and short:
        prompts = [pairs[i].prompt for i in short]
        most = [min(ANSWER_TOKENS, len(pairs[i].response) + MORE_TOKENS) for i in short]
        said = generate(model, tokenizer, prompts, most)
        exact[short] = [
            normalised(text) == normalised(references[i])
            for i, text in zip(short, said, strict=True)
        ]
    return losses, exact


def normalised(text: str) -> str:
    """Fold what does not make an answer wrong: case, punctuation, articles, white space.

    As SQuAD's exact match (Rajpurkar et al. 2016, arXiv:1606.05250). A text of nothing but
    punctuation or articles is only stripped: it is then all that there is.
    """
    lowered = text.strip().lower()
    bare = "".join(c for c in lowered if c not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", bare).split()) or lowered
