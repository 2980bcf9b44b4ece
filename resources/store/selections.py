"""Selections: append-only, so that any subset ever selected can be read back by its id."""

import json
import re
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from resources.lake import Lake
from resources.sql import identifier
from resources.store.repeats import without_repeats
from sluice.core.errors import ConfigError

SHORTEST_PREFIX = 4

_PURGED = re.compile(r"(\d+) of its rows purged\.")


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

    One that a purge has shrunk, and whose rows have come back, is stored again.

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
            "ANTI JOIN selections USING (selection_id, size)"
        )
        for table in ("subsets", "selections"):
            cursor.execute(f"DELETE FROM {identifier(table)} WHERE selection_id IN (FROM unseen)")
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
    unique = {row["selection_id"]: row for row in rows.to_pylist()}
    return [
        SelectionHeader(**{**row, "parameters": json.loads(row["parameters"])})
        for row in unique.values()
    ]


def purged(header: SelectionHeader, found: int) -> int:
    """Return how many rows a purge has taken of a selection of which `found` are left.

    A purge of single rows notes it in the header.
    """
    noted = sum(int(rows) for rows in _PURGED.findall(header.note))
    return max(noted, header.size - found)


def starting_with(lake: Lake, prefix: str) -> pa.Table:
    """Return id, dataset, method, budget and seed of the selections whose id starts so."""
    return lake.read(
        "SELECT selection_id, dataset, method, budget, seed FROM selections "
        "WHERE starts_with(selection_id, ?) GROUP BY ALL ORDER BY min(rowid)",
        [prefix.lower()],
    )


def find(lake: Lake, dataset: str, prefix: str) -> SelectionHeader:
    """Return the one selection of a dataset whose id starts with `prefix`.

    Raises
    ------
    ConfigError
        If the prefix is too short, or fits no selection of this dataset or several.
    """
    if len(prefix) < SHORTEST_PREFIX:
        raise ConfigError(
            f"Selection {prefix!r} is too short: give at least {SHORTEST_PREFIX} characters of "
            "its id."
        )
    fitting = starting_with(lake, prefix).to_pylist()
    own = [row for row in fitting if row["dataset"] == dataset]
    if not own and fitting:
        raise ConfigError(
            f"Selection {fitting[0]['selection_id']} is one of dataset {fitting[0]['dataset']}, "
            f"not of {dataset}."
        )
    if not own:
        raise ConfigError(
            f"{dataset} has no selection {prefix!r}. List those of a method with "
            f"`sluice diff {dataset} --method METHOD --budget BUDGET --history`."
        )
    if len(own) > 1:
        several = ", ".join(
            f"{row['selection_id']} ({row['method']} at {row['budget']}, seed {row['seed']})"
            for row in own[:10]
        )
        raise ConfigError(
            f"{prefix!r} fits {len(own)} selections of {dataset}: {several}. Give more "
            "characters of the one you mean."
        )
    return headers(lake, [own[0]["selection_id"]])[0]


def rows(lake: Lake, selection_id: str) -> pa.Table:
    """Return the kept rows of one selection with their contents, in rank order."""
    found = lake.read(
        "SELECT s.rank, s.instance_id, s.content_hash, c.text, c.label, s.gain, s.reason "
        "FROM subsets s LEFT JOIN contents c "
        "ON c.dataset = s.dataset AND c.content_hash = s.content_hash "
        "WHERE s.selection_id = ? ORDER BY s.rank",
        [selection_id],
    )
    return without_repeats(found, "rank")


def positions(lake: Lake, selection_ids: list[str], ids: list[str]) -> dict[str, np.ndarray]:
    """Return, per selection, the positions of its rows within `ids`, in rank order."""
    place = pa.table({"instance_id": pa.array(ids, pa.string()), "position": np.arange(len(ids))})
    wanted = pa.table({"selection_id": pa.array(selection_ids, pa.string())})
    found = lake.read(
        "SELECT s.selection_id, s.rank, p.position FROM subsets s "
        "SEMI JOIN wanted USING (selection_id) JOIN place p USING (instance_id) "
        "ORDER BY s.selection_id, s.rank",
        given={"place": place, "wanted": wanted},
    )
    found = without_repeats(found, "selection_id", "rank")
    keys = found["selection_id"].to_pylist()
    at = found["position"].to_numpy()
    starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
    ends = [*starts[1:], len(keys)][: len(starts)]
    return {keys[a]: at[a:b] for a, b in zip(starts, ends, strict=True)}
