"""What people do to raw files and settings: exactly what depends on it is computed again."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from lineage import Ran, run_lineage

from assets.stages import instances
from assets.text.lineage import LINEAGE, TEXT
from resources.lake import Lake
from resources.store import records, rows, selections
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import Folder, read_folder

Make = Callable[..., Path]
ROWS = ["instances", "embeddings"]
MORE = [
    *ROWS,
    *("map", "graphs/knn", "scores/out_of_fold", "scores/margin", "scores/density"),
    *("subsets/random_stratified", "subsets/facility_location", "subsets/margin"),
]


def ran(names: list[str]) -> Ran:
    done = run_lineage("tweets", keys=[TEXT.key(*name.split("/")) for name in names])
    assert done.success, done.errors
    return done


def versions() -> dict[str, str]:
    known = records.latest(Lake(), "tweets")
    return {name: record.data_version for name, record in known.items()}


def counts(done: Ran, name: str) -> tuple[int, int, int]:
    shown = done.metadata[f"text/{name}"]
    return shown["rows_new"], shown["rows_reused"], shown["rows_removed"]


def recomputed() -> set[str]:
    """Run, and return what was not found unchanged; a new dataset.yaml has the files read again."""
    computed = ran(MORE).computed
    assert computed.pop("text/instances", 0) == 0
    return set(computed)


def set_option(folder: Path, **changes: object) -> None:
    path = folder / "dataset.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


@pytest.fixture
def folder(make_dataset: Make, tweets: pa.Table) -> Path:
    made = make_dataset("tweets", tweets.slice(0, 90), files=["*.parquet"], plots=False)
    ran(ROWS)
    return made


def test_files_that_say_the_same_recompute_nothing(folder: Path, tweets: pa.Table) -> None:
    part, before = tweets.slice(0, 90), versions()
    total = rows.read_instances(Lake(), "tweets").num_rows
    pq.write_table(part.append_column("added", pa.array(range(90))), folder / "rows.parquet")
    new_column = ran(ROWS)
    assert counts(new_column, "instances") == (0, total, 0)
    assert new_column.metadata["text/embeddings"]["unchanged"]
    assert versions() == before

    (folder / "rows.parquet").rename(folder / "renamed.parquet")
    assert ran(ROWS).metadata["text/embeddings"]["unchanged"]
    pq.write_table(part.slice(0, 60), folder / "renamed.parquet")
    pq.write_table(part.slice(60, 30), folder / "other.parquet")
    assert ran(ROWS).metadata["text/embeddings"]["unchanged"]
    assert versions() == before


def test_a_file_goes_back_to_what_it_was_before_the_clock_was_put_back(
    folder: Path, tweets: pa.Table
) -> None:
    lake, path = Lake(), folder / "rows.parquet"
    first, before = path.read_bytes(), rows.read_instances(lake, "tweets")
    for table, name in (("records", "recorded_at"), ("starts", "started_at")):
        later = f"UPDATE {table} SET {name} = {name} + INTERVAL 1 HOUR"
        lake.write(lambda cursor, later=later: cursor.execute(later))
    pq.write_table(tweets.slice(10, 60), path)
    assert ran(ROWS).computed
    path.write_bytes(first)
    assert ran(ROWS).computed
    assert rows.read_instances(lake, "tweets").equals(before)
    assert ran(ROWS).computed == {}


def test_a_file_twice_adds_no_row(folder: Path, tweets: pa.Table) -> None:
    before = versions()
    shutil.copy(folder / "rows.parquet", folder / "copy.parquet")
    assert ran(ROWS).metadata["text/embeddings"]["unchanged"]
    assert versions() == before
    reasons = rows.read_rejected(Lake(), "tweets")["reason"].to_pylist()
    assert reasons.count("duplicate_id") >= 90 - len(before)
    (folder / "copy.parquet").unlink()
    assert ran(ROWS).metadata["text/embeddings"]["unchanged"]


def test_the_same_content_under_a_new_id_is_not_embedded_again(
    folder: Path, tweets: pa.Table
) -> None:
    ids = [f"new-{name}" for name in tweets["id"].to_pylist()[:90]]
    table = tweets.slice(0, 90).set_column(0, "id", pa.array(ids))
    total = rows.read_instances(Lake(), "tweets").num_rows
    pq.write_table(table, folder / "rows.parquet")
    done = ran(ROWS)
    assert counts(done, "instances") == (total, 0, total)
    assert counts(done, "embeddings") == (0, total, total)
    assert set(rows.read_instances(Lake(), "tweets")["instance_id"].to_pylist()) <= set(ids)


@contextmanager
def of_version(name: str, version: str) -> Iterator[None]:
    """Let a stage be of another version within the block."""
    made = LINEAGE.stages[name]
    before = made.version
    object.__setattr__(made, "version", version)
    try:
        yield
    finally:
        object.__setattr__(made, "version", before)


def test_a_setting_recomputes_exactly_what_depends_on_it(folder: Path) -> None:
    first = ran(MORE)
    assert set(first.computed) == {f"text/{name}" for name in MORE[2:]}
    set_option(folder, graph={"k": 7, "slack": 5})
    assert recomputed() == {
        *("text/graphs/knn", "text/scores/density", "text/subsets/facility_location"),
    }
    set_option(folder, evaluation={"folds": 4})
    assert recomputed() == {
        *("text/scores/out_of_fold", "text/scores/margin", "text/subsets/margin"),
    }
    set_option(folder, seeds=[0])
    assert recomputed() == {"text/subsets/random_stratified"}
    set_option(folder, encoder={"max_length": 32})
    shorter = ran(MORE)
    assert counts(shorter, "instances")[0] == 0
    # Every text is embedded by the new encoder; few are so long that their vectors differ.
    assert shorter.computed["text/embeddings"] == shorter.metadata["text/embeddings"]["rows_total"]
    assert shorter.metadata["text/graphs/knn"]["rows_reused"] == 0
    set_option(folder, encoder={"max_length": 256})
    assert ran(MORE).computed["text/embeddings"] == 0

    with of_version("graphs/knn", "next"):
        assert recomputed() == {"text/graphs/knn"}


def test_only_subsets_whose_rows_changed_are_evaluated_again(
    folder: Path, tweets: pa.Table
) -> None:
    set_option(folder, budgets=[10], chosen_budget=10, seeds=[0, 1])
    keys = [*ROWS, "map", "subsets/random_stratified", "evaluations/random_stratified"]
    first = ran(keys)
    assert counts(first, "evaluations/random_stratified") == (2, 0, 0)
    lake = Lake()
    entries = records.latest(lake, "tweets")["text/subsets/random_stratified"].details["selections"]
    kept = {
        entry["seed"]: set(selections.rows(lake, entry["selection_id"])["instance_id"].to_pylist())
        for entry in entries
    }
    train = set(rows.read_instances(lake, "tweets", "train")["instance_id"].to_pylist())

    def without(gone: str) -> Ran:
        left = [name != gone for name in tweets["id"].to_pylist()[:90]]
        pq.write_table(tweets.slice(0, 90).filter(pa.array(left)), folder / "rows.parquet")
        return ran(keys)

    unseen = without(min(train - kept[0] - kept[1]))
    assert "text/subsets/random_stratified" in unseen.computed
    assert counts(unseen, "evaluations/random_stratified")[0] == 0
    # A row that one seed alone had kept: that seed's subset changes, and it alone is evaluated.
    assert counts(without(min(kept[0] - kept[1])), "evaluations/random_stratified")[:2] == (1, 1)


def test_values_that_are_spelt_anew_are_brought_over_once(
    make_dataset: Make, tweets: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spelt_before(folder: Path) -> Folder:
        found = read_folder(folder)
        ids = found.rows["id"].to_pylist()
        place = found.rows.column_names.index("id")
        spelt = found.rows.set_column(place, "id", pa.array([f"{ids[0]}.0", *ids[1:]]))
        return replace(found, rows=spelt)

    make_dataset("tweets", tweets.slice(0, 30), files=["*.parquet"], plots=False)
    with monkeypatch.context() as older, of_version("instances", "1"):
        older.setattr("assets.stages.instances.read_folder", spelt_before)
        ran(["instances"])
    brought = ran(["instances"])
    assert counts(brought, "instances")[::2] == (1, 1)
    warnings = records.latest(Lake(), "tweets")["text/instances"].details["warnings"]
    assert [each for each in warnings if each.startswith("respelt: the files are unchanged, and 1")]
    assert ran(["instances"]).computed == {}


def test_rows_set_aside_are_counted_in_every_run(
    folder: Path, tweets: pa.Table, caplog: pytest.LogCaptureFixture
) -> None:
    again = tweets.slice(0, 30)
    blank = again.slice(0, 2).set_column(
        again.column_names.index("text"), "text", pa.array([" ", ""])
    )
    pq.write_table(pa.concat_tables([tweets.slice(0, 90), again, blank]), folder / "rows.parquet")
    for _ in range(2):
        caplog.clear()
        with caplog.at_level("INFO", "sluice.stage"), caplog.at_level("INFO", "sluice-unchanged"):
            ran(["instances"])
        said = [r.getMessage() for r in caplog.records if "set aside" in r.getMessage()]
        assert said == ["text/instances: 32 set aside: 30 duplicate_id, 2 empty_text"]


@pytest.mark.parametrize("name", ["rows.parquet", "dataset.yaml"])
def test_what_is_replaced_while_it_is_read_is_not_recorded_as_what_it_was(
    make_dataset: Make, tweets: pa.Table, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = make_dataset("tweets", tweets.slice(0, 90))
    first = (folder / name).read_bytes()
    make_dataset("other", tweets.slice(30, 60), split={"validation": 0.3, "test": 0.1})
    read = instances.read_folder

    def replaced(path: Path) -> Folder:
        (folder / name).write_bytes((folder.parent / "other" / name).read_bytes())
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(instances, "read_folder", replaced)
        done = run_lineage("tweets", keys=[TEXT.key("instances")])
    assert not done.success
    assert "changed while they were read" in str(done.errors)
    (folder / name).write_bytes(first)
    ran(["instances"])
    found = read_folder(folder)
    expected = prepare(found.rows, found.config).instances
    stored = rows.read_instances(Lake(), "tweets").sort_by("instance_id")
    for column in ("instance_id", "content_hash", "split"):
        assert stored[column].to_pylist() == expected[column].to_pylist()
