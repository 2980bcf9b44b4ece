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
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.tabular.embed_table import read_encoder
from resources import registry
from resources.registry import ModelVersion
from resources.store import selections
from sluice.core.drafts import scratch
from sluice.data.config import DatasetConfig
from sluice.encoders.tabular import TabularEncoder
from sluice.heads.fitting import fit_family

VERSION = "1"
FAMILY = "random_forest"
ENCODER_FILE = "encoder.json"


def _settings(run: Run) -> dict[str, Any]:
    compared, training = run.record("evaluations/comparison").details, run.config.training
    return {
        "rows": compared["chosen"]["rows_digest"],
        "family": training.family or FAMILY,
        "seed": training.seed,
        "classes": compared["class_names"],
        "encoder": run.record("encoder").details["encoder"],
    }


@stage(
    "models/fitted",
    # The chosen rows decide, not the accuracies that chose them.
    may_read=("evaluations/comparison", "encoder", "instances"),
    resources=("tracking",),
    kinds=("scikitlearn", "mlflow"),
    version=VERSION,
    description=(
        "A classifier (a random forest, or `training.family`) fitted on the subset that is "
        "best on validation at the chosen budget. Logged to MLflow in the scikit-learn "
        "flavour, with the encoder that its features come from and its subset's rows, and "
        "registered as `sluice.tabular.<dataset>` with the alias `challenger`. The same "
        "rows, encoder and settings train nothing anew."
    ),
    settings=_settings,
    # Not in the lake: the alias `challenger` moves.
    replaces=True,
    when=lambda task, config: config.training.enabled,
)
def fitted(run: Run) -> Outcome:
    """Fit a classifier on the chosen subset."""
    lake, dataset, training = run.lake, run.dataset, run.config.training
    family, identity = training.family or FAMILY, run.record("encoder").details["encoder"]
    chosen = run.record("evaluations/comparison").details["chosen"]
    kept = selections.rows(lake, chosen["selection_id"])
    by, names = read_encoder(lake, dataset, identity), read_rows(lake, dataset).class_names
    model = _fit(by, kept, names, family, training.seed)
    lake.check_locks()
    details = _log(run, family, model, by, names, kept, chosen)
    return Outcome(
        content=digest_of([chosen["rows_digest"], family, training.seed, identity]),
        total=kept.num_rows,
        new=kept.num_rows,
        metadata=details.pop("shown"),
        details=details,
    )


def fitted_answers(
    model: ModelVersion, part: Rows, config: DatasetConfig, device: str
) -> NDArray[np.str_]:
    """Return the class that a fitted model gives each row, by name.

    The rows are encoded by the model's own encoder: the dataset's may have been fitted anew.
    """
    from mlflow.sklearn import load_model

    encoder = TabularEncoder.from_json((model.folder / ENCODER_FILE).read_text("utf-8"))
    classifier: Any = load_model(str(model.folder))
    codes = classifier.predict(encoder.encode(part.texts))
    return np.array(model.class_names())[np.asarray(codes, dtype=np.int64)]


def _fit(
    encoder: TabularEncoder, kept: pa.Table, names: tuple[str, ...], family: str, seed: int
) -> Any:
    codes = {name: code for code, name in enumerate(names)}
    labels = np.array([codes[label] for label in kept["label"].to_pylist()])
    return fit_family(family, encoder.encode(kept["text"].to_pylist()), labels, seed)


def _log(
    of: Run,
    family: str,
    model: Any,
    encoder: TabularEncoder,
    names: tuple[str, ...],
    kept: pa.Table,
    chosen: dict[str, Any],
) -> dict[str, Any]:
    """Log and register a fitted model; return what is recorded and, under `shown`, shown."""
    tracking = of.tracking
    tags = tracking.tags_of(of.context) | {"sluice.selection_id": chosen["selection_id"]}
    title = f"fitted {chosen['selector']} {chosen['budget']}"
    name = of.task.model_name(of.dataset)
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
    import skops.io
    from mlflow.sklearn import save_model

    # Trusted because it was made here; a type that is not known to skops is named in the file.
    types = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    save_model(
        model,
        str(folder),
        # Else MLflow starts a process to find out.
        pip_requirements=["scikit-learn", "skops"],
        skops_trusted_types=types,
    )
    (folder / ENCODER_FILE).write_text(artifact, "utf-8")
    labels = {str(code): name for code, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps({"id2label": labels}), "utf-8")
