"""A random history of a table; more by hand, with `EXAMPLES`."""

from pathlib import Path

import pytest
from histories import live
from tabular_histories import TABLES, TableHistory, pool
from workshop import Workshop

EXAMPLES = 1


@pytest.mark.slow
def test_a_refresh_equals_a_rebuild_under_the_same_encoder(tmp_path: Path) -> None:
    machine = type("TableHere", (TableHistory,), {"workshop": Workshop(tmp_path, pool(), TABLES)})
    live(machine, EXAMPLES)
    assert machine.counted >= EXAMPLES
