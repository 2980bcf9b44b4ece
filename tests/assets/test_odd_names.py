"""Names that are quotes, statements, patterns or the same but for case come back as they are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from lineage import run_lineage
from tables import FEATURES, tumours

from assets.lineage.inputs import read_rows, read_vectors
from assets.stages.scores import FOLD_SEED, read_probabilities
from assets.tabular.lineage import TABULAR
from resources.lake import Lake
from resources.store import rows
from sluice.heads.out_of_fold import out_of_fold_probabilities

CLASSES = ['size 5" disk', "x' OR 1=1; DROP TABLE scores; --", "Net", "net", "$n_1$ 😀\\ %s {0}"]
PAYLOAD = """a" + (SELECT size FROM read_text('/etc/passwd')) FROM scored --"""
COLUMNS = dict(zip(FEATURES, ['a"; --', "b'", "C", "c", "select", "\\ {x} 😀"], strict=True))
STAGES = ["instances", "encoder", "embeddings", "scores/out_of_fold"]


def run(name: str) -> None:
    done = run_lineage(name, keys=[TABULAR.key(*stage.split("/")) for stage in STAGES])
    assert done.success, done.errors


def check(name: str, ids: list[str], classes: list[str]) -> None:
    """The lake holds what was computed of the rows, and no class that is no more."""
    lake = Lake()
    stored = rows.read_instances(lake, name)
    assert stored["instance_id"].to_pylist() == sorted(ids)
    train = read_rows(lake, name).of("train")
    assert list(train.class_names) == sorted(classes)
    expected = out_of_fold_probabilities(
        read_vectors(lake, TABULAR, name, train),
        train.labels,
        ids=np.array(train.ids),
        n_classes=len(classes),
        folds=5,
        seed=FOLD_SEED,
    )
    assert np.array_equal(read_probabilities(lake, name, train), expected)
    methods = lake.read("SELECT DISTINCT method FROM scores WHERE dataset = ? ORDER BY 1", [name])
    assert methods["method"].to_pylist() == [f"out_of_fold/{each}" for each in sorted(classes)]


def test_odd_classes_columns_ids_and_datasets(home: Path, make_table: Callable[..., Path]) -> None:
    table, name = tumours(100), "it's 😀; --"
    ids = [f"{'Aa'[i % 2]}{i // 2}" + ("'\"; SELECT 1 --" if i % 3 else "") for i in range(100)]
    table = table.rename_columns([COLUMNS.get(each, each) for each in table.column_names])
    table = table.set_column(table.column_names.index("id"), "id", pa.array(ids))

    def made(classes: list[str]) -> None:
        labels = pa.array([classes[i % len(classes)] for i in range(100)])
        make_table(name, table.set_column(table.column_names.index("label"), "label", labels))
        run(name)
        check(name, ids, classes)

    made(CLASSES)
    # One class is renamed, one is gone.
    made([PAYLOAD, *CLASSES[2:]])
