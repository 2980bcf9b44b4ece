"""The champion's alias moves only where the gain is shown."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from lineage import run_lineage

from assets.text.lineage import TEXT
from resources import registry
from resources.lake import Lake
from resources.store import records
from resources.tracking import Tracking

NAME = "sluice.text.tweets"


@pytest.mark.slow
def test_a_challenger_that_is_not_shown_to_be_better_does_not_become_champion(
    home: Path, make_dataset: Callable[..., Path], tweets: pa.Table
) -> None:
    small = {"selectors": ["k_center"], "budgets": [0.2], "seeds": [0], "plots": False}
    training = {"epochs": 2, "max_length": 32, "learning_rate": 2e-4}
    make_dataset("tweets", tweets, training=training, **small)
    assert run_lineage("tweets").success
    tracking = Tracking()
    first = registry.find(tracking, NAME, "champion")
    assert first is not None
    assert first.version == "1"

    # One step at almost no learning rate: an untrained head.
    idle = {"epochs": 1, "max_length": 32, "learning_rate": 1e-9}
    make_dataset("tweets", tweets, training=idle, **small)
    assert run_lineage("tweets").success
    challenger = registry.find(tracking, NAME, "challenger")
    champion = registry.find(tracking, NAME, "champion")
    assert challenger is not None
    assert champion is not None
    assert (challenger.version, champion.version) == ("2", "1")
    decided = records.latest(Lake(), "tweets")["text/models/champion"].details
    assert "The alias stays." in decided["decision"]

    # An untrained champion gives way to a trained challenger.
    registry.promote(tracking, NAME, "2")
    make_dataset("tweets", tweets, training={**training, "epochs": 4}, **small)
    keys = [TEXT.key("models", "fine_tuned"), TEXT.key("models", "champion")]
    ran = run_lineage("tweets", keys=keys)
    assert ran.success, ran.errors
    decided = records.latest(Lake(), "tweets")["text/models/champion"].details
    moved = "The alias moves." in decided["decision"]
    low = float(decided["decision"].split("[")[1].split(",")[0])
    assert moved == (low > 0)
    champion = registry.find(tracking, NAME, "champion")
    assert champion is not None
    assert champion.version == ("3" if moved else "2")
