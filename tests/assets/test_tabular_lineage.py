"""The whole lineage of a small real table: from raw file to champion, and what a change costs."""

from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from lineage import Ran, run_lineage
from tables import FEATURES, tumours

from assets.display.results import read_results
from assets.lineage.inputs import read_rows
from assets.stages.evaluations import examples_of
from assets.tabular.encoder import KEEP_TAG
from assets.tabular.lineage import LINEAGE, TABULAR
from resources import registry
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import encoders, records, rows, selections
from resources.tracking import Tracking
from sluice.encoders.tabular import TabularEncoder
from sluice.evaluation.learner import Given
from sluice.graphs.instance_graphs.methods import GRAPHS
from sluice.subsets.registry import selectors_for
from sluice.tasks.tabular.learner import TabularLearner

Make = Callable[..., Path]
NAME = "tumours"
ROWS = ["instances", "encoder", "embeddings"]


def ran(names: list[str] | None = None, **options: object) -> Ran:
    keys = names and [TABULAR.key(*name.split("/")) for name in names]
    done = run_lineage(NAME, keys=keys, **options)
    assert done.success, "\n".join(done.errors.values())
    return done


def counts(done: Ran, name: str) -> tuple[int, int, int]:
    shown = done.metadata[f"tabular/{name}"]
    return shown["rows_new"], shown["rows_reused"], shown["rows_removed"]


def versions() -> dict[str, str]:
    known = records.latest(Lake(), NAME)
    return {name: r.data_version for name, r in known.items() if name != "tabular/report"}


def with_value(table: pa.Table, row: int, column: str, value: object) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    at, kind = table.column_names.index(column), table.schema.field(column).type
    return table.set_column(at, column, pa.array(values, kind))


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return tumours(300)


@pytest.mark.slow
def test_from_raw_file_to_champion_and_what_a_change_costs(
    home: Path, make_table: Make, table: pa.Table
) -> None:
    make_table(NAME, table)
    first, lake = ran(), Lake()
    config = Datasets().config(NAME)
    assert set(first.metadata) == {"/".join(key.path) for key in LINEAGE.wanted(config)}
    total = rows.read_instances(lake, NAME).num_rows
    assert counts(first, "embeddings") == (total, 0, 0)
    _check_selections(lake)
    _check_model(lake, first)
    _check_page(home, lake)

    again = ran()
    assert again.computed == {}
    before = versions()
    make_table(NAME, table.take(pa.array(np.random.default_rng(0).permutation(300))))
    assert sum(ran().computed.values()) == 0
    assert versions() == before

    make_table(NAME, with_value(table, 7, "radius", 17.25))
    edited = ran()
    assert counts(edited, "embeddings") == (1, total - 1, 0)
    # One row in the training set, or held out: the encoder stands either way.
    assert edited.metadata["tabular/encoder"]["rows_new"] == 0
    assert edited.metadata["tabular/encoder"]["verdict"] == "It stands."
    assert records.refreshed_digests(lake).keys() == {NAME}

    make_table(NAME, table.drop_columns(["band"]), selectors=["ldis"], options={})
    decided = ran().metadata["tabular/models/champion"]
    assert "cannot read the present rows" in decided["decision"]
    assert decided["champion"] == decided["challenger"]


def _check_selections(lake: Lake) -> None:
    train = set(rows.read_instances(lake, NAME, "train")["instance_id"].to_pylist())
    known = records.latest(lake, NAME)
    methods = {name.split("/")[2] for name in known if name.startswith("tabular/subsets/")}
    assert methods == {"random_stratified", "gais", "facility_location", "ldis"}
    for method in methods:
        entries = known[f"tabular/subsets/{method}"].details["selections"]
        for head in selections.headers(lake, [entry["selection_id"] for entry in entries]):
            kept = selections.rows(lake, head.selection_id)
            share = {"10%": 0.1, "20%": 0.2}[head.budget]
            assert kept.num_rows == head.size == int(share * len(train) + 0.5)
            assert set(kept["instance_id"].to_pylist()) <= train
            assert set(kept["label"].to_pylist()) == {"malignant", "benign"}
            assert all(kept["reason"].to_pylist())
    (head, *_) = selections.headers(
        lake, [e["selection_id"] for e in known["tabular/subsets/gais"].details["selections"]]
    )
    assert head.parameters["options"]["epochs"] == 3


def _check_model(lake: Lake, done: Ran) -> None:
    champion = registry.find(Tracking(), f"sluice.tabular.{NAME}", "champion")
    assert champion is not None
    results = read_results(lake, TABULAR, NAME)
    assert champion.tags["selection_id"] == results.chosen["selection_id"]
    assert champion.run_id in done.metadata["tabular/models/fitted"]["mlflow_run"]
    held_out = read_rows(lake, NAME).of("test")
    learner = TabularLearner(Given(Datasets().config(NAME)))
    answers = np.array(learner.load(champion.folder).answers(examples_of(held_out)))
    truth = np.array(held_out.class_names)[held_out.labels]
    decided = records.latest(lake, NAME)["tabular/models/champion"].details
    assert (answers == truth).mean() == decided["challenger_test"] > 0.7


def _check_page(home: Path, lake: Lake) -> None:
    page = unescape((home / "sluice" / "reports" / f"{NAME}.html").read_text())
    assert read_results(lake, TABULAR, NAME).chosen["selection_id"] in page
    known = records.latest(lake, NAME)
    assert "What attention is worth here" in page
    value = known["tabular/evaluations/attention_value"].details
    assert value["sentence"] in page
    assert known["tabular/encoder"].details["encoder"] in page


