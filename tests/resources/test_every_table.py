"""Every table of the lake is purged, mended, read in its history, and described: a new one, too."""

from pathlib import Path
from typing import Any

import pytest

from resources.lake import Lake
from resources.schema import TABLES, columns_of
from resources.store import purging, purging_rows, records, repeats
from resources.store.maintenance import maintain

# Kept under a digest of what they were made of, for all datasets: a purge deletes them with the
# last content that has their text.
OF_ALL_DATASETS = {"embeddings", "token_losses", "tags", "rewrites"}
# Of nobody's rows.
NO_ROWS = {"fences"}
# Purging one row leaves these, and why.
LEFT_BY_ROWS = {
    "contents": "goes with the last row that refers to it",
    "graphs": "goes whole where it holds the row",
    "selections": "its header says how many rows were purged",
    "evaluations": "numbers of a model",
    "language_evaluations": "numbers of a model",
    "token_evaluations": "numbers of a model",
    "records": "its texts are redacted",
    "starts": "names an asset",
    "checks": "its texts are redacted",
    "refreshes": "names a folder's digest",
}
# Not looked at for rows that are there twice, and why.
NEVER_TWICE = {
    "rejected": "replaced as a whole",
    "encoders": "the newest is read",
    "records": "the newest is read",
    "starts": "the newest is read",
    "checks": "the newest is read",
    "refreshes": "the newest is read",
    "fences": "one a lock",
}
NUMBERS = {"BIGINT": 1, "INTEGER": 1, "DOUBLE": 0.5, "FLOAT": 0.5, "BOOLEAN": True}
VALUES = {**NUMBERS, "TIMESTAMP": "2030-01-01"}
JSON = dict.fromkeys(("details", "metadata", "shown"), "{}")


def fill(lake: Lake, table: str, dataset: str, row: str) -> None:
    """Put one row of a dataset and an instance into a table, whatever its columns are."""
    values: list[Any] = []
    for column in columns_of(table):
        named = {"dataset": dataset, "instance_id": row, "item": row, **JSON}
        plain = VALUES.get(column.type.removesuffix("[]"), f"{table} of {dataset}")
        values.append(named.get(column.name, [plain] if column.type.endswith("[]") else plain))
    marks = ", ".join("?" for _ in values)
    lake.write(lambda cursor: cursor.execute(f"INSERT INTO {table} VALUES ({marks})", values))


def stored(lake: Lake, at: str = "") -> dict[str, list[dict[str, Any]]]:
    return {table: lake.read(f"SELECT * FROM {table} {at}").to_pylist() for table in TABLES}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(root=str(tmp_path))
    for table in TABLES:
        fill(lake, table, "d", "one")
        fill(lake, table, "other", "two")
    return lake


def test_a_dataset_that_is_purged_leaves_no_row_in_any_table(lake: Lake) -> None:
    purging.purge(lake, "d")
    for table, rows in stored(lake).items():
        if table in OF_ALL_DATASETS | NO_ROWS:
            assert "dataset" not in {column.name for column in columns_of(table)}
            continue
        assert [row["dataset"] for row in rows] == ["other"], table
    lake.close()


def test_a_row_that_is_purged_leaves_every_table_that_names_it(lake: Lake) -> None:
    fill(lake, "instances", "d", "three")
    purging_rows.purge_rows(lake, "d", ["one"])
    for table, rows in stored(lake).items():
        if table in OF_ALL_DATASETS | NO_ROWS | set(LEFT_BY_ROWS):
            continue
        wanted = ["three"] if table == "instances" else []
        key = purging_rows.ROW_WISE.get(table)
        assert [row[key or "dataset"] for row in rows if row["dataset"] == "d"] == wanted, table
        assert any(row["dataset"] == "other" for row in rows), table
    for table in set(LEFT_BY_ROWS) - {"graphs"}:
        names = {column.name for column in columns_of(table)}
        assert not names & {"instance_id", "item"}, table
    lake.close()


def test_rows_that_are_there_twice_go_from_every_table(lake: Lake) -> None:
    assert set(repeats.KEYS) | set(NEVER_TWICE) == set(TABLES)
    for table, keys in repeats.KEYS.items():
        assert {key.strip() for key in keys.split(",")} <= {c.name for c in columns_of(table)}
        lake.write(lambda cursor, table=table: cursor.execute(f"INSERT INTO {table} FROM {table}"))
    before = lake.snapshot()
    maintain(lake)
    now, then = stored(lake), stored(lake, f"AT (VERSION => {before})")
    for table in repeats.KEYS:
        assert len(then[table]) == 2 * len(now[table]), table
    lake.close()


def test_every_column_says_what_it_holds() -> None:
    for table in TABLES:
        assert all(column.description.endswith(".") for column in columns_of(table))


def test_a_purged_row_of_a_choice_makes_its_stage_run_again(lake: Lake) -> None:
    for name in ("candidates", "choices/majority", "trials/balans", "scores/margin"):
        asset = f"toy/{name}"
        record = records.Record("d", asset, "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r", {})
        records.append(lake, record, "{}")
    purging_rows.purge_rows(lake, "d", ["one"])
    found = records.latest(lake, "d")
    assert {name for name, record in found.items() if not record.input_digest} == {
        *("toy/candidates", "toy/choices/majority", "toy/trials/balans", "toy/scores/margin"),
    }
    lake.close()
