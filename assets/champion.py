"""The champion: the alias moves only when the challenger is shown to be better."""

from typing import Any

import dagster as dg
import numpy as np

from assets.fine_tuned import model_name, training_config
from assets.inputs import Rows, read_rows
from assets.stage import Outcome, digest_of, inputs_of, name_of, run_stage
from assets.task import Task
from resources import registry
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.registry import ModelVersion
from resources.store import records, selections
from resources.tracking import CHALLENGER, CHAMPION, Tracking
from sluice.data.digests import order_free_digest
from sluice.errors import SluiceError
from sluice.evaluation.bootstrap import accuracy_interval, paired_difference
from sluice.models.predict import predict

VERSION = "1"
# A champion that was trained on rows which are gone may be replaced at this small a loss.
MARGIN_AFTER_DELETION = -0.01


def champion_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, models, champion]`."""
    inputs = [task.key("models", "fine_tuned"), task.key("instances")]

    @task.asset(
        "models",
        "champion",
        deps=inputs,
        kinds={"mlflow", "torch"},
        pool="gpu",
        version=VERSION,
        description=(
            "Challenger and champion are both scored on the present validation rows; the alias "
            "`champion` moves only if the lower end of the paired-bootstrap interval of the gain "
            f"is above 0, or above {MARGIN_AFTER_DELETION} where rows that the champion was "
            "trained on have been deleted. The first model becomes champion at once. Test "
            "accuracy is reported and decides nothing."
        ),
    )
    def champion(
        context: dg.AssetExecutionContext,
        lake: Lake,
        datasets: Datasets,
        compute: Compute,
        tracking: Tracking,
        lock: DatasetLock,
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        config = datasets.config(dataset)

        def run(previous: records.Record | None) -> Outcome:
            present = read_rows(lake, dataset)
            device = compute.resolve()
            length = training_config(config).max_length
            decided = _decide(lake, tracking, task, dataset, present, length, device, config)
            total = sum(len(present.of(split).ids) for split in ("validation", "test"))
            shown = {k: v for k, v in decided.items() if not isinstance(v, list)}
            return Outcome(
                content=digest_of([decided["champion"], decided["rows"]]),
                total=total,
                new=total,
                metadata=shown,
                details=decided,
                device=device,
            )

        held_out = inputs_of(lake, dataset, inputs)[name_of(inputs[1])].data_version
        return run_stage(
            context,
            lake,
            inputs=inputs,
            version=VERSION,
            parameters={"held_out": held_out},
            compute=run,
            replaces=True,
        )

    return champion


def _decide(
    lake: Lake,
    tracking: Tracking,
    task: Task,
    dataset: str,
    present: Rows,
    length: int,
    device: str,
    config: Any,
) -> dict[str, Any]:
    name = model_name(task, dataset)
    challenger = registry.find(tracking, name, CHALLENGER)
    if challenger is None:
        raise SluiceError(
            f"The registry holds no challenger of {name}. Its database may have been replaced; "
            f"run `sluice run {dataset} --rebuild` to train and register one."
        )
    champion = registry.find(tracking, name, CHAMPION)
    options = {
        "confidence": config.evaluation.confidence,
        "resamples": config.evaluation.resamples,
    }
    right = {
        split: _correct(challenger, present.of(split), length, device)
        for split in ("validation", "test")
    }
    decision, winner = "It is the first model, and becomes champion.", challenger
    if champion is not None and champion.version == challenger.version:
        decision = "The challenger is the champion already."
    elif champion is not None:
        theirs = _correct(champion, present.of("validation"), length, device)
        gain = paired_difference(right["validation"], theirs, **options)
        gone = _rows_gone(lake, present, champion)
        bar = MARGIN_AFTER_DELETION if gone else 0.0
        moves = gain.low > bar
        winner = challenger if moves else champion
        decision = (
            f"Version {challenger.version} against champion {champion.version} on "
            f"{len(theirs)} validation rows: gain {gain.mean:+.4f} [{gain.low:+.4f}, "
            f"{gain.high:+.4f}]; the lower end is {'' if moves else 'not '}above {bar:g}"
            + (f" ({gone} of the champion's training rows are gone)" if gone else "")
            + f". The alias {'moves' if moves else 'stays'}."
        )
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


def _correct(model: ModelVersion, part: Rows, length: int, device: str) -> np.ndarray:
    probabilities = predict(model.folder, part.texts, max_length=length, device=device)
    names = np.array(model.class_names())
    given = np.array(part.class_names)[part.labels]
    return names[probabilities.argmax(axis=1)] == given


def _rows_gone(lake: Lake, present: Rows, champion: ModelVersion) -> int:
    trained_on = selections.rows(lake, champion.tags.get("selection_id", ""))
    return len(set(trained_on["content_hash"].to_pylist()) - set(present.content_hashes))
