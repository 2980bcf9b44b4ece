"""The model registry: versions of a dataset's model, and which of them is the champion."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.tracking import CHALLENGER, CHAMPION, TrackedRun, Tracking


@dataclass(frozen=True)
class ModelVersion:
    """One registered version and where its files are."""

    name: str
    version: str
    folder: Path
    run_id: str
    tags: dict[str, str]

    def class_names(self) -> list[str]:
        """Return the classes that it tells apart, in the order of its outputs."""
        labels = json.loads((self.folder / "config.json").read_text())["id2label"]
        return [labels[str(code)] for code in range(len(labels))]


def register(tracking: Tracking, name: str, run: TrackedRun, tags: dict[str, str]) -> str:
    """Register the files logged under `model` as a new version and make it the challenger."""
    from mlflow.exceptions import MlflowException

    client = tracking.client()
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name)
    source = f"{client.get_run(run.run_id).info.artifact_uri}/model"
    version = client.create_model_version(name, source, run_id=run.run_id, tags=tags)
    client.set_registered_model_alias(name, CHALLENGER, version.version)
    return str(version.version)


def find(tracking: Tracking, name: str, alias: str) -> ModelVersion | None:
    """Return the version that carries an alias, with its files at hand, or None."""
    from mlflow.exceptions import MlflowException

    try:
        found = tracking.client().get_model_version_by_alias(name, alias)
    except MlflowException:
        return None
    return _at_hand(tracking, found)


def get(tracking: Tracking, name: str, version: str) -> ModelVersion | None:
    """Return a version by its number, with its files at hand, or None."""
    from mlflow.exceptions import MlflowException

    try:
        found = tracking.client().get_model_version(name, version)
    except MlflowException:
        return None
    return _at_hand(tracking, found)


def _at_hand(tracking: Tracking, found: Any) -> ModelVersion:
    from mlflow.artifacts import download_artifacts

    folder = Path(download_artifacts(found.source, tracking_uri=tracking.tracking_uri))
    # What a learner wrote lies within, where MLflow can load the model by itself.
    within = folder / "data" / "model"
    folder = within if within.is_dir() else folder
    return ModelVersion(found.name, str(found.version), folder, found.run_id, dict(found.tags))


def promote(tracking: Tracking, name: str, version: str) -> None:
    """Move the alias `champion` to a version."""
    tracking.client().set_registered_model_alias(name, CHAMPION, version)
