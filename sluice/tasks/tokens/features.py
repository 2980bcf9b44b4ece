"""What tagged sentences are about: the features that their spans name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sluice.data.payloads.bio import features_of
from sluice.data.payloads.sentences import read_sentence
from sluice.graphs.features import FeatureRows, feature_rows


def features_of_texts(texts: Sequence[str], kind: Literal["type", "lemma"]) -> FeatureRows:
    """Return the features of rows, see `sluice.tasks.tokens.config.Features`.

    Parameters
    ----------
    texts : sequence of str, length n
        As the row format writes them.
    kind : str
    """
    return feature_rows([features_of(read_sentence(text).sentence, kind) for text in texts])
