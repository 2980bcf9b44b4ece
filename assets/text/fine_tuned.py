"""The challenger: the encoder itself, fine-tuned on the subset that validation chose."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import (
    Outcome,
    Run,
    digest_of,
    stage,
)
from assets.lineage.task import Task
from resources import registry
from resources.registry import ModelVersion
from resources.store import records, selections
from resources.tracking import Tracking
from sluice.core.drafts import scratch
from sluice.data.config import DatasetConfig
from sluice.encoders.folder import files_digest, resolve_model
from sluice.encoders.text import TextEncoder
from sluice.models.fine_tune import TrainingConfig, TrainingResult, fine_tune
from sluice.models.predict import predict
from sluice.reports.figures import to_markdown, training_curve

VERSION = "1"


@dataclass(frozen=True)
class Start:
    """What a training starts from.

    Attributes
    ----------
    folder : Path
    version : str
        Of the registered model, or nothing for the encoder.
    why : str
    encoder : str
        Identity of the encoder that it is, or that it was once made of.
    weights : tuple of str
        What further weights add to the result's identity; nothing for the encoder itself.
    """

    folder: Path
    version: str
    why: str
    encoder: str
    weights: tuple[str, ...] = ()


def training_config(config: DatasetConfig) -> TrainingConfig:
    """Return how a dataset's model is trained."""
    chosen = config.training.model_dump(exclude={"enabled", "warm_start", "family"})
    return TrainingConfig(**chosen)


def fine_tuned_answers(
    model: ModelVersion, part: Rows, config: DatasetConfig, device: str
) -> NDArray[np.str_]:
    """Return the class that a fine-tuned model gives each row, by name."""
    length = training_config(config).max_length
    probabilities = predict(model.folder, part.texts, max_length=length, device=device)
    return np.array(model.class_names())[probabilities.argmax(axis=1)]


def _base(run: Run) -> str:
    return TextEncoder(run.config.encoder.model, run.config.encoder.max_length).identity


def _settings(run: Run) -> dict[str, Any]:
    compared = run.record("evaluations/comparison").details
    return {
        "rows": compared["chosen"]["rows_digest"],
        "training": training_config(run.config).version,
        "classes": compared["class_names"],
        "encoder": run.once(_base),
        # Not what it starts from: each model would then ask for the next.
        **({"warm_start": True} if run.config.training.warm_start else {}),
    }


@stage(
    "models/fine_tuned",
    # The chosen rows decide, not the accuracies that chose them.
    may_read=("evaluations/comparison", "instances"),
    resources=("compute", "tracking"),
    kinds=("torch", "huggingface", "mlflow"),
    gpu=True,
    version=VERSION,
    description=(
        "The encoder with a classification layer, fine-tuned (AdamW, linear schedule, cross "
        "entropy) on the subset that is best on validation at the chosen budget. Logged to "
        "MLflow with its parameters, its curve and its subset's rows, and registered as "
        "`sluice.text.<dataset>` with the alias `challenger`. The same rows and "
        "settings train nothing anew. With `training.warm_start` it starts from the last "
        "model in place of the encoder, so that the result depends on what was trained "
        "before, rows since deleted included; a rebuild starts from the encoder."
    ),
    settings=_settings,
    # Not in the lake: the alias `challenger` moves.
    replaces=True,
    when=lambda task, config: config.training.enabled,
)
def fine_tuned(run: Run) -> Outcome:
    """Fine-tune the encoder on the chosen subset."""
    config, compared = run.config, run.record("evaluations/comparison").details
    chosen, training, base = compared["chosen"], training_config(config), run.once(_base)
    kept = selections.rows(run.lake, chosen["selection_id"])
    start = Start(resolve_model(config.encoder.model), "", "It is off.", base)
    if config.training.warm_start:
        before = None if run.is_rebuild else run.previous
        name, rows = run.task.model_name(run.dataset), chosen["rows_digest"]
        start = _warm(run.tracking, name, before, rows, compared["class_names"], start)
    details = _train(run, training, kept, chosen, start)
    shown = details.pop("shown")
    return Outcome(
        content=digest_of([chosen["rows_digest"], training.version, base, *start.weights]),
        total=kept.num_rows,
        new=kept.num_rows,
        metadata=shown,
        details=details,
        device=run.device,
    )


