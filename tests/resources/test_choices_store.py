"""What was chosen is read back as it was, and what is chosen otherwise is told."""

from pathlib import Path

import pyarrow as pa
import pytest
from chosen import put_rows

from resources.lake import Lake
from resources.store import candidates, choices, purging_rows, trials
from resources.store.choices import ChoiceHeader
from sluice.core.digests import content_hash
from sluice.core.errors import ConfigError
from sluice.searches import Problem, Range
from sluice.searches.runner import search

Said = dict[str, dict[str, str | None]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(root=str(tmp_path))


def answer(lake: Lake, texts: dict[str, str], said: Said) -> dict[tuple[str, str], str]:
    """Store what sources answer to items; return the keys."""
    put_rows(lake, "d", texts)
    pairs = [(item, source) for item, by in said.items() for source in by]
    hashes = [content_hash(texts[item], "x") for item, _ in pairs]
    keys = candidates.candidate_hashes(hashes, [s for _, s in pairs], [0] * len(pairs))
    table = {
        "item": [item for item, _ in pairs],
        "source": [source for _, source in pairs],
        "draw": [0] * len(pairs),
        "input_hash": keys,
        "content": pa.array([said[item][source] for item, source in pairs], pa.string()),
        "cost": [1.0] * len(pairs),
    }
    candidates.append(lake, "d", pa.table(table))
    return dict(zip(pairs, keys, strict=True))


def choose(lake: Lake, name: str, texts: dict[str, str], taken: dict[str, str | None]) -> None:
    """Store one choice: an item's key, or None."""
    ranked = {
        "item": list(taken),
        "content_hash": [content_hash(texts[item], "x") for item in taken],
        "rank": [1] * len(taken),
        "candidate": pa.array([key and key[:16] for key in taken.values()], pa.string()),
        "weight": [1.0] * len(taken),
        "score": [0.5] * len(taken),
        "reason": [f"{name} of {item}" for item in taken],
    }
    judged = {"split": ["test"] * len(taken), "instance_id": list(taken), "right": [1] * len(taken)}
    head = ChoiceHeader(name, "d", "majority", 0)
    choices.append(lake, head, pa.table(ranked), pa.table(judged))


def test_a_choice_is_read_back_as_it_was_when_its_item_is_edited(lake: Lake) -> None:
    before = {"a": "2+2", "b": "3+3", "gone": "?"}
    said: Said = {"a": {"s": "4", "t": "5"}, "b": {"s": "6", "t": None}, "gone": {"s": "!"}}
    keys = answer(lake, before, said)
    first = {"a": keys["a", "s"], "b": keys["b", "s"], "gone": keys["gone", "s"]}
    choose(lake, "aaaa1", before, first)
    after = {"a": "2+2", "b": "3*3", "new": "1+1"}
    again: Said = {"a": {"s": "not 4"}, "b": {"s": "9"}, "new": {"s": "2"}}
    later = answer(lake, after, again)
    assert later["a", "s"] == keys["a", "s"], "the same question is not asked twice"
    second = {"a": keys["a", "t"], "b": later["b", "s"], "new": None}
    choose(lake, "bbbb1", after, second)
    rows = choices.rows(lake, "aaaa1").to_pylist()
    assert [(row["item"], row["text"], row["answer"], row["source"]) for row in rows] == [
        ("a", "2+2", "4", "s"),
        ("b", "3+3", "6", "s"),
        ("gone", "?", "!", "s"),
    ]
    assert rows[0]["reason"] == "aaaa1 of a"
    changed = choices.compare(lake, "aaaa1", "bbbb1").to_pylist()
    names = ("change", "item", "answer_before", "answer")
    assert [tuple(row[name] for name in names) for row in changed] == [
        ("entered", "new", None, None),
        ("left", "gone", "!", None),
        ("changed", "a", "4", "5"),
        ("changed", "b", "6", "9"),
    ]
    same = choices.compare(lake, "aaaa1", "aaaa1")["change"].to_pylist()
    assert same == ["stayed"] * 3
    lake.close()


def test_only_what_is_wanted_is_read_and_the_first_answer_stays(lake: Lake) -> None:
    texts = {"a": "1", "b": "2"}
    keys = answer(lake, texts, {"a": {"s": "x", "t": "y"}, "b": {"s": None}})
    answer(lake, texts, {"a": {"s": "later"}})
    wanted = pa.table(
        {"item": ["b", "a", "a"], "input_hash": [keys["b", "s"], keys["a", "s"], "?"]}
    )
    found = candidates.read(lake, "d", wanted).to_pylist()
    assert [(row["item"], row["content"], row["draw"]) for row in found] == [
        ("a", "x", 0),
        ("b", None, 0),
    ]
    assert candidates.read(lake, "other", wanted).num_rows == 0
    lake.close()


def test_a_choice_is_stored_once_and_again_after_a_purge_of_rows(lake: Lake) -> None:
    texts = {"a": "1", "b": "2"}
    keys = answer(lake, texts, {"a": {"s": "x"}, "b": {"s": "y"}})
    taken: dict[str, str | None] = {"a": keys["a", "s"], "b": keys["b", "s"]}
    choose(lake, "aaaa1", texts, taken)
    snapshot = lake.snapshot()
    choose(lake, "aaaa1", texts, taken)
    assert lake.snapshot() == snapshot
    counts = purging_rows.purge_rows(lake, "d", ["a"])
    assert (counts["candidates"], counts["choices"], counts["outcomes"]) == (1, 1, 1)
    assert choices.rows(lake, "aaaa1")["item"].to_pylist() == ["b"]
    assert not choices.is_whole(lake, "aaaa1", 2, 2)
    answer(lake, texts, {"a": {"s": "x"}})
    choose(lake, "aaaa1", texts, taken)
    assert choices.rows(lake, "aaaa1")["item"].to_pylist() == ["a", "b"]
    assert choices.find(lake, "d", "AAAA").method == "majority"
    with pytest.raises(ConfigError, match="'b' fits 0 choices of d"):
        choices.find(lake, "d", "b")
    lake.close()


def test_a_search_goes_on_from_the_lake(lake: Lake) -> None:
    problem = Problem({"x": Range(0, 9, integer=True)}, lambda s: None if s["x"] < 3 else s["x"])
    whole = search(problem, evaluations=30, seed=2)
    trials.append(lake, "d", "id", search(problem, evaluations=12, seed=2).trials, "model.mps")
    assert search(problem, evaluations=30, seed=2, resume=trials.read(lake, "id")) == whole
    trials.append(lake, "d", "id", whole.trials, "model.mps")
    stored = trials.read(lake, "id")
    assert [trial["step"] for trial in stored] == list(range(1, 31))
    assert [t["objective"] for t in stored] == [t["objective"] for t in whole.trials]
    assert trials.read(lake, "other") == []
    lake.close()
