"""The challenger of a table: a classifier of the chosen family, fitted on the chosen subset."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, digest_of, inputs_of, name_of, run_stage
from assets.lineage.task import Task
from assets.tabular.embed_table import read_encoder
from resources import registry
from resources.datasets import Datasets
from resources.lake import Lake
from resources.locks import DatasetLock
from resources.registry import ModelVersion
from resources.store import records, selections
from resources.tracking import Tracking
from sluice.core.drafts import scratch
from sluice.data.config import DatasetConfig
from sluice.encoders.tabular import TabularEncoder
from sluice.heads.fitting import fit_family

VERSION = "1"
FAMILY = "random_forest"
ENCODER_FILE = "encoder.json"


def fitted_asset(task: Task) -> dg.AssetsDefinition:
    """Build the asset `[task, models, fitted]`."""
    comparison, encoder = task.key("evaluations", "comparison"), task.key("encoder")

    @task.asset(
        "models",
        "fitted",
        deps=[comparison, encoder, task.key("instances")],
        kinds={"scikitlearn", "mlflow"},
        version=VERSION,
        description=(
            "A classifier (a random forest, or `training.family`) fitted on the subset that is "
            "best on validation at the chosen budget. Logged to MLflow in the scikit-learn "
            "flavour, with the encoder that its features come from and its subset's rows, and "
            f"registered as `sluice.{task.name}.<dataset>` with the alias `challenger`. The same "
            "rows, encoder and settings train nothing anew."
        ),
    )
    def fitted(
        context: dg.AssetExecutionContext,
        lake: Lake,
        datasets: Datasets,
        tracking: Tracking,
        lock: DatasetLock,
    ) -> dg.MaterializeResult:
        dataset = context.partition_key
        training = datasets.config(dataset).training
        family = training.family or FAMILY
        read = inputs_of(lake, dataset, [comparison, encoder])
        compared = read[name_of(comparison)].details
        chosen, identity = compared["chosen"], read[name_of(encoder)].details["encoder"]

        def run(previous: records.Record | None) -> Outcome:
            kept = selections.rows(lake, chosen["selection_id"])
            by = read_encoder(lake, dataset, identity)
            names = read_rows(lake, dataset).class_names
            model = _fit(by, kept, names, family, training.seed)
            lake.check_locks()
            details = _log(context, tracking, task, dataset, family, model, by, names, kept, chosen)
            return Outcome(
                content=digest_of([chosen["rows_digest"], family, training.seed, identity]),
                total=kept.num_rows,
                new=kept.num_rows,
                metadata=details.pop("shown"),
                details=details,
            )

        return run_stage(
            context,
            lake,
            # The chosen rows decide, not the accuracies that chose them.
            inputs=[],
            version=VERSION,
            parameters={
                "rows": chosen["rows_digest"],
                "family": family,
                "seed": training.seed,
                "classes": compared["class_names"],
                "encoder": identity,
            },
            compute=run,
            # Not in the lake: the alias `challenger` moves.
            replaces=True,
        )

    return fitted


def fitted_answers(
    model: ModelVersion, part: Rows, config: DatasetConfig, device: str
) -> NDArray[np.str_]:
    """Return the class that a fitted model gives each row, by name.

    The rows are encoded by the model's own encoder: the dataset's may have been fitted anew.
    """
    import mlflow.sklearn

    encoder = TabularEncoder.from_json((model.folder / ENCODER_FILE).read_text("utf-8"))
    classifier = mlflow.sklearn.load_model(str(model.folder))
    codes = classifier.predict(encoder.encode(part.texts))
    return np.array(model.class_names())[np.asarray(codes, dtype=np.int64)]


def _fit(
    encoder: TabularEncoder, kept: pa.Table, names: tuple[str, ...], family: str, seed: int
) -> Any:
    codes = {name: code for code, name in enumerate(names)}
    labels = np.array([codes[label] for label in kept["label"].to_pylist()])
    return fit_family(family, encoder.encode(kept["text"].to_pylist()), labels, seed)


def _log(
    context: dg.AssetExecutionContext,
    tracking: Tracking,
    task: Task,
    dataset: str,
    family: str,
    model: Any,
    encoder: TabularEncoder,
    names: tuple[str, ...],
    kept: pa.Table,
    chosen: dict[str, Any],
) -> dict[str, Any]:
    """Log and register a fitted model; return what is recorded and, under `shown`, shown."""
    tags = tracking.tags_of(context) | {"sluice.selection_id": chosen["selection_id"]}
    title = f"fitted {chosen['selector']} {chosen['budget']}"
    name = task.model_name(dataset)
    with scratch() as folder, tracking.run(name, title, tags) as run:
        run.parameters({**chosen, "family": family, "encoder": encoder.identity})
        output, rows_file = folder / "model", folder / "subset.parquet"
        _save(model, output, encoder.to_json(), names)
        pq.write_table(kept.drop_columns(["text"]), rows_file)
        run.artifact(output, "model")
        run.artifact(rows_file, "subset")
        about = {key: str(chosen[key]) for key in ("selection_id", "selector", "budget")}
        about |= {"rows_digest": chosen["rows_digest"], "rows": str(kept.num_rows)}
        about |= {"family": family, "encoder": encoder.identity}
        version = registry.register(tracking, name, run, about)
    shown = {
        "model": name,
        "version": version,
        "family": family,
        **{key: chosen[key] for key in ("selector", "budget", "selection_id", "seed")},
        "mlflow_run_id": run.run_id,
        "mlflow_run": dg.MetadataValue.url(run.url),
    }
    return {"version": version, "chosen": chosen, "mlflow_url": run.url, "shown": shown}


def _save(model: Any, folder: Path, artifact: str, names: tuple[str, ...]) -> None:
    """Write a model in MLflow's scikit-learn flavour, beside its encoder and its classes."""
    import mlflow.sklearn
    import skops.io

    # Trusted because it was made here; a type that is not known to skops is named in the file.
    types = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    mlflow.sklearn.save_model(
        model,
        str(folder),
        # Else MLflow starts a process to find out.
        pip_requirements=["scikit-learn", "skops"],
        skops_trusted_types=types,
    )
    (folder / ENCODER_FILE).write_text(artifact, "utf-8")
    labels = {str(code): name for code, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps({"id2label": labels}), "utf-8")
