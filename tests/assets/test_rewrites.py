"""Texts are rewritten once, shard by shard, and one without an answer does not end the others."""

from pathlib import Path

import numpy as np
import pytest

from assets.lineage.inputs import Rows
from assets.text import rewrites
from assets.text.rewrites import Writing, rewrite_missing
from resources.lake import Lake
from resources.store import rewrites as store
from sluice.core.digests import text_hash
from sluice.core.errors import SluiceError
from sluice.noise.unanswered import Unanswered

AWAY = Unanswered("It is away.", passing=True)


class Upper:
    """Answers with the text in capitals, or as it is told; it ends at one that says stop."""

    def __init__(self, **told: str | Unanswered) -> None:
        self.told = told
        self.asked: list[str] = []

    def attempt(self, conversations: list[list[dict[str, str]]]) -> list[str | Unanswered]:
        texts = [each[1]["content"].splitlines()[-1] for each in conversations]
        if "stop" in texts:
            raise KeyboardInterrupt
        self.asked += texts
        return [self.told.get(text, f" {text.upper()}\n") for text in texts]


def rows(texts: list[str], labels: list[int] | None = None) -> Rows:
    ids = [f"r{i}" for i in range(len(texts))]
    codes = np.array(labels or [0] * len(texts))
    hashes = [text_hash(text) for text in texts]
    return Rows(ids, hashes, hashes, texts, codes, ["train"] * len(ids), ("bad", "good"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(root=str(tmp_path))


def test_each_text_and_label_is_asked_once(lake: Lake) -> None:
    upper = Upper()
    writing = Writing("one", lambda: upper)
    some = rows(["a", "b", "a", "a"], [0, 0, 0, 1])
    found = rewrite_missing(lake, writing, some, "text")
    assert (found.said, found.asked) == (["A", "B", "A", "A"], 3)
    assert rewrite_missing(lake, writing, some, "text").asked == 0
    assert rewrite_missing(lake, writing, rows(["a", "c"]), "text").asked == 1
    # another prompt, other labels or another writer is another question
    assert rewrite_missing(lake, writing, some, "review").asked == 3
    assert rewrite_missing(lake, Writing("two", lambda: upper), some, "text").asked == 3
    assert upper.asked == [*"aba", "c", *"aba", *"aba"]


def test_a_killed_run_goes_on_at_its_last_shard(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrites, "SHARD_ROWS", 2)
    upper = Upper()
    with pytest.raises(KeyboardInterrupt):
        rewrite_missing(lake, Writing("one", lambda: upper), rows([*"abcd", "stop"]), "text")
    assert upper.asked == [*"abcd"]
    found = rewrite_missing(lake, Writing("one", lambda: upper), rows([*"abcde"]), "text")
    assert (found.said, found.asked) == ([*"ABCDE"], 1)


def test_what_has_no_answer_is_set_aside_and_asked_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrites, "SHARD_ROWS", 4)
    upper = Upper(b=AWAY, c=" ", d="\ud800")
    writing = Writing("one", lambda: upper)
    found = rewrite_missing(lake, writing, rows([*"abcd"]), "text").said
    assert found[:2] == ["A", AWAY]
    assert found[2] == Unanswered("The model answered with nothing.")
    assert "half a character" in str(found[3])
    upper.told = {}
    again = rewrite_missing(lake, writing, rows([*"abcd"]), "text")
    assert (again.said, again.asked) == ([*"ABCD"], 3)
    # a few rows that meet a service that is away do not end a run; a whole shard does
    upper.told = dict.fromkeys("efghi", AWAY)
    assert rewrite_missing(lake, writing, rows([*"ef"]), "text").said == [AWAY, AWAY]
    with pytest.raises(SluiceError, match="None of 4 texts in a row was answered"):
        rewrite_missing(lake, writing, rows([*"efghi"]), "text")
    assert upper.asked.count("i") == 0


def test_the_first_text_stays(lake: Lake) -> None:
    for text in ("one", "two"):
        store.append(lake, ["k", "l"], ["t", "u"], ["bad", "bad"], "w", [text, text])
    assert store.read(lake, ["k", "l", "m"]) == {"k": "one", "l": "one"}
