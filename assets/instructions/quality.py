"""How good each pair is: the user's own score, or one of ours from what the model has read."""

import numpy as np
from numpy.typing import NDArray

from assets.instructions.token_losses import set_aside
from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.stages.scores import examples
from resources.lake import Lake
from resources.store import scores
from sluice.core.digests import array_digest, digest
from sluice.data.payloads.conversations import read_conversation
from sluice.scores.response_quality import response_quality
from sluice.tasks.instructions.config import InstructionsConfig

VERSION = "1"


@stage(
    "scores/quality",
    reads=("instances", "scores/losses"),
    version=VERSION,
    table="scores",
    description=(
        "What MIG, Diversify and Conquer and DEITA's filter weigh rows by: the column that "
        "`columns.quality` names, or else log(1 + response tokens) times IFD, and 0 where the "
        "prompt does not help (IFD of 1 or more). The latter is ours, in place of the papers' "
        "two scorers of seven billion parameters: how hard the response is given its prompt, "
        "and how much of it there is."
    ),
    settings=lambda run: {"column": InstructionsConfig.of(run.config).columns.quality},
    replaces=True,
    only_read=True,
)
def quality(run: Run) -> Outcome:
    """Take the user's numbers, or make ours."""
    lake, dataset, column = run.lake, run.dataset, InstructionsConfig.of(run.config).columns.quality
    train = read_rows(lake, dataset).of("train")
    values = _given(train) if column else _ours(lake, dataset, train)
    scores.replace(lake, dataset, train.ids, {"quality": values})
    order = np.argsort(np.where(np.isfinite(values), values, -np.inf), kind="stable")
    return Outcome(
        content=digest(digest_of(train.ids), array_digest(values)),
        total=len(train.ids),
        new=len(train.ids),
        metadata={
            "source": f"column {column}" if column else "log(1 + tokens) x IFD (ours)",
            "rows_of_quality_0": int((values == 0).sum()),
            "set_aside": set_aside(values, train.ids),
            "highest": examples(run.task, train, values, order[::-1][:5]),
        },
    )


def _given(train: Rows) -> NDArray[np.float64]:
    found = [read_conversation(text).quality for text in train.texts]
    return np.array([np.nan if value is None else float(value) for value in found])


def _ours(lake: Lake, dataset: str, train: Rows) -> NDArray[np.float64]:
    ratio, tokens = (scores.read(lake, dataset, n, train.ids) for n in ("ifd", "response_tokens"))
    return response_quality(ratio, tokens)