def _warm(
    tracking: Tracking,
    name: str,
    previous: records.Record | None,
    rows_digest: str,
    class_names: list[str],
    cold: Start,
) -> Start:
    """Start from the version that the last record registered, where it fits.

    By the record and not by the alias, and where its rows are the present ones from where it
    started itself: what is made again, because a run was interrupted, must come out the same.
    """
    if previous is None:
        return replace(cold, why="Nothing is recorded to start from, or this is a rebuild.")
    same = previous.details["chosen"]["rows_digest"] == rows_digest
    version = str(
        previous.details.get("start_version", "") if same else previous.details["version"]
    )
    if not version:
        return replace(cold, why="The last model has the same rows, and started from the encoder.")
    before = registry.get(tracking, name, version)
    if before is None:
        return replace(cold, why=f"The registry holds no version {version} of {name}.")
    if before.tags.get("encoder") != cold.encoder:
        return replace(cold, why=f"Version {version} does not say that it is of this encoder.")
    if before.class_names() != class_names:
        return replace(cold, why=f"Version {version} tells other classes apart.")
    return Start(
        folder=before.folder,
        version=version,
        why="The last model has the same rows, and started there." if same else "It is the last.",
        encoder=cold.encoder,
        weights=(files_digest(before.folder),),
    )


def _train(
    of: Run, training: TrainingConfig, kept: pa.Table, chosen: dict[str, Any], start: Start
) -> dict[str, Any]:
    lake, tracking, dataset, device = of.lake, of.tracking, of.dataset, of.device
    present = read_rows(lake, dataset)
    validation = present.of("validation")
    codes = {name: code for code, name in enumerate(present.class_names)}
    tags = tracking.tags_of(of.context) | {"sluice.selection_id": chosen["selection_id"]}
    title = f"fine_tuned {chosen['selector']} {chosen['budget']}"
    with (
        scratch() as folder,
        tracking.run(of.task.model_name(dataset), title, tags) as run,
    ):
        output = folder / "model"
        result = fine_tune(
            kept["text"].to_pylist(),
            np.array([codes[label] for label in kept["label"].to_pylist()]),
            present.class_names,
            training,
            start.folder,
            output,
            device=device,
            validation=(validation.texts, validation.labels),
        )
        name = of.task.model_name(dataset)
        warm = {"warm_started_from": f"{name} version {start.version}" if start.version else "none"}
        run.parameters({**vars(training), **chosen, **warm, "device": device})
        for epoch, point in enumerate(result.curve, start=1):
            run.metrics({k: v for k, v in point.items() if k != "epoch"}, step=epoch)
        rows_file = folder / "subset.parquet"
        pq.write_table(kept.drop_columns(["text"]), rows_file)
        run.artifact(output, "model")
        run.artifact(rows_file, "subset")
        lake.check_locks()
        version = registry.register(
            tracking,
            name,
            run,
            {
                "selection_id": chosen["selection_id"],
                "rows_digest": chosen["rows_digest"],
                "selector": chosen["selector"],
                "budget": chosen["budget"],
                "rows": str(kept.num_rows),
                "encoder": start.encoder,
                **warm,
            },
        )
    return {
        "version": version,
        "chosen": chosen,
        "curve": result.curve,
        "shown": {
            **_shown(result, version, of.task, dataset, chosen, run.run_id, run.url),
            **warm,
            "warm_start": start.why,
        },
        "mlflow_url": run.url,
        "start_version": start.version,
        **warm,
    }


def _shown(
    result: TrainingResult,
    version: str,
    task: Task,
    dataset: str,
    chosen: dict[str, Any],
    run_id: str,
    url: str,
) -> dict[str, Any]:
    return {
        "model": task.model_name(dataset),
        "version": version,
        "selector": chosen["selector"],
        "budget": chosen["budget"],
        "selection_id": chosen["selection_id"],
        "seed": chosen["seed"],
        "steps": result.steps,
        "training_seconds": float(result.seconds),
        "training_curve": dg.MetadataValue.md(to_markdown(training_curve(curves(result.curve)))),
        "mlflow_run_id": run_id,
        "mlflow_run": dg.MetadataValue.url(url),
    }


def curves(points: list[dict[str, float]]) -> dict[str, list[float]]:
    """Turn a list of per-epoch values into one list per value."""
    return {key: [point[key] for point in points] for key in points[0] if key != "epoch"}
