"""True deletion of single rows of a dataset that lives on."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.schema import TABLES, columns_of
from resources.sql import identifier
from resources.store.purging import delete_vectors, deleted, deleted_rows, rewrite
from resources.store.row_redaction import Mentions

# One graph is one whole: its lists name each other by position, so a list less would shift them.
GRAPHS = "graphs"
# Tables with rows of single instances or items, and the column that names them.
ROW_WISE = {
    table: column.name
    for table in TABLES
    for column in columns_of(table)
    if table != GRAPHS and column.name in ("instance_id", "item")
}
# Made of all training rows, and named by none of them: parts of graphs by position, and encoders,
# which hold values of rows. Both go whole and are made anew of what is left.
MADE_OF_ALL = ("part_edges", "encoders")
# Tables of the present state, and the assets that fill them.
_FILLED_BY = {
    "instances": ("/instances",),
    GRAPHS: ("/graphs/",),
    "part_edges": ("/graphs/",),
    "scores": ("/scores/", "/map"),
    "queries": ("/labels/queries",),
    "echoes": ("/labels/echoes",),
    "candidates": ("/candidates",),
    "choices": ("/choices/",),
    "trials": ("/trials/",),
}
_MESSAGES = {
    "rejected": "detail",
    "subsets": "reason",
    "selections": "note",
    "queries": "reason",
    "echoes": "reason",
    "choices": "reason",
    "trials": "reason",
}
_UNREFERRED = (
    "FROM contents WHERE dataset = ? AND content_hash NOT IN ("
    "SELECT content_hash FROM instances WHERE dataset = ? UNION "
    "SELECT content_hash FROM subsets WHERE dataset = ? UNION "
    "SELECT content_hash FROM choices WHERE dataset = ?)"
)
_JSON = (("records", "metadata"), ("records", "details"), ("checks", "shown"))


@dataclass(frozen=True)
class Standing:
    """How a dataset stands to some ids.

    Attributes
    ----------
    present : list of str
        Ids in the present manifest.
    unknown : list of str
        Ids of which nothing is left, in no table and no older snapshot.
    known : list of str
        Every id that the lake holds of the dataset.
    """

    present: list[str]
    unknown: list[str]
    known: list[str]


def standing(lake: Lake, dataset: str, ids: Sequence[str]) -> Standing:
    """Look up which ids the lake holds now and which it has ever held, in the order of `ids`."""
    named = {identifier(table): column for table, column in ROW_WISE.items()}
    gone = [deleted_rows(lake, "instances"), deleted_rows(lake, "rejected")]
    sources = named | dict.fromkeys([GRAPHS, *gone], "instance_id")
    union = " UNION ".join(
        f"SELECT {identifier(column)} AS instance_id FROM {source} WHERE dataset = ?"
        for source, column in sources.items()
    )
    known = set(lake.read(union, [dataset] * len(sources))["instance_id"].to_pylist()) - {None}
    manifest = lake.read("SELECT instance_id FROM instances WHERE dataset = ?", [dataset])
    now = set(manifest["instance_id"].to_pylist())
    return Standing(
        present=[name for name in ids if name in now],
        unknown=[name for name in ids if name not in known],
        known=sorted(known),
    )


def purge_rows(lake: Lake, dataset: str, ids: Sequence[str]) -> dict[str, int]:
    """Delete rows of a dataset by id and everything that could bring one back.

    The lake does not keep which contents a row once had. So every content of the dataset goes
    that neither the present manifest nor a remaining row of a selection refers to: only older
    snapshots could still lead to one, and these are expired, of all datasets. A vector goes with
    the last content that has its text.

    Returns
    -------
    dict of str to int
        Deleted rows by table; under ``records`` those that showed or named a row.
    """
    mentions = Mentions(ids)

    def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
        cursor.register("purged", pa.table({"instance_id": pa.array(ids, pa.string())}))
        shrunk = _shrink_headers(cursor, dataset)
        counts = {
            table: deleted(
                cursor,
                f"DELETE FROM {identifier(table)} WHERE dataset = ? "
                f"AND {identifier(column)} IN (FROM purged)",
                [dataset],
            )
            for table, column in ROW_WISE.items()
        }
        counts[GRAPHS] = _delete_graphs(cursor, dataset)
        counts |= {
            table: deleted(cursor, f"DELETE FROM {identifier(table)} WHERE dataset = ?", [dataset])
            for table in MADE_OF_ALL
        }
        if counts["encoders"]:
            _forget_encoders(cursor, dataset)
        counts |= _delete_contents(cursor, dataset)
        changes = [_rewritten(cursor, dataset, *place, mentions.out_of_json) for place in _JSON]
        counts["records"] = max(changes)
        for table, column in _MESSAGES.items():
            _rewritten(cursor, dataset, table, column, mentions.out_of_text)
        _forget_results(cursor, dataset, [t for t in _FILLED_BY if counts[t]], shrunk)
        return {table: count for table, count in counts.items() if count}

    counts = lake.write(work)
    rewrite(lake)
    return counts


def _shrink_headers(cursor: duckdb.DuckDBPyConnection, dataset: str) -> list[str]:
    """Say in the header of every selection that loses rows how many; return their ids."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE shrunk AS SELECT selection_id, count(*) AS rows "
        "FROM subsets WHERE dataset = ? AND instance_id IN (FROM purged) GROUP BY selection_id",
        [dataset],
    )
    cursor.execute(
        "UPDATE selections SET size = size - shrunk.rows, note = trim(note || ' ' || shrunk.rows "
        "|| ' of its rows purged.') FROM shrunk "
        "WHERE selections.selection_id = shrunk.selection_id"
    )
    return [name for (name,) in cursor.execute("SELECT selection_id FROM shrunk").fetchall()]


