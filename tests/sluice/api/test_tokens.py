"""Every method of tagged sentences through the front door, and what it picks in a lineage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tagged_sentences import NAME, ran, sentences, tiny, write

import sluice
from sluice.core.errors import ConfigError, DataError
from sluice.data.payloads.sentences import read_sentence, sentence_text
from sluice.data.readers.conll import Sentence, Tagged, read_conll
from sluice.subsets.registry import selectors_for

METHODS = [method.name for method in selectors_for("tokens")]
ROWS = [
    {"tokens": [word for word, _ in each], "tags": [tag for _, tag in each]} for each in sentences()
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return {**tiny(tmp_path_factory.mktemp("encoder")), "graph": {"k": 5, "slack": 5}}


def pick(method: str, settings: dict[str, object], X: object = ROWS, budget: object = 8, **more):
    return sluice.select(X, task="tokens", method=method, budget=budget, settings=settings, **more)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_picks_positions_in_any_row_order(method, settings):
    first = pick(method, settings, seed=2)
    assert first.ids.dtype == np.int64
    assert len(set(first.ids.tolist())) == len(first.ids) == 8
    assert len(first.reasons) == len(first.weights) == 8
    order = np.random.default_rng(0).permutation(len(ROWS))
    again = pick(method, settings, [ROWS[i] for i in order], seed=2)
    assert order[again.ids].tolist() == first.ids.tolist()


def test_every_form_of_the_rows_gives_the_same_picks(settings, tmp_path):
    frame = pd.DataFrame(ROWS)
    read = [Sentence(tuple(row["tokens"]), tuple(row["tags"])) for row in ROWS]
    path = tmp_path / "rows.conll"
    blocks = ("".join(f"{word}\t{tag}\n" for word, tag in each) for each in sentences())
    path.write_text("\n".join(blocks))
    renamed = frame.rename(columns={"tokens": "words", "tags": "marks"})
    named = {**settings, "columns": {"tokens": "words", "tags": "marks"}}
    first = pick("t_frex", settings)
    for X in (frame, pa.table(frame), read, Tagged(read, []), read_conll(path), iter(ROWS)):
        assert pick("t_frex", settings, X).ids.tolist() == first.ids.tolist()
    assert pick("t_frex", named, renamed).ids.tolist() == first.ids.tolist()


def test_methods_with_a_size_of_their_own_and_options(settings):
    whole = pick("t_frex", settings, budget=None)
    half = pick("t_frex", settings, budget=None, split=0.1)
    assert 0 < len(half.ids) < len(whole.ids) < len(ROWS)
    lemma = pick("t_frex", {**settings, "features": {"kind": "lemma"}})
    assert lemma.reasons != pick("t_frex", settings).reasons
    assert "'ada lovelace'" in " ".join(lemma.reasons)


def test_a_sentence_that_trained_the_tagger_has_no_number_and_comes_last(settings):
    few = {**settings, "uncertainty": {"sample_rows": 20}}
    kept = pick("mnlp", few, budget="100%")
    assert len(kept.ids) == len(ROWS)
    assert (np.diff(kept.gains[:60]) <= 0).all()
    assert sum("trained" in reason for reason in kept.reasons[60:]) == 20
    assert kept.note == "20 of the kept rows are not rated: the budget is more than are."


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"X": []}, DataError, "no row"),
        ({"X": [{"tokens": ["a"]}]}, DataError, r"Row 0 of X \(no_tags\)"),
        ({"X": [{"tokens": ["a", "b"], "tags": ["O"]}]}, DataError, "2 words and 1 tags"),
        ({"X": [{"tokens": ["a"], "tags": ["I-x"]}]}, DataError, r"Row 0 of X \(ill_formed_bio\)"),
        ({"X": ["a text"]}, DataError, "X is a list and no table"),
        ({"y": ["x"] * len(ROWS)}, ConfigError, "leave y out"),
        ({"language_model": "x"}, ConfigError, "is for the task instructions"),
        ({"budget": 81}, ConfigError, "more than the 80 rows"),
        ({"method": "mnlp", "X": ROWS[-8:], "budget": 2}, DataError, "has a span"),
    ],
)
def test_errors(given, error, message, settings):
    call = {"X": ROWS, "method": "t_frex", "budget": 5, **given}
    with pytest.raises(error, match=message):
        sluice.select(task="tokens", settings=settings, **call)


def test_tags_that_continue_nothing_may_be_repaired(settings):
    broken = [{"tokens": ["a", "b"], "tags": ["O", "I-x"]}, *ROWS]
    kept = pick("t_frex", {**settings, "bio": {"repair": True}}, broken, budget="100%")
    assert 0 in kept.ids


def test_the_same_rows_as_in_a_lineage(home: Path, settings: dict[str, object]) -> None:
    from assets.lineage.inputs import read_rows
    from resources.lake import Lake
    from resources.store import records, selections

    write(sentences(), selectors=METHODS, **settings)
    ran()
    lake = Lake()
    train = read_rows(lake, NAME).of("train")
    rows = [read_sentence(text) for text in train.texts]
    given = [{"tokens": list(row.tokens), "tags": list(row.tags)} for row in rows]
    assert [sentence_text(**each) for each in given] == train.texts
    for method in METHODS:
        record = records.latest(lake, NAME)[f"tokens/subsets/{method}"]
        stored = selections.rows(lake, record.details["selections"][0]["selection_id"])
        named = pick(method, settings, given, 0.25, ids=train.ids)
        assert named.ids.tolist() == stored["instance_id"].to_pylist(), method
        assert named.reasons == stored["reason"].to_pylist(), method
        # Rows without ids are named as a dataset names them.
        assert [train.ids[i] for i in pick(method, settings, given, 0.25).ids] == named.ids.tolist()
