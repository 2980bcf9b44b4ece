"""A lake whose models were measured before there were outcomes: arrays in a row a model."""

from resources.lake import Lake
from resources.schema import TABLES
from resources.store.evaluations import HEADER

# By table: each array's kind of outcome, and what of a value it holds.
ARRAYS = {
    "evaluations": {"predicted": ("classes", "value[1]::BIGINT")},
    "language_evaluations": {"losses": ("loss", "value[1]"), "matches": ("exact", "value[1]")},
    "token_evaluations": {"spans": ("spans", "value"), "words": ("words", "value")},
}


def store_as_before(lake: Lake, table: str) -> None:
    """Move all that is evaluated into a table of before."""
    columns = []
    for name, (kind, value) in ARRAYS[table].items():
        for split in ("validation", "test"):
            where = f"FILTER (WHERE split = '{split}' AND metric = '{kind}')"
            found = f"list({value} ORDER BY instance_id) {where}"
            if table == "token_evaluations":
                found = f"flatten({found})::BIGINT[]"
            columns.append(f"{found} AS {split}_{name}")
    known = [column.split()[0] for column in TABLES[table].split(", ")]
    head = ", ".join(f"any_value(e.{name}) AS {name}" for name in HEADER if name in known)

    def work(cursor):
        cursor.execute(
            f"CREATE TEMP TABLE moved AS SELECT {head}, {', '.join(columns)} FROM outcomes o "
            "JOIN evaluations e USING (evaluation_id) GROUP BY o.evaluation_id"
        )
        cursor.execute("DELETE FROM outcomes")
        cursor.execute("DELETE FROM evaluations")
        cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM moved")
        cursor.execute("DROP TABLE moved")

    lake.write(work)
