"""The commands on a table: its columns come back, and a purged row leaves no value behind."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from lineage import Ran, run_lineage
from tables import FEATURES, TYPES, tumours
from typer.testing import CliRunner, Result

from assets.tabular.lineage import TABULAR
from resources.lake import Lake
from resources.store import encoders, records
from sluice.cli import app

NAME, PERSON, SECRET = "tumours", "a-person", "zyxgloria-only"
STAGES = ("instances", "encoder", "embeddings", "map", "graphs/hash", "subsets/ldis")
# The row must be kept, so that selections hold it too.
SETTINGS = {"selectors": ["ldis"], "options": {}, "budgets": [0.9], "chosen_budget": 0.9}
SPLIT = {"label": "label", "id": "id", "split": "part"}


def refresh() -> Ran:
    ran = run_lineage(NAME, keys=[TABULAR.key(*stage.split("/")) for stage in STAGES])
    assert ran.success, ran.errors
    return ran


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def rows_with_person() -> tuple[pa.Table, pa.Table]:
    """Return 80 rows, all for training but some, and the same with one row more."""
    table = tumours(80)
    person = [PERSON, 12.5, 18.0, 0.1, SECRET, True, None, "benign"]
    columns = zip(person, ("id", *FEATURES, "label"), table.schema.types, strict=True)
    more = pa.table({name: pa.array([value], kind) for value, name, kind in columns})
    parts = ["train"] * 60 + ["validation"] * 10 + ["test"] * 10
    without = table.append_column("part", pa.array(parts))
    return without, pa.concat_tables([without, more.append_column("part", pa.array(["train"]))])


def holding(folder: Path, needle: str) -> list[str]:
    """List the files below a folder that hold a text, also compressed within Parquet."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file()
        and (
            needle.encode() in path.read_bytes()
            or (path.suffix == ".parquet" and needle in str(pq.read_table(path).to_pylist()))
        )
    ]


def test_an_export_has_the_columns_of_the_table(
    home: Path, make_table: Callable[..., Path], tmp_path: Path
) -> None:
    table = tumours(120)
    make_table(NAME, table, **SETTINGS)
    refresh()
    out = tmp_path / "kept.parquet"
    done = command("export", NAME, str(out), "--method", "ldis", "--budget", "90%")
    assert done.exit_code == 0, done.output
    kept = pq.read_table(out)
    assert kept.column_names == [
        *("rank", "instance_id", *sorted(FEATURES), "label", "gain", "reason"),
    ]
    source = {row["id"]: row for row in table.to_pylist()}
    kinds = dict(zip(FEATURES, TYPES, strict=True))
    for row in kept.to_pylist():
        for name in FEATURES:
            value = source[row["instance_id"]][name]
            assert row[name] == (str(value) if pa.types.is_date(kinds[name]) else value)


def test_a_purged_row_leaves_no_value_behind(
    home: Path, make_table: Callable[..., Path], tmp_path: Path
) -> None:
    without, table = rows_with_person()
    make_table(NAME, table, columns=SPLIT, **SETTINGS)
    refresh()
    lake = Lake()
    fitted = encoders.newest(lake, NAME)
    assert fitted is not None
    assert SECRET in fitted.artifact
    make_table(NAME, without, columns=SPLIT, **SETTINGS)
    refresh()
    # The encoder stands, and with it a category that only the row had.
    assert encoders.newest(lake, NAME) == fitted
    ids = tmp_path / "ids.txt"
    ids.write_text(PERSON)
    done = command("purge", NAME, "--ids", str(ids), "--yes")
    assert done.exit_code == 0, done.output
    assert f"sluice.tabular.{NAME}" in " ".join(done.output.split())
    lake.close()
    assert holding(home, SECRET) == []
    assert encoders.newest(lake, NAME) is None
    assert "tabular/encoder" not in records.latest(lake, NAME)
    early = run_lineage(NAME, keys=[TABULAR.key("embeddings")])
    assert "no tabular/encoder yet" in early.errors["tabular__embeddings"]

    again = refresh()
    assert again.metadata["tabular/encoder"]["fitted_on"] == 60
    assert again.metadata["tabular/graphs/hash"]["parts_reused"] == 0
    assert all(record.stands for record in records.latest(lake, NAME).values())
