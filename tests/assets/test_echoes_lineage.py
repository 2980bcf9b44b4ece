"""Labels that are not to be trusted: found, measured, and what a change or a model costs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lineage import Ran, run_lineage

from assets.inputs import read_rows
from assets.text import TEXT, wanted
from resources.lake import Lake
from resources.store import echoes, records
from sluice.data.config import load_config

Make = Callable[..., Path]
NAME = "reviews"
KEYS = [
    *(TEXT.key("instances"), TEXT.key("embeddings"), TEXT.key("labels", "echoes")),
    TEXT.key("evaluations", "echo_value"),
]
WHOLE = Path("datasets", "vader_reviews", "vader_reviews.parquet")
ECHOES, VALUE = "text/labels/echoes", "text/evaluations/echo_value"


@pytest.fixture(scope="module")
def reviews(root: Path) -> pa.Table:
    """Return real review sentences with their classes, one of them alone in its class."""
    table = pq.read_table(root / WHOLE).slice(0, 90).select(["id", "text", "label"])
    return with_label(table, 3, "alone")


def with_label(table: pa.Table, row: int, label: str) -> pa.Table:
    labels = table["label"].to_pylist()
    labels[row] = label
    return table.set_column(2, "label", pa.array(labels, pa.string()))


def refresh(job: str | None = None) -> Ran:
    ran = run_lineage(NAME, keys=KEYS, job=job)
    assert ran.success, "\n".join(ran.errors.values())
    return ran


def stored() -> dict[str, dict[str, Any]]:
    return {row["instance_id"]: row for row in echoes.read(Lake(), NAME).to_pylist()}


def test_the_nearest_row_of_the_label(home: Path, make_dataset: Make, reviews: pa.Table) -> None:
    folder = make_dataset(NAME, reviews)
    assert not {KEYS[2], KEYS[3]} & {*wanted(load_config(folder))}
    folder = make_dataset(NAME, reviews, label_noise={})
    assert {*KEYS} <= {*wanted(load_config(folder))}
    ran = refresh()
    print(ran.metadata[ECHOES]); print(ran.metadata[VALUE])
