"""MLflow's tables and experiments, made once however many ask for them first."""

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from resources.moved_artifacts import bring_over
from resources.tracking import _READY, Tracking, TrackingError

WORKSPACE = Path(__file__).resolve().parents[2]
FIRST_USE = """
import sys; sys.path.insert(0, sys.argv[1])
import mlflow.store.tracking.sqlalchemy_store
from mlflow.tracking import MlflowClient
from resources.tracking import Tracking
print("ready", flush=True)
sys.stdin.readline()
print(Tracking().experiment("sluice.text.d"), flush=True)
"""


def test_two_first_uses_at_once_make_the_tables_and_one_experiment(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FIRST_USE, str(WORKSPACE)]
    environment = {**os.environ, "SLUICE_HOME": str(tmp_path / "new")}
    environment.pop("MLFLOW_TRACKING_URI", None)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, env=environment, text=True, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert [out.strip() for out, _ in said] == ["1", "1"]


def test_an_experiment_deleted_in_the_ui_is_taken_back(home: Path) -> None:
    tracking = Tracking()
    made = tracking.experiment("sluice.text.d")
    tracking.client().delete_experiment(made)
    with Tracking().run("sluice.text.d", "again", {}) as run:
        assert tracking.client().get_run(run.run_id).info.experiment_id == made


def test_the_login_of_a_server_goes_into_the_environment_and_no_error_shows_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        # Set and taken away again, so that it is as before after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:geheim%40nis@127.0.0.1:9/mlflow")
    tracking = Tracking()
    assert tracking.tracking_uri == "http://127.0.0.1:9/mlflow"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "ann"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "geheim@nis"
    with pytest.raises(Exception, match="127") as caught:
        tracking.experiment("sluice.text.d")
    assert "geheim" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("uri", ["http://h:5000", "https://h/a@b", "sqlite:////a/b@c.db"])
def test_other_addresses_stay(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert Tracking().tracking_uri == uri


def test_a_damaged_database_is_named(home: Path) -> None:
    database = home / "sluice" / "mlflow" / "mlflow.db"
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(b"\x93" * 100_000)
    bring_over.cache_clear()
    _READY.clear()
    with pytest.raises(TrackingError, match=r"mlflow\.db.*not a database"):
        Tracking().client()
