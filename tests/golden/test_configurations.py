"""The shipped datasets are read as they always were, defaults included.

A key that is new is no matter. Rewrite with: GOLDEN=write python -m pytest THIS_FILE
"""

from pathlib import Path

import pytest
from golden.frozen import check_frozen

from resources.datasets import Datasets


@pytest.mark.parametrize(
    "dataset", ["vader_reviews", "vader_tweets", "nyc_flights", "evals_instructions"]
)
def test_a_shipped_configuration_is_read_as_before(
    dataset: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_DATASETS", str(root / "datasets"))
    check_frozen(f"{dataset}.config", Datasets().config(dataset).model_dump(mode="json"))
