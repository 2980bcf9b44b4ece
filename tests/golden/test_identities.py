"""Stages keep their identity: what was computed by an older version is not computed again.

The files beside this test were written before the lineage was rebuilt. They may change for the
stages of evaluation, comparison, model and champion, once, and for a new version of a method.
Rewrite with: GOLDEN=write python -m pytest tests/golden
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from golden.identities import copied, identities, selection_ids, wanted, written

HERE = Path(__file__).parent
DATASETS = ("vader_reviews", "vader_tweets", "nyc_flights", "evals_instructions", "tokens")


def golden(name: str, found: Any) -> Any:
    """Return what is committed under a name, once it is written anew where somebody asks for it."""
    path = HERE / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return json.loads(path.read_text())


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_stage_and_selection_keeps_its_identity(
    dataset: str, home: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written(root, dataset) if dataset == "tokens" else dataset
    if dataset != "tokens":
        copied(root, dataset)
    found = {"stages": identities(name, monkeypatch), "selections": selection_ids(name)}
    expected = golden(dataset, found)
    assert found["selections"] == expected["selections"]
    for asset, identity in expected["stages"].items():
        assert found["stages"][asset] == identity, asset
    assert found["stages"].keys() >= expected["stages"].keys()


def test_every_configuration_asks_for_the_same_stages() -> None:
    found = wanted()
    assert len(found) > 50
    assert found == golden("wanted", found)
