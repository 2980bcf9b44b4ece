"""How uncertain a tagger is of each sentence that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from sluice.core.errors import DataError
from sluice.core.progress import track
from sluice.core.randomness import keyed_sample
from sluice.data.payloads.bio import tag_names
from sluice.data.payloads.sentences import read_sentence
from sluice.language.training.warm_up import SAMPLE_SEED
from sluice.tasks.caller_rows import Rows
from sluice.tasks.tokens.config import TokensConfig
from sluice.tasks.tokens.learner import training_of


def mnlp_scores(rows: Rows) -> NDArray[np.float64]:
    """Return the maximum normalised log-probability of each row, negated, shape (n,).

    By a tagger that is trained on at most half of the rows, drawn by their names; these have no
    number (NaN), for of them it would say how well it remembers them.

    Raises
    ------
    DataError
        There are fewer than two rows, or none of those that are drawn has a span.
    """
    from sluice.models.token_fine_tune import token_fine_tune
    from sluice.models.token_predict import predict_tags
    from sluice.tokens.mnlp import mnlp

    if len(rows) < 2:
        raise DataError(f"X has {len(rows)} row; mnlp needs two, of which half train its tagger.")
    count = min(TokensConfig.of(rows.config).uncertainty.sample_rows, len(rows) // 2)
    at = keyed_sample(SAMPLE_SEED, rows.names, count).tolist()
    sentences = [read_sentence(text) for text in rows.texts]
    seen = {rows.texts[i] for i in at}
    rest = [i for i, text in enumerate(rows.texts) if text not in seen]
    chosen = [sentences[i] for i in at]
    names = tag_names([each.sentence for each in chosen])
    if len(names) < 2:
        raise DataError(
            f"None of the {len(chosen)} rows that train the tagger of mnlp has a span, so that it "
            "could tell nothing apart. Give more rows, or raise uncertainty.sample_rows in "
            "settings (at most half of the rows are taken)."
        )
    values, training = np.full(len(rows), np.nan), training_of(rows.config)
    if not rest:
        return values
    with TemporaryDirectory(prefix="sluice-tagger-") as place:
        folder = Path(place) / "tagger"
        words, tags = [each.tokens for each in chosen], [each.tags for each in chosen]
        token_fine_tune(words, tags, names, training, rows.config.encoder.model, folder)
        with track("rating sentences", len(rest)) as advance:
            found = predict_tags(
                folder, [sentences[i].tokens for i in rest], training.max_length, advance=advance
            )
    # As the lake of a dataset keeps it.
    values[rest] = mnlp(found.probabilities).astype(np.float32)
    return values
