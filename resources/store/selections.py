"""Selections: append-only, so that any subset ever selected can be read back by its id."""

import json
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from resources.lake import Lake


@dataclass(frozen=True)
class SelectionHeader:
    """What was selected, without its rows."""

    selection_id: str
    dataset: str
    method: str
    budget: str
    seed: int
    size: int
    parameters: dict[str, Any]
    inputs: str
    rows_digest: str
    note: str


def append(lake: Lake, chosen: list[tuple[SelectionHeader, pa.Table]]) -> None:
    """Store selections that are not there yet, headers and rows in one transaction.

    Parameters
    ----------
    lake : Lake
    chosen : list of (SelectionHeader, pyarrow.Table)
        Each table: rank, instance_id, content_hash, gain, reason.
    """
    headers = pa.Table.from_pylist(
        [{**vars(head), "parameters": json.dumps(head.parameters)} for head, _ in chosen]
    )
    rows = pa.concat_tables(
        table.append_column(
            "selection_id", pa.array([head.selection_id] * table.num_rows, pa.string())
        ).append_column("dataset", pa.array([head.dataset] * table.num_rows, pa.string()))
        for head, table in chosen
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("headers", headers)
        cursor.register("kept", rows)
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE unseen AS SELECT selection_id FROM headers "
            "ANTI JOIN selections USING (selection_id)"
        )
        cursor.execute(
            "INSERT INTO subsets SELECT k.selection_id, k.dataset, k.rank, k.instance_id, "
            "k.content_hash, k.gain, k.reason FROM kept k SEMI JOIN unseen USING (selection_id) "
            "ORDER BY k.selection_id, k.rank"
        )
        cursor.execute(
            "INSERT INTO selections SELECT h.selection_id, h.dataset, h.method, h.budget, h.seed, "
            "h.size, h.parameters, h.inputs, h.rows_digest, h.note, now()::TIMESTAMP "
            "FROM headers h SEMI JOIN unseen USING (selection_id)"
        )

    lake.write(work)


def headers(lake: Lake, selection_ids: list[str]) -> list[SelectionHeader]:
    """Return the headers of the given selections, by method, budget and seed."""
    wanted = pa.table({"selection_id": pa.array(selection_ids, pa.string())})
    rows = lake.read(
        "SELECT s.* EXCLUDE (selected_at) FROM selections s SEMI JOIN wanted USING (selection_id) "
        "ORDER BY method, size, seed",
        given={"wanted": wanted},
    )
    return [
        SelectionHeader(**{**row, "parameters": json.loads(row["parameters"])})
        for row in rows.to_pylist()
    ]


def rows(lake: Lake, selection_id: str) -> pa.Table:
    """Return the kept rows of one selection with their contents, in rank order."""
    return lake.read(
        "SELECT s.rank, s.instance_id, s.content_hash, c.text, c.label, s.gain, s.reason "
        "FROM subsets s LEFT JOIN contents c "
        "ON c.dataset = s.dataset AND c.content_hash = s.content_hash "
        "WHERE s.selection_id = ? ORDER BY s.rank",
        [selection_id],
    )


def positions(lake: Lake, selection_ids: list[str], ids: list[str]) -> dict[str, np.ndarray]:
    """Return, per selection, the positions of its rows within `ids`, in rank order."""
    place = pa.table({"instance_id": pa.array(ids, pa.string()), "position": np.arange(len(ids))})
    wanted = pa.table({"selection_id": pa.array(selection_ids, pa.string())})
    found = lake.read(
        "SELECT s.selection_id, p.position FROM subsets s "
        "SEMI JOIN wanted USING (selection_id) JOIN place p USING (instance_id) "
        "ORDER BY s.selection_id, s.rank",
        given={"place": place, "wanted": wanted},
    )
    keys = found["selection_id"].to_pylist()
    at = found["position"].to_numpy()
    starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
    ends = [*starts[1:], len(keys)][: len(starts)]
    return {keys[a]: at[a:b] for a, b in zip(starts, ends, strict=True)}
