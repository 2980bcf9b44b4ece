"""The challenger: the task's final model, trained on the subset that validation chose."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assets.lineage.inputs import Rows, read_rows
from assets.lineage.stage import Outcome, Run, Stage, digest_of, stage
from assets.stages.evaluations import Learners, examples_of, given_of
from resources import registry
from resources.store import selections
from sluice.core.drafts import scratch
from sluice.encoders.folder import files_digest
from sluice.evaluation.evaluate import ready
from sluice.evaluation.learner import Examples, Fitted, Learner
from sluice.reports.figures import to_markdown, training_curve
from sluice.tasks import serving

VERSION = "1"


@dataclass(frozen=True)
class Start:
    """What a training starts from.

    Attributes
    ----------
    version, folder : str, and Path or None
        Of the registered model; neither for what the learner starts from by itself.
    why : str
    weights : tuple of str
        What further weights add to the result's identity.
    """

    version: str = ""
    folder: Path | None = None
    why: str = "It is off."
    weights: tuple[str, ...] = ()


def model(learner: Learners, trained: str) -> Stage:
    """Return the stage `models/<trained>`, which trains and registers the challenger."""

    def make(run: Run) -> Learner:
        return learner(given_of(run, learner.read_by_model(run.config)))

    def settings(run: Run) -> dict[str, Any]:
        compared, warm = run.record("evaluations/comparison").details, run.config.training
        return {
            "rows": compared["chosen"]["rows_digest"],
            "classes": compared["class_names"],
            **run.once(make).model_settings(compared["chosen"]["seed"]),
            # Not what it starts from: each model would then ask for the next.
            **({"warm_start": True} if warm.warm_start else {}),
        }

    @stage(
        f"models/{trained}",
        # The chosen rows decide, not the numbers that chose them.
        may_read=("evaluations/comparison", "instances", *learner.model_reads),
        resources=("compute", "language_models", "tracking"),
        kinds=("mlflow", *learner.model_kinds),
        gpu=learner.model_heavy,
        version=VERSION,
        description=(
            f"{learner.model_summary} Logged to MLflow with its parameters, its curve and its "
            "subset's rows, and registered as `sluice.<task>.<dataset>` with the alias "
            "`challenger`. The same rows and settings train nothing anew."
        ),
        settings=settings,
        # Not in the lake: the alias `challenger` moves.
        replaces=True,
        when=lambda task, config: config.training.enabled,
        on_demand=learner.on_demand,
    )
    def fitted(run: Run) -> Outcome:
        compared, made = run.record("evaluations/comparison").details, run.once(make)
        chosen, names = compared["chosen"], compared["class_names"]
        kept = selections.rows(run.lake, chosen["selection_id"])
        start = _start(run, made, chosen, names)
        details, shown = _train(run, trained, made, kept, chosen, names, start)
        own = made.model_settings(chosen["seed"])
        return Outcome(
            content=digest_of([chosen["rows_digest"], *own.values(), *start.weights]),
            total=kept.num_rows,
            new=kept.num_rows,
            metadata=shown,
            details=details,
            device=run.device if learner.model_heavy else "cpu",
        )

    return fitted


def kept_examples(kept: pa.Table, present: Rows) -> Examples:
    """Return the rows of a selection as learners take them."""
    codes = {name: code for code, name in enumerate(present.class_names)}
    labels = np.array([codes[label] for label in kept["label"].to_pylist()], dtype=np.int64)
    texts = kept["text"].to_pylist()
    return Examples(kept["instance_id"].to_pylist(), texts, labels, present.class_names)


def _start(run: Run, learner: Learner, chosen: dict[str, Any], names: list[str]) -> Start:
    """Start from the version that the last record registered, where it fits.

    By the record and not by the alias, and where its rows are the present ones from where it
    started itself: what is made again, because a run was interrupted, must come out the same.
    """
    if not (learner.warm_starts and run.config.training.warm_start):
        return Start()
    if run.previous is None or run.is_rebuild:
        return Start(why="Nothing is recorded to start from, or this is a rebuild.")
    details, name = run.previous.details, run.task.model_name(run.dataset)
    same = details["chosen"]["rows_digest"] == chosen["rows_digest"]
    version = str(details.get("start_version", "") if same else details["version"])
    if not version:
        return Start(why="The last model has the same rows, and started from the encoder.")
    before = registry.get(run.tracking, name, version)
    if before is None:
        return Start(why=f"The registry holds no version {version} of {name}.")
    if before.tags.get("encoder") != learner.model_settings(chosen["seed"])["encoder"]:
        return Start(why=f"Version {version} does not say that it is of this encoder.")
    if before.class_names() != names:
        return Start(why=f"Version {version} tells other classes apart.")
    why = "The last model has the same rows, and started there." if same else "It is the last."
    return Start(version, before.folder, why, (files_digest(before.folder),))


def _train(
    run: Run,
    trained: str,
    learner: Learner,
    kept: pa.Table,
    chosen: dict[str, Any],
    names: list[str],
    start: Start,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train, log and register a model; return what is recorded, and what is shown."""
    tracking, name = run.tracking, run.task.model_name(run.dataset)
    present = read_rows(run.lake, run.dataset)
    rows = ready(kept_examples(kept, present))
    tags = tracking.tags_of(run.context) | {"sluice.selection_id": chosen["selection_id"]}
    title = f"{trained} {chosen['selector']} {chosen['budget']}"
    warm: dict[str, str] = {}
    if learner.warm_starts:
        from_version = f"{name} version {start.version}" if start.version else "none"
        warm = {"warm_started_from": from_version}
    with scratch() as folder, tracking.run(name, title, tags) as logged:
        output, rows_file = folder / "model", folder / "subset.parquet"
        validation = examples_of(present.of("validation"))
        made = learner.fit(rows, names, chosen["seed"], output, validation, start.folder)
        if learner.served:
            served = folder / "served"
            serving.save(learner, output, rows, served)
            output = served
        logged.parameters({**made.parameters, **chosen, **warm})
        for epoch, point in enumerate(made.curve, start=1):
            logged.metrics({k: v for k, v in point.items() if k != "epoch"}, step=epoch)
        pq.write_table(kept.drop_columns(["text"]), rows_file)
        logged.artifact(output, "model")
        logged.artifact(rows_file, "subset")
        run.lake.check_locks()
        about = {key: str(chosen[key]) for key in ("selection_id", "rows_digest", "selector")}
        about |= {"budget": chosen["budget"], "rows": str(kept.num_rows), **warm}
        about |= {k: str(v) for k, v in learner.model_settings(chosen["seed"]).items()}
        version = registry.register(tracking, name, logged, about)
    details: dict[str, Any] = {"version": version, "chosen": chosen, "mlflow_url": logged.url}
    if made.curve:
        details["curve"] = made.curve
    if learner.warm_starts:
        details |= {"start_version": start.version, **warm}
        warm = {**warm, "warm_start": start.why}
    shown = {
        "model": name,
        "version": version,
        **{key: chosen[key] for key in ("selector", "budget", "selection_id", "seed")},
        **_shown(made),
        **warm,
        "mlflow_run_id": logged.run_id,
        "mlflow_run": dg.MetadataValue.url(logged.url),
    }
    return details, shown


def _shown(made: Fitted) -> dict[str, Any]:
    if not made.curve:
        return made.about
    drawn = dg.MetadataValue.md(to_markdown(training_curve(curves(made.curve))))
    return {**made.about, "training_curve": drawn}


def curves(points: list[dict[str, float]]) -> dict[str, list[float]]:
    """Turn a list of per-epoch values into one list per value."""
    return {key: [point[key] for point in points] for key in points[0] if key != "epoch"}
