"""A few random histories; `benchmarks/histories.py` runs a thousand."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import TWEETS
from histories import History, live
from workshop import Rows, Workshop

from sluice.encoders.text import TextEncoder

EXAMPLES = 2


@pytest.fixture(scope="module")
def pool() -> Rows:
    """Return 300 real tweets, embedded once."""
    table: pa.Table = pq.read_table(TWEETS).slice(300, 300)
    texts = table["text"].to_pylist()
    return Rows(texts, table["label"].to_pylist(), TextEncoder().encode(texts))


@pytest.fixture
def machine(tmp_path: Path, pool: Rows) -> type[History]:
    return type("HistoryHere", (History,), {"workshop": Workshop(tmp_path, pool)})


@pytest.mark.slow
def test_a_refresh_equals_a_rebuild(machine: type[History]) -> None:
    live(machine, EXAMPLES)
    # Hypothesis may run some more than it is asked for.
    assert machine.counted >= EXAMPLES
