"""A search of the lineage that is killed goes on where it was, and leaves nothing behind."""

from pathlib import Path

import pytest
from lineage import run_lineage
from tables import tumours

from assets.tabular.lineage import TABULAR
from resources.lake import Lake
from resources.paths import searches_root
from resources.store import records, selections
from sluice.subsets.search import hill_climb as climb
from sluice.subsets.search import teacher
from sluice.subsets.search.hill_climb import Standing

NAME = "tumours"
KEYS = [
    TABULAR.key(*name.split("/"))
    for name in ("instances", "encoder", "embeddings", "map", "subsets/subset_search")
]


class Killed(Exception):
    pass


def kept() -> dict[str, list[str]]:
    entries = records.latest(Lake(), NAME)["tabular/subsets/subset_search"].details["selections"]
    ids = [entry["selection_id"] for entry in entries]
    return {i: selections.rows(Lake(), i)["instance_id"].to_pylist() for i in ids}


def test_a_killed_search_goes_on(home: Path, make_table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "TREES", 10)
    monkeypatch.setattr(climb, "STRETCH", 10)
    attempt, attempts = Standing.attempt, []

    def dying(self: Standing, *swap: object) -> bool:
        attempts.append(swap)
        if len(attempts) == 25:
            raise Killed
        return attempt(self, *swap)

    monkeypatch.setattr(Standing, "attempt", dying)
    options = {"subset_search": {"evaluations": 40}}
    settings = {"selectors": ["subset_search"], "options": options, "plots": False}
    settings |= {"budgets": [0.1], "chosen_budget": 0.1, "seeds": [0]}
    make_table(NAME, tumours(150), **settings)
    failed = run_lineage(NAME, keys=KEYS)
    assert not failed.success
    assert [path.suffix for path in searches_root().iterdir()] == [".npz"]

    made = len(attempts)
    assert run_lineage(NAME, keys=KEYS).success
    assert len(attempts) - made <= 20  # of 40: two whole stretches had been made
    assert list(searches_root().iterdir()) == []
    resumed = kept()

    monkeypatch.setattr(Standing, "attempt", attempt)
    assert run_lineage(NAME, keys=KEYS, job="tabular_rebuild").success
    assert kept() == resumed
