"""How far a model that was trained on some rows falls short of their neighbours' responses.

The reward of the iterative Diversify and Conquer (arXiv:2409.11378, equation 5):
S(x) = score(x, gold response) - score(x, the model's response), high where the model still has
something to learn. The paper scores with a reward model and also tries perplexity; here the scorer
is a parameter, by default the mean log-likelihood of a response token under the model before any
training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice.language.checkpoint import Loaded
from sluice.language.generate import generate
from sluice.language.losses import conditional
from sluice.language.pairs import Pair
from sluice.language.training import lora
from sluice.language.training.fine_tune import FineTune, fine_tune

Scorer = Callable[[Sequence[Pair]], NDArray[np.float64]]
"""Takes prompts with responses and returns how good each response is, higher being better."""


@dataclass
class TrainingReward:
    """Trains on selected rows, answers the prompts of the newest, and scores both responses.

    Attributes
    ----------
    loaded : Loaded
        Without adapters; left without them.
    ids : sequence of str, length n
    pairs : sequence of Pair, length n
        Every row that may be selected, without an end mark.
    training : FineTune
    rank : int
        Of the adapters.
    max_new_tokens : int
        Longest answer.
    scorer : callable, optional
        Default `likelihood`.
    """

    loaded: Loaded
    ids: Sequence[str]
    pairs: Sequence[Pair]
    training: FineTune = field(default_factory=FineTune)
    rank: int = 8
    max_new_tokens: int = 64
    scorer: Scorer | None = None

    def __call__(self, selected: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.float64]:
        """Reward of the rows of this round.

        Parameters
        ----------
        selected : ndarray of int64
            All rows so far, `new` among them: what is trained on, always from the start, so that
            a round depends on its rows and not on how they were reached (ours).
        new : ndarray of int64, shape (m,)

        Returns
        -------
        ndarray of float64, shape (m,)
            Positive where the gold response is the better one.
        """
        rows: list[int] = selected.tolist()
        fresh: list[int] = new.tolist()
        model: Any = lora.attach(self.loaded.model, rank=self.rank, alpha=2.0 * self.rank)
        tokenizer = self.loaded.tokenizer
        try:
            taught = [_ended(self.pairs[i], tokenizer.eos_token_id) for i in rows]
            config = replace(self.training, max_length=self.training.max_length + 1)
            fine_tune(model, taught, [self.ids[i] for i in rows], config)
            prompts = [self.pairs[i].prompt for i in fresh]
            said = generate(model, tokenizer, prompts, self.max_new_tokens)
        finally:
            lora.detach(model)
        gold = [self.pairs[i] for i in fresh]
        answers = [
            Pair(pair.prompt, np.array(tokenizer.encode(text, add_special_tokens=False), np.int64))
            for pair, text in zip(gold, said, strict=True)
        ]
        scorer = self.scorer or self.likelihood
        spoken = [i for i, pair in enumerate(answers) if len(pair.response)]
        # A model that says nothing has everything to learn: it is no better than the worst answer.
        scores = np.full(len(answers), np.nan)
        if spoken:
            scores[spoken] = scorer([answers[i] for i in spoken])
        worst = np.nanmin(scores) if spoken else 0.0
        return scorer(gold) - np.where(np.isnan(scores), worst, scores)

    def likelihood(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Mean log-likelihood of each response's tokens given its prompt, shape (m,), in nats."""
        losses = conditional(self.loaded.model, pairs)
        return np.array([-row.mean(dtype=np.float64) for row in losses])


def _ended(pair: Pair, end: int | None) -> Pair:
    if end is None:
        return pair
    return Pair(pair.prompt, np.append(pair.response, end), pair.windowed)
