"""The teacher as a stage: made where a selector reads it, and what `teach` keeps of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from lineage import Ran, run_lineage
from sklearn.datasets import load_iris

import sluice
from assets.lineage.inputs import read_rows, read_vectors
from assets.stages.teacher import BY_VECTORS, MIXED
from assets.text.lineage import LINEAGE, TEXT
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import scores, selections
from sluice.scores.teacher import teach_out_of_fold

Make = Callable[..., Path]
STAGES = ("instances", "embeddings", "map", "scores/teacher", "subsets/teach")


def kept_of(ran: Ran) -> list[str]:
    """Return the ids that `teach` keeps at the chosen budget, in rank order."""
    (shown,) = [v["shown"] for k, v in ran.metadata.items() if k.endswith("subsets/teach")]
    budget, seed, chosen = shown.split(", ")
    assert (budget, seed) == ("20%", "seed 0")
    return selections.rows(Lake(), chosen.split()[-1])["instance_id"].to_pylist()


def test_a_dataset_that_does_not_name_teach_has_no_teacher(make_dataset: Make, tweets: pa.Table):
    make_dataset("tweets", tweets, selectors=["k_medoids"])
    names = {"/".join(key.path) for key in LINEAGE.wanted(Datasets().config("tweets"))}
    assert "text/subsets/k_medoids" in names
    assert not {"text/scores/teacher", "text/subsets/teach", "text/subsets/herding"} & names
    make_dataset("tweets", tweets)
    names = {"/".join(key.path) for key in LINEAGE.wanted(Datasets().config("tweets"))}
    assert {"text/scores/teacher", "text/subsets/teach", "text/evaluations/teach"} <= names


def test_what_the_lineage_keeps_is_what_select_keeps(make_dataset: Make, tweets: pa.Table):
    make_dataset("tweets", tweets, selectors=["teach"], plots=False)
    first = run_lineage("tweets", keys=TEXT.keys(STAGES))
    assert first.success, first.errors
    lake = Lake()
    train = read_rows(lake, "tweets").of("train")
    taught = teach_out_of_fold(
        read_vectors(lake, TEXT, "tweets", train),
        train.labels,
        ids=np.array(train.ids),
        texts=train.texts,
    )
    for family, values in ((MIXED, taught.probabilities), (BY_VECTORS, taught.by_vectors)):
        for column, name in zip(values.T, train.class_names, strict=True):
            assert np.array_equal(scores.read(lake, "tweets", family + name, train.ids), column)
    y = [train.class_names[code] for code in train.labels]
    picked = sluice.select(train.texts, y, ids=train.ids, method="teach", budget=0.2)
    assert kept_of(first) == picked.ids.tolist()
    assert set(picked.left_out) == set(train.ids) - set(picked.ids.tolist())
    steps = first.metadata["text/subsets/teach"]["trace"]
    assert len(steps.records) > 1
    again = run_lineage("tweets", keys=TEXT.keys(STAGES))
    assert again.computed == {}


def test_a_table_is_taught_without_words(make_table: Make):
    x, y = load_iris(return_X_y=True)
    columns = {f"x{i}": x[:, i] for i in range(4)}
    rows = pa.table({"id": [f"r{i}" for i in range(150)], **columns, "label": y.astype(str)})
    make_table("iris", rows, selectors=["teach"], plots=False)
    from assets.tabular.lineage import TABULAR

    ran = run_lineage("iris", keys=TABULAR.keys(["encoder", *STAGES]))
    assert ran.success, ran.errors
    assert ran.metadata["tabular/scores/teacher"]["agrees_with_the_label"] > 0.9
    assert len(kept_of(ran)) > 10


def test_select_by_ones_own_encoder():
    rows = ["a b", "a c", "d b", "d c"] * 5

    class Letters:
        def encode(self, texts: list[str]) -> np.ndarray:
            assert sorted(texts) == sorted(rows), "each text is given unchanged"
            return np.array([[text.count(c) for c in "abcd"] for text in texts], np.float32)

    y = ["x" if "a" in text else "y" for text in rows]
    kept = sluice.select(rows, y, method="teach", budget=4, encoder=Letters())
    assert {y[i] for i in kept.ids} == {"x", "y"}
    assert set(kept.left_out) == set(range(20)) - set(kept.ids.tolist())
