"""A few kills; `benchmarks/kills.py` makes a hundred."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_killed_refresh_reaches_the_undisturbed_result(tmp_path: Path, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "tests/kills.py", "tabular", str(tmp_path), "2", "1"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'tests'}:{root}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["equal_to_the_undisturbed_result_without_orphans"] == last["kills"] == 2
