"""Labelling as a lineage: a queue of rows, labels that come back, and what a round costs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lineage import Ran, run_lineage

from assets.lineage.inputs import read_all_rows, read_rows
from assets.text.lineage import LINEAGE, TEXT
from resources.lake import Lake
from resources.store import label_rounds, queries, records
from sluice.data.config import load_config
from sluice.data.ingest.splits import UNLABELLED
from sluice.evaluation.stopping import cohen_kappa

Make = Callable[..., Path]
NAME = "reviews"
KEYS = [TEXT.key("instances"), TEXT.key("embeddings"), TEXT.key("labels", "queries")]
KNOWN, ROWS, ASKED = 50, 90, 8
CLASSES = ("negative", "neutral", "positive")
WHOLE = Path("datasets", "vader_reviews", "vader_reviews.parquet")


@pytest.fixture(scope="module")
def reviews(root: Path) -> pa.Table:
    """Return real review sentences with their classes."""
    return pq.read_table(root / WHOLE).slice(0, ROWS).select(["id", "text", "label"])


def blanked(table: pa.Table, kept: set[str]) -> pa.Table:
    """Blank the label of every row that is not kept."""
    pairs = zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True)
    labels = [label if row in kept else None for row, label in pairs]
    return table.set_column(2, "label", pa.array(labels, pa.string()))


def refresh(keys: Any = None, job: str | None = None) -> Ran:
    ran = run_lineage(NAME, keys=keys or KEYS, job=job)
    assert ran.success, "\n".join(ran.errors.values())
    return ran


def queue() -> list[dict[str, Any]]:
    return queries.read(Lake(), NAME).to_pylist()


def test_a_round_of_labels(home: Path, make_dataset: Make, reviews: pa.Table) -> None:
    labelling = {"strategy": "margin", "rows": ASKED}
    first = reviews["id"].to_pylist()[:KNOWN]
    make_dataset(NAME, blanked(reviews, set(first)), labelling=labelling)
    ran = refresh()
    said = ran.metadata["text/labels/queries"]
    lake = Lake()
    everything, labelled = read_all_rows(lake, NAME), read_rows(lake, NAME)
    waiting = everything.of(UNLABELLED)
    assert set(labelled.splits) <= {"train", "validation", "test"}
    assert "" not in everything.class_names
    assert set(labelled.ids) == set(everything.ids) - set(waiting.ids)
    assert (waiting.labels == -1).all()
    assert ran.metadata["text/embeddings"]["rows_new"] == len(everything.ids)
    assert said["unlabelled"] == len(waiting.ids)
    assert said["labelled"] == len(labelled.of("train").ids)
    assert (said["asked"], said["strategy"], said["note"]) == (ASKED, "margin", "none")
    assert 0 < said["overall_uncertainty"] < 1
    assert said["stop"].startswith("0 of 3 signs say stop after 1 round: kappa average not known")
    asked = queue()
    assert [row["rank"] for row in asked] == list(range(1, ASKED + 1))
    assert {row["instance_id"] for row in asked} <= set(waiting.ids)
    assert all(row["text"] and row["reason"] for row in asked)

    assert refresh().computed == {}

    # The answers come back: only what follows is made again, and no text is embedded.
    make_dataset(
        NAME,
        blanked(reviews, {*first, *(row["instance_id"] for row in asked)}),
        labelling=labelling,
    )
    again = refresh()
    assert set(again.computed) == set(ran.metadata)
    assert again.metadata["text/embeddings"]["rows_new"] == 0
    assert again.metadata["text/instances"]["rows_new"] == ASKED
    then, signs = queue(), again.metadata["text/labels/queries"]
    first_round, second_round = label_rounds.read(lake, NAME)
    assert second_round.labelled > first_round.labelled == said["labelled"]
    codes = [
        np.array([each.predicted[row] == name for row in everything.ids for name in CLASSES])
        .reshape(-1, len(CLASSES))
        .argmax(axis=1)
        for each in (first_round, second_round)
    ]
    assert signs["kappa_average"] == pytest.approx(cohen_kappa(*codes))
    assert signs["rounds"] == 2
    assert not {row["instance_id"] for row in then} & {row["instance_id"] for row in asked}

    before = records.latest(lake, NAME)
    refresh(job="text_rebuild")
    after = records.latest(lake, NAME)
    assert queue() == then
    assert label_rounds.read(lake, NAME) == [first_round, second_round]
    assert {k: r.data_version for k, r in after.items()} == {
        k: r.data_version for k, r in before.items()
    }


def test_nothing_else_sees_rows_without_a_label(
    home: Path, make_dataset: Make, reviews: pa.Table
) -> None:
    keys = [*KEYS, TEXT.key("map"), TEXT.key("graphs", "knn"), TEXT.key("scores", "out_of_fold")]
    known = blanked(reviews, set(reviews["id"].to_pylist()[:KNOWN]))
    make_dataset(NAME, known, labelling={"rows": ASKED})
    refresh(keys)
    versions = {k: r.data_version for k, r in records.latest(Lake(), NAME).items()}
    make_dataset(NAME, known.slice(0, KNOWN))
    refresh(keys[:2] + keys[3:])
    alone = {k: r.data_version for k, r in records.latest(Lake(), NAME).items()}
    own = ("text/instances", "text/embeddings")
    assert {k: v for k, v in versions.items() if k not in own} == {
        k: v for k, v in alone.items() if k not in own
    }


def test_few_rows_and_none(home: Path, make_dataset: Make, reviews: pa.Table) -> None:
    few, alone = reviews.slice(0, 40), [KEYS[-1]]
    folder = make_dataset(
        NAME, blanked(few, set()), labelling={"strategy": "core_set", "rows": ROWS}
    )
    assert KEYS[-1] in LINEAGE.wanted(load_config(folder))
    said = refresh().metadata["text/labels/queries"]
    assert said["asked"] == said["unlabelled"] == len(queue()) <= 40
    assert f"Only {said['unlabelled']} rows have no label, of {ROWS} asked for" in said["note"]
    ran = run_lineage(NAME, keys=[TEXT.key("map")])
    assert "No row of reviews has a label yet" in ran.errors["text__map"]
    make_dataset(NAME, blanked(few, set()), labelling={})
    ran = run_lineage(NAME, keys=alone)
    assert "ask by a strategy that needs no model" in str(ran.errors)

    # Of the rows without a label, those that are drawn pass through the encoder.
    words = {"strategy": "egl_word", "rows": 3, "candidates": 6}
    make_dataset(NAME, blanked(few, set(few["id"].to_pylist()[:25])), labelling=words)
    assert refresh().metadata["text/labels/queries"]["asked"] == 3
    assert "move a word's vector" in queue()[0]["reason"]

    folder = make_dataset(NAME, few, labelling=words)
    said = refresh().metadata["text/labels/queries"]
    assert (said["asked"], said["unlabelled"]) == (0, 0)
    assert "nothing is left to ask for" in said["note"]
    assert queue() == []
    make_dataset(NAME, few)
    assert KEYS[-1] not in LINEAGE.wanted(load_config(folder))