def _delete_graphs(cursor: duckdb.DuckDBPyConnection, dataset: str) -> int:
    """Delete the graphs that hold a purged row, whole: only superseded ones can."""
    return deleted(
        cursor,
        f"DELETE FROM {GRAPHS} WHERE dataset = ? AND graph IN (SELECT graph FROM {GRAPHS} "
        "WHERE dataset = ? AND instance_id IN (FROM purged))",
        [dataset, dataset],
    )


def _forget_encoders(cursor: duckdb.DuckDBPyConnection, dataset: str) -> None:
    """Delete the records of encoders: they show ranges and categories of the rows."""
    cursor.execute(
        "DELETE FROM records WHERE dataset = ? AND ends_with(asset, '/encoder')", [dataset]
    )


def _delete_contents(cursor: duckdb.DuckDBPyConnection, dataset: str) -> dict[str, int]:
    """Delete the contents that no row refers to any more, and their vectors."""
    own = [dataset] * 4
    texts = cursor.execute(f"SELECT text {_UNREFERRED}", own).to_arrow_table()["text"]
    contents = deleted(cursor, f"DELETE {_UNREFERRED}", own)
    return {"contents": contents, "embeddings": delete_vectors(cursor, texts)}


def _rewritten(
    cursor: duckdb.DuckDBPyConnection,
    dataset: str,
    table: str,
    column: str,
    change: Callable[[str], str],
) -> int:
    """Apply `change` to one column of a dataset's rows; return how many values it altered."""
    place = f"{identifier(table)}.{identifier(column)}"
    found = cursor.execute(
        f"SELECT DISTINCT {place} FROM {identifier(table)} WHERE dataset = ? "
        f"AND {place} IS NOT NULL",
        [dataset],
    ).fetchall()
    after = {old: change(old) for (old,) in found}
    altered = {old: new for old, new in after.items() if new != old}
    if altered:
        cursor.register("altered", pa.table({"old": [*altered], "new": [*altered.values()]}))
        cursor.execute(
            f"UPDATE {identifier(table)} SET {identifier(column)} = altered.new FROM altered "
            f"WHERE dataset = ? AND {place} = altered.old",
            [dataset],
        )
    return len(altered)


def _forget_results(
    cursor: duckdb.DuckDBPyConnection, dataset: str, tables: Iterable[str], shrunk: list[str]
) -> None:
    """Let the next refresh compute anew what lost rows of the state that is on record.

    That is so where a stage has not run since the rows left, or the folder is gone. A file that
    goes back to the recorded state would else find its results unchanged, and incomplete.
    """
    assets = cursor.execute(
        "SELECT DISTINCT asset, details FROM records WHERE dataset = ? "
        "QUALIFY row_number() OVER (PARTITION BY asset ORDER BY rowid DESC) = 1",
        [dataset],
    ).fetchall()
    parts = [part for table in tables for part in _FILLED_BY[table]]
    stale = [
        asset
        for asset, details in assets
        if any(part in f"/{asset.partition('/')[2]}" for part in parts)
        or ("/subsets/" in asset and any(name in details for name in shrunk))
    ]
    cursor.register("stale_assets", pa.table({"asset": pa.array(stale, pa.string())}))
    cursor.execute(
        "UPDATE records SET input_digest = '' WHERE dataset = ? AND asset IN (FROM stale_assets)",
        [dataset],
    )
