"""MLflow's tables and experiments, made once however many ask for them first."""

import os
import subprocess
import sys
from pathlib import Path

from resources.tracking import Tracking

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
