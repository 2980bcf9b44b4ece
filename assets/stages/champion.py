"""The champion: the alias moves only when the challenger is shown to be better."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from assets.lineage.inputs import Rows
from assets.lineage.stage import Outcome, Run, Stage, digest_of, stage
from assets.stages.evaluations import Learners, Measuring, examples_of, given_of
from resources import registry
from resources.lake import Lake
from resources.registry import ModelVersion
from resources.store import selections
from resources.tracking import CHALLENGER, CHAMPION
from sluice.core.digests import order_free_digest
from sluice.core.errors import DataError, SluiceError
from sluice.evaluation.bootstrap import Interval
from sluice.evaluation.evaluate import checked_outcomes, chosen_by_and_judged_by
from sluice.evaluation.learner import Learner
from sluice.evaluation.metrics import Bootstrap, Outcomes

# 2: by the metric of the learner. 3: judged by rows that did not choose.
VERSION = "3"


def champion(learner: Learners, trained: str) -> Stage:
    """Return the stage `models/champion`.

    Parameters
    ----------
    learner : type of Learner
    trained : str
        Method of the stage that trains the challenger.
    """

    def settings(run: Run) -> dict[str, Any]:
        most = learner(given_of(run)).most_held_out
        held_out = run.record("instances").data_version
        margin = run.config.training.deletion_margin
        found = {"held_out": held_out, "deletion_margin": margin}
        return found | ({} if most is None else {"most": most})

    @stage(
        "models/champion",
        reads=(f"models/{trained}", "instances"),
        may_read=(f"models/{trained}", "instances", "evaluations/comparison"),
        resources=("compute", "language_models", "tracking"),
        kinds=("mlflow", *(learner.model_kinds - {"huggingface"})),
        gpu=True,
        version=VERSION,
        description=(
            "Challenger and champion are both scored on the validation rows that did not choose "
            "the challenger's subset (half of them, by a hash; of few rows all, with the interval "
            "corrected for the number of subsets). The alias `champion` moves only if the lower "
            f"end of the paired interval of the gain in {learner.metric().label} is above 0. Where "
            "rows that the champion was trained on have been deleted it moves unless the "
            "challenger is shown to be worse by more than `training.deletion_margin`: what was "
            "deleted should not live on in a model (ours). The first model becomes champion at "
            "once. What it does on test is reported and decides nothing."
        ),
        settings=settings,
        replaces=True,
        when=lambda task, config: config.training.enabled,
        on_demand=learner.on_demand,
    )
    def judged(run: Run) -> Outcome:
        measuring = Measuring.of(run, learner(given_of(run)))
        decided, winner = _decide(measuring)
        total = sum(map(len, measuring.held_out.values()))
        shown = {k: v for k, v in decided.items() if not isinstance(v, list)}
        shown["mlflow_run"] = dg.MetadataValue.url(run.tracking.url_of(winner.run_id))
        return Outcome(
            content=digest_of([decided["champion"], decided["rows"]]),
            total=total,
            new=total,
            metadata=shown,
            details=decided,
            device=run.device,
        )

    return judged


def outcomes_of(
    learner: Learner, version: ModelVersion, parts: Mapping[str, Rows]
) -> dict[str, Outcomes]:
    """Return what a registered model does on rows, by split, of the kind that decides."""
    model, kind = learner.load(version.folder), learner.metric().outcome
    try:
        return {
            split: checked_outcomes(learner, model.outcomes(examples_of(part)), len(part.ids))[kind]
            for split, part in parts.items()
        }
    finally:
        model.close()


def _decide(measuring: Measuring) -> tuple[dict[str, Any], ModelVersion]:
    run, learner = measuring.run, measuring.learner
    tracking, name, metric = run.tracking, run.task.model_name(run.dataset), learner.metric()
    challenger = registry.find(tracking, name, CHALLENGER)
    if challenger is None:
        raise SluiceError(
            f"The registry holds no challenger of {name}. Its database may have been replaced; "
            f"run `sluice run {run.dataset} --rebuild` to train and register one."
        )
    champion = registry.find(tracking, name, CHAMPION)
    options = Bootstrap(**run.config.evaluation.model_dump(include={"confidence", "resamples"}))
    parts = {split: measuring.part(split) for split in measuring.held_out}
    validation = parts["validation"]
    ours = outcomes_of(learner, challenger, parts)
    decision, winner = "It is the first model, and becomes champion.", challenger
    if champion is not None and champion.version == challenger.version:
        decision = "The challenger is the champion already."
    elif champion is not None:
        try:
            theirs = outcomes_of(learner, champion, {"validation": validation})["validation"]
        except DataError as error:
            decision = (
                f"Champion {champion.version} cannot read the present rows, so version "
                f"{challenger.version} takes its place. ({error})"
            )
        else:
            _, judges = chosen_by_and_judged_by(validation.ids)
            options = _corrected(measuring, options, judges)
            new, old = [ours["validation"][judges]], [theirs[judges]]
            # A gain is above 0 whichever way is better.
            more, less = (old, new) if metric.lower else (new, old)
            gain = metric.difference(more, less, options)
            gone = _rows_gone(run.lake, measuring.present, champion)
            margin = run.config.training.deletion_margin
            moves, decision = _ruling(challenger, champion, gain, int(judges.sum()), gone, margin)
            winner = challenger if moves else champion
    run.lake.check_locks()
    registry.promote(tracking, name, winner.version)
    intervals = {split: metric.interval([found], options) for split, found in ours.items()}
    decided = {
        "champion": winner.version,
        "challenger": challenger.version,
        "champion_selection": winner.tags.get("selection_id", ""),
        "decision": decision,
        "metric": metric.label,
        "rows": order_free_digest(validation.content_hashes),
        **{split: [i.mean, i.low, i.high] for split, i in intervals.items()},
        **{f"challenger_{split}": metric.value(found) for split, found in ours.items()},
    }
    return decided, winner


def _corrected(measuring: Measuring, options: Bootstrap, judges: NDArray[np.bool_]) -> Bootstrap:
    """Correct the interval for the subsets that were compared, where the same rows chose."""
    if not judges.all():
        return options
    compared = measuring.run.record("evaluations/comparison").details
    label = compared["chosen"]["budget"]
    subsets = sum(row["seeds"] for row in compared["rows"] if row["budget_label"] == label)
    return replace(options, confidence=1 - (1 - options.confidence) / max(1, subsets))


def _ruling(
    challenger: ModelVersion,
    champion: ModelVersion,
    gain: Interval,
    rows: int,
    gone: int,
    margin: float,
) -> tuple[bool, str]:
    """Return whether the alias moves, and why in words."""
    found = (
        f"Version {challenger.version} against champion {champion.version} on {rows} validation "
        f"rows: gain {gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"
    )
    if gone:
        moves = gain.high >= -margin
        why = (
            f"; {gone} of the champion's training rows are gone, and the upper end is "
            f"{'' if moves else 'not '}above {-margin:g}"
        )
    else:
        moves = gain.low > 0
        why = f"; the lower end is {'' if moves else 'not '}above 0"
    return moves, f"{found}{why}. The alias {'moves' if moves else 'stays'}."


def _rows_gone(lake: Lake, present: Rows, champion: ModelVersion) -> int:
    trained_on = selections.rows(lake, champion.tags.get("selection_id", ""))
    return len(set(trained_on["content_hash"].to_pylist()) - set(present.content_hashes))