def test_a_new_row_changes_only_its_own_parts(
    home: Path, make_table: Make, table: pa.Table
) -> None:
    make_table(NAME, table, plots=False)
    names = [*ROWS, *(f"graphs/{name}" for name in GRAPHS)]
    first = ran(names)
    for name in GRAPHS:
        shown = first.metadata[f"tabular/graphs/{name}"]
        assert shown["parts_new"] == shown["parts"] > 0
        assert shown["parts"] == 1 or name != "minibatch"
    new = tumours(301).slice(300, 1)
    make_table(NAME, pa.concat_tables([table, new]), plots=False)
    second = ran(names)
    for name in GRAPHS:
        shown = second.metadata[f"tabular/graphs/{name}"]
        # The one batch of a small table holds every row; a bucket of each view holds the new one.
        most = {"minibatch": 1, "multiview": 3}.get(name, 1)
        assert shown["parts_new"] <= most
        assert shown["parts_reused"] == shown["parts"] - shown["parts_new"]
    before = versions()
    rebuilt = ran(names, job="tabular_rebuild", tags={KEEP_TAG: "true"})
    assert all(not shown["unchanged"] for shown in rebuilt.metadata.values())
    assert rebuilt.metadata["tabular/graphs/hash"]["parts_reused"] == 0
    assert versions() == before


def test_the_encoder_stands_until_it_drifts_or_is_rebuilt(
    home: Path, make_table: Make, table: pa.Table
) -> None:
    make_table(NAME, table)
    ran(ROWS)
    lake, keys = Lake(), {"tabular/encoder"}

    def encoder() -> str:
        return records.latest(lake, NAME)["tabular/encoder"].details["encoder"]

    first = encoder()
    train = read_rows(lake, NAME).of("train")
    stored = encoders.newest(lake, NAME)
    assert stored is not None
    config = Datasets().config(NAME)
    # Fitted on the training rows alone.
    alone = TabularEncoder.fit(train.texts, config.encoding, config.columns.types)
    assert first == stored.identity == alone.identity

    # The same rows again, moved by a tenth of a deviation, are within the threshold.
    radius = np.array(table["radius"].to_pylist())
    moved = table.set_column(1, "radius", pa.array(radius + 0.1 * radius.std()))
    make_table(NAME, moved)
    slightly = ran(ROWS)
    assert (encoder(), slightly.metadata["tabular/encoder"]["verdict"]) == (first, "It stands.")
    assert 0.05 < slightly.metadata["tabular/encoder"]["largest_drift"] < 0.5
    far = table.set_column(1, "radius", pa.array(radius + 3 * radius.std()))
    make_table(NAME, far)
    drifted = ran(ROWS)
    assert "radius has drifted" in drifted.metadata["tabular/encoder"]["verdict"]
    second = encoder()
    assert second != first

    # A wider threshold, the first rows again: what stands depends on history.
    make_table(NAME, table, encoding={"refit_drift": 100.0})
    assert "It stands." in ran(ROWS).metadata["tabular/encoder"]["verdict"]
    assert encoder() == second
    assert ran(ROWS, job="tabular_rebuild", tags={KEEP_TAG: "true"}).computed.keys() >= keys
    assert encoder() == second
    ran(ROWS, job="tabular_rebuild")
    assert encoder() == first
    make_table(NAME, table.drop_columns(["band"]))
    assert "columns have changed" in ran(ROWS).metadata["tabular/encoder"]["verdict"]


def test_an_interrupted_encoder_is_looked_at_again(
    home: Path, make_table: Make, table: pa.Table
) -> None:
    make_table(NAME, table)
    ran(ROWS)
    lake = Lake()
    kept = encoders.newest(lake, NAME)
    assert kept is not None
    records.begin(lake, NAME, "tabular/encoder", "killed")
    again = ran(ROWS)
    assert "tabular/encoder" in again.computed
    assert encoders.newest(lake, NAME) == kept


def test_a_dataset_keeps_its_task(home: Path, make_table: Make, make_dataset: Make) -> None:
    make_table(NAME, tumours(120))
    ran(["instances"])
    texts = tumours(120).rename_columns(["id", "text", *FEATURES[1:], "label"])
    words = pa.array([f"radius {value}" for value in texts["text"].to_pylist()])
    make_dataset(NAME, texts.set_column(1, "text", words))
    refused = run_lineage(NAME)
    assert not refused.success
    said = refused.errors["text__instances"]
    assert "carried through the task tabular" in said
    assert f"sluice purge {NAME}" in said


def test_what_is_wanted_follows_the_selectors(home: Path, make_table: Make) -> None:
    folder = make_table(NAME, tumours(20), selectors=["ldis"])
    assert folder.exists()
    names = {"/".join(key.path[1:]) for key in LINEAGE.wanted(Datasets().config(NAME))}
    assert not any(name.startswith("graphs/") or name == "scores/gat" for name in names)
    make_table(NAME, tumours(20), selectors=["gais"], options={"gais": {"graph": "hash"}})
    names = {"/".join(key.path[1:]) for key in LINEAGE.wanted(Datasets().config(NAME))}
    assert {name for name in names if name.startswith("graphs/")} == {"graphs/hash"}
    assert {"scores/gat", "evaluations/attention_value", "subsets/gais"} <= names
    make_table(NAME, tumours(20), selectors=None)
    chosen = {
        key.path[2] for key in LINEAGE.wanted(Datasets().config(NAME)) if key.path[1] == "subsets"
    }
    assert chosen == set(TABULAR.spec.short_list) | {"random_stratified"}
    assert chosen < {selector.name for selector in selectors_for("tabular")}


def test_no_asset_is_an_orphan() -> None:
    keys = {asset.key for asset in LINEAGE.assets}
    read = {key for asset in LINEAGE.assets for key in asset.dependency_keys}
    assert read <= keys
    assert keys - read == {TABULAR.key("report")}
