"""The readers of Sluice keep their contract, and the suite sees one that does not."""

import gzip
import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from sluice.core import registry
from sluice.core.errors import DataError
from sluice.data.readers.contract import GROUP, Reader, readers
from sluice.testing import check_reader


def write_arrow(path: Path, table: pa.Table) -> None:
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def write_jsonl(path: Path, table: pa.Table) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()), "utf-8")


def write_csv(path: Path, table: pa.Table) -> None:
    made = BytesIO()
    separator = "\t" if ".tsv" in path.name else ","
    pacsv.write_csv(table, made, pacsv.WriteOptions(delimiter=separator))
    data = made.getvalue()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


WRITERS = {
    "arrow": write_arrow,
    "csv": write_csv,
    "jsonl": write_jsonl,
    "parquet": lambda path, table: pq.write_table(table, path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_reader_keeps_its_contract(name: str) -> None:
    assert registry.names(GROUP) == list(WRITERS)
    check_reader(registry.load(GROUP, name), WRITERS[name])


def test_a_longer_suffix_goes_before_the_one_that_it_ends_in() -> None:
    assert list(readers()).index(".csv.gz") < list(readers()).index(".csv")


def broken_readers() -> dict[str, Reader]:
    good: Reader = registry.load(GROUP, "jsonl")

    def silent(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
        try:
            return good.read(path, shown, columns)
        except DataError:
            return pa.table({"text": [], "label": []})

    def turned(path: Path, shown: str, columns: list[str] | None) -> pa.Table:
        table = good.read(path, shown, columns)
        return table.take(list(range(table.num_rows))[::-1])

    return {
        "is no error": replace(good, read=silent),
        "changes texts": replace(good, read=turned),
        "no suffix": replace(good, suffixes=("JSONL",)),
    }


@pytest.mark.parametrize("said", broken_readers())
def test_the_suite_sees_what_is_wrong(said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_reader(broken_readers()[said], write_jsonl)
