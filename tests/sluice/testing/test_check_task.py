"""The tasks of Sluice keep their contract, on the shipped datasets and on tagged sentences."""

from pathlib import Path

import pytest
from tagged_sentences import NAME, sentences, write

from resources.datasets import Datasets
from sluice.testing import check_task


@pytest.mark.parametrize("dataset", ["vader_tweets", "nyc_flights", "evals_instructions"])
def test_a_task_keeps_its_contract(dataset: str, root: Path) -> None:
    check_task(root / "datasets" / dataset)


def test_tagged_sentences_keep_it_too(home: Path) -> None:
    write(sentences())
    check_task(Datasets().folder / NAME)
