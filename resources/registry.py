"""The model registry: versions of a dataset's model, and which of them is the champion."""

from dataclasses import dataclass
from pathlib import Path

from resources.tracking import CHALLENGER, CHAMPION, TrackedRun, Tracking


@dataclass(frozen=True)
class ModelVersion:
    """One registered version and where its files are."""

    name: str
    version: str
    folder: Path
    run_id: str
    tags: dict[str, str]


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
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    client = tracking.client()
    try:
        found = client.get_model_version_by_alias(name, alias)
    except MlflowException:
        return None
    folder = download_artifacts(found.source, tracking_uri=tracking.tracking_uri)
    return ModelVersion(name, str(found.version), Path(folder), found.run_id, dict(found.tags))


def promote(tracking: Tracking, name: str, version: str) -> None:
    """Move the alias `champion` to a version."""
    tracking.client().set_registered_model_alias(name, CHAMPION, version)
