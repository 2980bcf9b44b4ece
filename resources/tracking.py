"""MLflow: one experiment and one registered model per dataset, in SQLite by default."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import dagster as dg
from filelock import FileLock
from pydantic import Field

from resources.moved_artifacts import bring_over
from resources.paths import home
from resources.redaction import redacted, without_passwords
from resources.settled import SettledResource
from sluice.core.errors import SluiceError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
CHALLENGER = "challenger"
# On every run that Sluice makes.
RUN_TAG = "dagster.run_id"
ASSET_TAG = "dagster.asset_key"

# Databases whose tables this process has seen whole.
_READY: set[str] = set()


class TrackingError(SluiceError):
    """MLflow's store cannot be used."""


class Tracking(SettledResource):
    """Where runs, models and their aliases are kept."""

    uri: str = Field(
        default="",
        description="MLflow tracking URI; default `$MLFLOW_TRACKING_URI`, else SQLite under "
        "`.sluice/mlflow`.",
    )
    artifact_root: str = Field(
        default="", description="Folder or object store of artifacts; default `.sluice/mlflow`."
    )
    ui_url: str = Field(
        default="", description="Address of the MLflow UI; default `$SLUICE_MLFLOW_URL`."
    )
    dagster_url: str = Field(
        default="", description="Address of the Dagster UI; default `$SLUICE_DAGSTER_URL`."
    )

    @property
    def tracking_uri(self) -> str:
        """The URI in force, that of a server without the name and password that it may hold.

        MLflow quotes the address of a server in its errors; it takes those from the environment.
        """
        default = f"sqlite:///{home() / 'mlflow' / 'mlflow.db'}"
        uri = self.uri or os.environ.get("MLFLOW_TRACKING_URI") or default
        return _without_login(uri) if uri.startswith(("http://", "https://")) else uri

    @property
    def database(self) -> Path | None:
        """The SQLite file of runs and models, or None where they are kept elsewhere."""
        scheme, _, path = self.tracking_uri.partition(":///")
        return Path(path).resolve() if scheme == "sqlite" else None

    def client(self) -> "MlflowClient":
        """Return a client; the first use of a new database creates its tables.

        MLflow makes and migrates them without a lock, and several first runs at once would spoil
        each other's. A process looks once.
        """
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        database = home() / "mlflow" / "mlflow.db"
        from mlflow.tracking import MlflowClient

        uri = self.tracking_uri
        if uri in _READY:
            return MlflowClient(tracking_uri=uri, registry_uri=uri)
        try:
            if not self.artifact_root and uri == f"sqlite:///{database}":
                bring_over(database, home() / "mlflow" / "artifacts")
            with self.alone():
                client = MlflowClient(tracking_uri=uri, registry_uri=uri)
                if self.database:
                    # Runs and models have a store each, which makes its tables when first asked.
                    client.search_experiments(max_results=1)
                    client.search_registered_models(max_results=1)
        except Exception as error:
            without_passwords(error, uri)
            raise TrackingError(
                f"MLflow cannot use its store {redacted(uri)}: {error}. Mend that, or set "
                "MLFLOW_TRACKING_URI to another store; unset, it is a database of this workspace."
            ) from error
        _READY.add(uri)
        return client

    @contextmanager
    def alone(self) -> Generator[None]:
        """Let no other process make what is made once: tables and experiments."""
        folder = (self.database or home() / "mlflow" / "mlflow.db").parent
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "tables.lock"):
            yield

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, created with an explicit artifact location.

        One that somebody has deleted in the UI is taken back: its name cannot be used again.
        """
        client = self.client()
        with self.alone():
            found = client.get_experiment_by_name(name)
            if found is None:
                root = self.artifact_root or str(home() / "mlflow" / "artifacts")
                return client.create_experiment(name, artifact_location=f"{root}/{name}")
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            return found.experiment_id

    @contextmanager
    def run(self, experiment: str, name: str, tags: dict[str, str]) -> Generator["TrackedRun"]:
        """Open one run, and close it as finished or failed."""
        client = self.client()
        experiment_id = self.experiment(experiment)
        run = client.create_run(experiment_id, run_name=name, tags=tags)
        tracked = TrackedRun(client, run.info.run_id, self.run_url(experiment_id, run.info.run_id))
        try:
            yield tracked
        except BaseException:
            client.set_terminated(run.info.run_id, "FAILED")
            raise
        client.set_terminated(run.info.run_id, "FINISHED")

    def tags_of(self, context: dg.AssetExecutionContext) -> dict[str, str]:
        """Return the tags that lead from an MLflow run back to the Dagster run that made it."""
        return {
            RUN_TAG: context.run.run_id,
            "dagster.run_url": self.dagster_run_url(context.run.run_id),
            ASSET_TAG: context.asset_key.to_user_string(),
            "dagster.partition": context.partition_key,
            "mlflow.note.content": (
                f"Made by [Dagster run {context.run.run_id[:8]}]"
                f"({self.dagster_run_url(context.run.run_id)})."
            ),
        }

    def run_url(self, experiment_id: str, run_id: str) -> str:
        """Return the address of a run in the MLflow UI."""
        base = self.ui_url or os.environ.get("SLUICE_MLFLOW_URL", "http://127.0.0.1:5000")
        return f"{base}/#/experiments/{experiment_id}/runs/{run_id}"

    def dagster_run_url(self, run_id: str) -> str:
        """Return the address of a run in the Dagster UI."""
        base = self.dagster_url or os.environ.get("SLUICE_DAGSTER_URL", "http://127.0.0.1:3000")
        return f"{base}/runs/{run_id}"


class TrackedRun:
    """One open MLflow run."""

    def __init__(self, client: "MlflowClient", run_id: str, url: str) -> None:
        self.client = client
        self.run_id = run_id
        self.url = url

    def parameters(self, values: dict[str, Any]) -> None:
        """Log parameters."""
        from mlflow.entities import Param

        parameters = [Param(key, str(value)[:500]) for key, value in values.items()]
        self.client.log_batch(self.run_id, params=parameters)

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Log metrics at a step, in one batch."""
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(key, float(value), now, step) for key, value in values.items()]
        self.client.log_batch(self.run_id, metrics=metrics)

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Log a file, or everything in a folder."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), folder)
        else:
            self.client.log_artifact(self.run_id, str(path), folder)


def _without_login(uri: str) -> str:
    """Return the address of a server, with the login in it moved to where MLflow looks for one."""
    scheme, _, rest = uri.partition("://")
    # The login ends at the last @ before the path, as in `resources.redaction`.
    place, slash, path = rest.partition("/")
    login, at, host = place.rpartition("@")
    if not at:
        return uri
    name, _, password = login.partition(":")
    os.environ.setdefault("MLFLOW_TRACKING_USERNAME", unquote(name))
    os.environ.setdefault("MLFLOW_TRACKING_PASSWORD", unquote(password))
    return f"{scheme}://{host}{slash}{path}"
