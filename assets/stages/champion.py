"""The champion: the alias moves only when the challenger is shown to be better."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import (
    Outcome,
    Run,
    Stage,
    digest_of,
    stage,
)
from assets.lineage.task import Task
from resources import registry
from resources.lake import Lake
from resources.registry import ModelVersion
from resources.store import selections
from resources.tracking import CHALLENGER, CHAMPION, Tracking
from sluice.core.digests import order_free_digest
from sluice.core.errors import DataError, SluiceError
from sluice.data.config import DatasetConfig
from sluice.evaluation.bootstrap import Interval, accuracy_interval, paired_difference

VERSION = "1"
# A champion that was trained on rows which are gone may be replaced at this small a loss.
MARGIN_AFTER_DELETION = -0.01

Answers = Callable[[ModelVersion, Rows, DatasetConfig, str], NDArray[np.str_]]


@dataclass(frozen=True)
class Judge:
    """How the models of one dataset answer on its present rows."""

    answers: Answers
    config: DatasetConfig
    device: str

    def correct(self, model: ModelVersion, part: Rows) -> NDArray[np.bool_]:
        """Return which rows of a split a model gets right."""
        given = np.array(part.class_names)[part.labels]
        return self.answers(model, part, self.config, self.device) == given


def champion(trained: str, answers: Answers, kinds: Sequence[str] = ("torch",)) -> Stage:
    """Return the stage `models/champion`.

    Parameters
    ----------
    trained : str
        Name of the stage that trains the challenger.
    answers : callable
        Takes a model, rows, the configuration and a device, and returns classes by name.
    kinds : sequence of str
        What the models are made with.
    """

    @stage(
        "models/champion",
        reads=(trained, "instances"),
        resources=("compute", "tracking"),
        kinds=("mlflow", *kinds),
        gpu=True,
        version=VERSION,
        description=(
            "Challenger and champion are both scored on the present validation rows; the alias "
            "`champion` moves only if the lower end of the paired-bootstrap interval of the gain "
            f"is above 0, or above {MARGIN_AFTER_DELETION} where rows that the champion was "
            "trained on have been deleted. The first model becomes champion at once. Test "
            "accuracy is reported and decides nothing."
        ),
        settings=lambda run: {"held_out": run.record("instances").data_version},
        replaces=True,
        when=lambda task, config: config.training.enabled,
    )
    def judged(run: Run) -> Outcome:
        present = read_rows(run.lake, run.dataset)
        judge = Judge(answers, run.config, run.device)
        decided = _decide(run.lake, run.tracking, run.task, run.dataset, present, judge)
        total = sum(len(present.of(split).ids) for split in ("validation", "test"))
        shown = {k: v for k, v in decided.items() if not isinstance(v, list)}
        url = run.record(trained).details.get("mlflow_url")
        if url:
            shown["mlflow_run"] = dg.MetadataValue.url(url)
        return Outcome(
            content=digest_of([decided["champion"], decided["rows"]]),
            total=total,
            new=total,
            metadata=shown,
            details=decided,
            device=judge.device,
        )

    return judged


def _decide(
    lake: Lake,
    tracking: Tracking,
    task: Task,
    dataset: str,
    present: Rows,
    judge: Judge,
) -> dict[str, Any]:
    name = task.model_name(dataset)
    challenger = registry.find(tracking, name, CHALLENGER)
    if challenger is None:
        raise SluiceError(
            f"The registry holds no challenger of {name}. Its database may have been replaced; "
            f"run `sluice run {dataset} --rebuild` to train and register one."
        )
    champion = registry.find(tracking, name, CHAMPION)
    options = judge.config.evaluation.model_dump(include={"confidence", "resamples"})
    right = {
        split: judge.correct(challenger, present.of(split)) for split in ("validation", "test")
    }
    decision, winner = "It is the first model, and becomes champion.", challenger
    if champion is not None and champion.version == challenger.version:
        decision = "The challenger is the champion already."
    elif champion is not None:
        try:
            theirs = judge.correct(champion, present.of("validation"))
        except DataError as error:
            decision = (
                f"Champion {champion.version} cannot read the present rows, so version "
                f"{challenger.version} takes its place. ({error})"
            )
        else:
            gone = _rows_gone(lake, present, champion)
            gain = paired_difference(right["validation"], theirs, **options)
            moves, decision = _ruling(challenger, champion, gain, len(theirs), gone)
            winner = challenger if moves else champion
    lake.check_locks()
    registry.promote(tracking, name, winner.version)
    intervals = {split: accuracy_interval(values, **options) for split, values in right.items()}
    measured = {f"{split}_accuracy": [i.mean, i.low, i.high] for split, i in intervals.items()}
    return {
        "champion": winner.version,
        "challenger": challenger.version,
        "champion_selection": winner.tags.get("selection_id", ""),
        "decision": decision,
        "rows": order_free_digest(present.of("validation").content_hashes),
        **measured,
        **{f"challenger_{split}": float(values.mean()) for split, values in right.items()},
    }


def _ruling(
    challenger: ModelVersion, champion: ModelVersion, gain: Interval, rows: int, gone: int
) -> tuple[bool, str]:
    """Return whether the alias moves, and why in words."""
    bar = MARGIN_AFTER_DELETION if gone else 0.0
    moves = gain.low > bar
    words = (
        f"Version {challenger.version} against champion {champion.version} on "
        f"{rows} validation rows: gain {gain.mean:+.4f} [{gain.low:+.4f}, "
        f"{gain.high:+.4f}]; the lower end is {'' if moves else 'not '}above {bar:g}"
        + (f" ({gone} of the champion's training rows are gone)" if gone else "")
        + f". The alias {'moves' if moves else 'stays'}."
    )
    return moves, words


def _rows_gone(lake: Lake, present: Rows, champion: ModelVersion) -> int:
    trained_on = selections.rows(lake, champion.tags.get("selection_id", ""))
    return len(set(trained_on["content_hash"].to_pylist()) - set(present.content_hashes))
