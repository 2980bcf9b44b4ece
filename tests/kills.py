"""Kills refreshes at random moments; a rerun must reach the undisturbed result, and lose nothing.

A refresh here is a run of the whole lineage, models and their registration included, and the
upkeep after it. Run as a program in a process of its own: it imports everything, computes nothing,
and forks a child for each refresh, so that a kill costs a refresh and not a start of Python.

    PYTHONPATH=tests:. python tests/kills.py TASK FOLDER COUNT SEED
"""

import json
import os
import pickle
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import faiss  # noqa: F401
import mlflow.sklearn  # noqa: F401
import numpy as np
import sklearn.linear_model  # noqa: F401
import torch  # noqa: F401
import transformers  # noqa: F401
from kill_cases import Killed, killed
from workshop import DATASET, Case, check_equal, errors_of, refresh, state_of

from assets.lineage.inputs import read_rows
from assets.stages.evaluations import examples_of
from resources import registry
from resources.datasets import Datasets
from resources.lake import Lake
from resources.tracking import CHALLENGER, CHAMPION, Tracking
from resources.upkeep import upkeep
from sluice.evaluation.learner import Given, Learner
from sluice.tasks.tabular.learner import TabularLearner
from sluice.tasks.text.learner import TextLearner

LEARNERS: dict[str, type[Learner]] = {"text": TextLearner, "tabular": TabularLearner}


def in_a_child(work: Callable[[], None]) -> int:
    """Fork, do the work, and return the child's process number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def done(work: Callable[[], None]) -> None:
    """Do the work in a child to its end."""
    _, status = os.waitpid(in_a_child(work), 0)
    assert status == 0, "a child failed"


def refreshed(case: Case) -> None:
    result = refresh(case)
    assert result.success, errors_of(result)
    with dg.DagsterInstance.get() as instance:
        upkeep(Lake(), Tracking(), instance, keep_days=0, longest_transaction=timedelta(0))


def refreshed_to(out: Path, case: Case) -> None:
    refreshed(case)
    state = state_of(Lake(), case) | {"models": models_of(case)}
    # It names a version by MLflow's count: one that a killed run has registered is counted, too.
    state["data versions"].pop(f"{case.task.name}/models/champion", None)
    out.write_bytes(pickle.dumps(state))


def models_of(case: Case) -> dict[str, Any]:
    """Return what the two aliases of the registered model name: its rows and its answers."""
    found = {}
    for alias in (CHAMPION, CHALLENGER):
        model = registry.find(Tracking(), case.task.model_name(DATASET), alias)
        if model is not None:
            part, config = read_rows(Lake(), DATASET).of("test"), Datasets().config(DATASET)
            learner = LEARNERS[case.task.name](Given(config))
            answers = learner.load(model.folder).answers(examples_of(part))
            found[alias] = model.tags["rows_digest"], answers
    return found


def orphans() -> list[str]:
    """Return the files that no table and no kept snapshot knows."""
    lake = Lake()
    known = lake.read(
        "SELECT path FROM __ducklake_metadata_lake.ducklake_data_file "
        "UNION SELECT path FROM __ducklake_metadata_lake.ducklake_delete_file "
        "UNION SELECT path FROM __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion"
    )["path"].to_pylist()
    names = {Path(path).name for path in known}
    return sorted(
        path.name for path in (lake.folder / "data").rglob("*.parquet") if path.name not in names
    )


def checked(out: Path, expected: Path, case: Case) -> None:
    """Run again what was killed, and compare."""
    refreshed_to(out, case)
    lived, undisturbed = (pickle.loads(path.read_bytes()) for path in (out, expected))
    check_equal(lived, undisturbed)
    left = orphans()
    assert not left, f"maintenance left orphans: {left}"


def main() -> None:
    task, root, count, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    home, kept, folder = root / "home", root / "kept", root / "datasets" / DATASET
    (root / "dagster.yaml").touch()
    os.environ |= {"DAGSTER_HOME": str(root), "SLUICE_HOME": str(home)}
    os.environ["SLUICE_DATASETS"] = str(folder.parent)
    given: Killed = killed(task, root)
    case = given.case
    moments = np.random.default_rng(seed)
    expected, out = root / "undisturbed.pickle", root / "lived.pickle"
    given.write(folder, changed=False)
    done(lambda: refreshed(case))
    shutil.copytree(home, kept)
    given.write(folder, changed=True)
    began = time.monotonic()
    done(lambda: refreshed_to(expected, case))
    longest = time.monotonic() - began
    ended_before = equal = 0
    for number in range(count):
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        wait = float(moments.uniform(0, longest))
        child = in_a_child(lambda: refreshed(case))
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        ended_before += status == 0
        done(lambda: checked(out, expected, case))
        equal += 1
        print(
            json.dumps({"task": task, "kill": number, "after_seconds": round(wait, 2)}), flush=True
        )
    facts = {"task": task, "kills": count, "ended_before_the_kill": ended_before}
    print(json.dumps({**facts, "equal_to_the_undisturbed_result_without_orphans": equal}))


if __name__ == "__main__":
    main()
