"""Where a training starts: from the encoder, or with `warm_start` from the last model."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from lineage import Ran, run_lineage

from assets.text.lineage import TEXT
from resources import registry
from resources.lake import Lake
from resources.store import records
from resources.tracking import Tracking

NAME = "sluice.text.tweets"
MODEL = "text/models/fine_tuned"
STAGES = [
    ("instances",),
    ("embeddings",),
    ("map",),
    ("subsets", "random_stratified"),
    ("evaluations", "random_stratified"),
    ("evaluations", "all_rows"),
    ("evaluations", "comparison"),
    ("models", "fine_tuned"),
]
KEYS = [TEXT.key(*stage) for stage in STAGES]
WARM = {"epochs": 1, "max_length": 32, "warm_start": True}
FEW = {"selectors": ["random_stratified"], "seeds": [0], "budgets": [0.2], "chosen_budget": 0.2}


def run(**options: object) -> Ran:
    ran = run_lineage("tweets", keys=KEYS, **options)
    assert ran.success, ran.errors
    return ran


def start_of(ran: Ran) -> str:
    """Return where the model of a run started, after checking that all records agree."""
    said = ran.metadata[MODEL]["warm_started_from"]
    assert records.latest(Lake(), "tweets")[MODEL].details["warm_started_from"] == said
    version = registry.get(Tracking(), NAME, ran.metadata[MODEL]["version"])
    assert version is not None
    assert version.tags["warm_started_from"] == said
    params = Tracking().client().get_run(version.run_id).data.params
    assert params["warm_started_from"] == said
    return said


@pytest.mark.slow
def test_it_is_off_by_default(
    home: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    make_dataset("tweets", tweets.slice(0, 100), **FEW)
    assert start_of(run()) == "none"
    make_dataset("tweets", tweets.slice(0, 130), **FEW)
    assert start_of(run()) == "none"
    before = records.latest(Lake(), "tweets")[MODEL].data_version
    rebuilt = run(job="text_rebuild")
    assert not rebuilt.metadata[MODEL]["unchanged"]
    assert records.latest(Lake(), "tweets")[MODEL].data_version == before


@pytest.mark.slow
def test_it_starts_from_the_last_model_where_that_fits(
    home: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    make_dataset("tweets", tweets.slice(0, 100), training=WARM, **FEW)
    assert start_of(run()) == "none"
    make_dataset("tweets", tweets.slice(0, 130), training=WARM, **FEW)
    second = run()
    assert start_of(second) == f"{NAME} version 1"
    version = records.latest(Lake(), "tweets")[MODEL].data_version
    again = run()
    assert again.computed == {}
    assert start_of(again) == f"{NAME} version 1"

    # What is made again, after an interruption, starts where it did and comes out the same.
    records.begin(Lake(), "tweets", MODEL, "killed")
    redone = run()
    assert redone.metadata[MODEL]["version"] == "3"
    assert start_of(redone) == f"{NAME} version 1"
    assert records.latest(Lake(), "tweets")[MODEL].data_version == version

    rebuilt = run(job="text_rebuild")
    assert start_of(rebuilt) == "none"
    assert "rebuild" in rebuilt.metadata[MODEL]["warm_start"]
    assert records.latest(Lake(), "tweets")[MODEL].data_version != version
    assert run().computed == {}

    two = tweets.slice(0, 130)
    labels = ["other" if name != "positive" else name for name in two["label"].to_pylist()]
    two = two.set_column(two.column_names.index("label"), "label", pa.array(labels))
    make_dataset("tweets", two, training=WARM, **FEW)
    other = run()
    assert start_of(other) == "none"
    assert "other classes" in other.metadata[MODEL]["warm_start"]
