"""Several processes at once: nothing is lost, nothing stays stuck, and one dataset has one run."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from resources.lake import Lake
from resources.store import records, rows

NAMES = ["one", "two", "three"]
OPTIONS = {
    "training": {"enabled": False},
    "selectors": ["margin"],
    "budgets": [0.2],
    "seeds": [0],
    "plots": False,
}


@pytest.mark.slow
def test_three_datasets_at_once_and_one_twice_while_a_reader_stays_open(
    home: Path, root: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    for at, name in enumerate(NAMES):
        # Each shares texts with the next: several processes embed the same ones.
        make_dataset(name, tweets.slice(40 * at, 90), **OPTIONS)
    lake = Lake()
    reader = lake._cursor()
    reader.execute("BEGIN")
    count = "SELECT count(*) FROM records"
    assert reader.execute(count).fetchone() == (0,)
    began = time.monotonic()
    command = [sys.executable, "-m", "sluice.cli", "run"]
    runs = [
        subprocess.Popen(
            [*command, name], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name in [*NAMES, NAMES[0]]
    ]
    time.sleep(10)
    assert reader.execute(count).fetchone() == (0,)
    reader.execute("ROLLBACK")
    said = [run.communicate(timeout=240)[0] for run in runs]
    codes = [run.returncode for run in runs]
    assert codes == [0] * len(runs), "\n\n".join(text[-3000:] for text in said)
    assert time.monotonic() - began > 10
    twice = [text for text in (said[0], said[-1]) if "is in use by run" in text]
    assert len(twice) == 1
    assert "Dataset one is free; going on." in twice[0]
    # The one that waited found nothing left to do.
    assert " 0 rows computed" in " ".join(twice[0].split())
    for name in NAMES:
        known = records.latest(lake, name)
        assert all(record.stands for record in known.values())
        present = rows.read_instances(lake, name).num_rows
        assert known["text/embeddings"].rows_total == present
    stored = lake.read("SELECT count(*) AS n, count(DISTINCT input_hash) AS d FROM embeddings")
    assert stored["n"] == stored["d"]
