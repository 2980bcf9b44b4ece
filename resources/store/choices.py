"""What choosers decided: append-only, so that any choice ever made can be read back by its id."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from resources.lake import Lake
from resources.store.repeats import without_repeats
from sluice.core.errors import ConfigError

CHANGES = ("entered", "left", "changed", "stayed")
RIGHT = "right"
"""Kind of outcome: 1 where the choice is the gold answer, else 0."""
RANKED = pa.schema(
    [
        *(("item", pa.string()), ("content_hash", pa.string()), ("rank", pa.int64())),
        *(("candidate", pa.string()), ("weight", pa.float64()), ("score", pa.float64())),
        ("reason", pa.string()),
    ]
)
JUDGED = pa.schema([("split", pa.string()), ("instance_id", pa.string()), ("right", pa.float64())])
_RANKED = ", ".join(RANKED.names)
# Of each item the first candidate; `content` as it was when it was chosen.
_FIRST = (
    "SELECT DISTINCT ON (c.item) c.*, a.source, a.content FROM choices c LEFT JOIN candidates a "
    "ON a.dataset = c.dataset AND a.item = c.item AND a.candidate = c.candidate "
    "WHERE c.choice_id = ? AND c.rank = 1 ORDER BY c.item, a.content"
)


@dataclass(frozen=True)
class ChoiceHeader:
    """What decided, without what was decided."""

    choice_id: str
    dataset: str
    method: str
    seed: int


def append(lake: Lake, head: ChoiceHeader, ranked: pa.Table, outcomes: pa.Table) -> None:
    """Store one choice that is not there yet, or of which a purge has taken rows.

    Parameters
    ----------
    lake : Lake
    head : ChoiceHeader
    ranked : pyarrow.Table
        See `RANKED`; ranks from 1. An item without a candidate has one row of rank 1 whose
        candidate is NULL.
    outcomes : pyarrow.Table
        See `JUDGED`: 1 for right and 0 for wrong, of the items whose gold is known.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("ranked", ranked)
        cursor.register("judged", outcomes)
        cursor.execute("DELETE FROM choices WHERE choice_id = ?", [head.choice_id])
        cursor.execute("DELETE FROM outcomes WHERE evaluation_id = ?", [head.choice_id])
        cursor.execute(
            "INSERT INTO choices (choice_id, dataset, method, seed, item, content_hash, rank, "
            f"candidate, weight, score, reason) SELECT ?, ?, ?, ?, {_RANKED} FROM ranked "
            "ORDER BY item, rank",
            [head.choice_id, head.dataset, head.method, head.seed],
        )
        cursor.execute(
            "INSERT INTO outcomes (evaluation_id, dataset, split, instance_id, metric, value) "
            'SELECT ?, ?, split, instance_id, ?, ["right"::DOUBLE] FROM judged '
            "ORDER BY split, instance_id",
            [head.choice_id, head.dataset, RIGHT],
        )

    if not is_whole(lake, head.choice_id, ranked.num_rows, outcomes.num_rows):
        lake.write(work)


def is_whole(lake: Lake, choice_id: str, ranked: int, outcomes: int) -> bool:
    """Whether a choice is stored with so many rows, and its outcomes with so many."""
    counts = lake.read(
        "SELECT (SELECT count(DISTINCT (item, rank)) FROM choices WHERE choice_id = ?) AS c, "
        "(SELECT count(DISTINCT instance_id) FROM outcomes WHERE evaluation_id = ?) AS o",
        [choice_id, choice_id],
    ).to_pylist()[0]
    return counts == {"c": ranked, "o": outcomes}


def find(lake: Lake, dataset: str, prefix: str) -> ChoiceHeader:
    """Return the one choice of a dataset whose id starts with `prefix`.

    Raises
    ------
    ConfigError
        None does, or several do.
    """
    found = starting_with(lake, dataset, prefix)
    if len(found) != 1:
        raise ConfigError(
            f"{prefix!r} fits {len(found)} choices of {dataset}. Give the whole id of one, as the "
            "metadata of its asset shows it."
        )
    return found[0]


def starting_with(lake: Lake, dataset: str, prefix: str) -> list[ChoiceHeader]:
    """Return the choices of a dataset whose id starts so."""
    found = lake.read(
        "SELECT DISTINCT choice_id, dataset, method, seed FROM choices "
        "WHERE dataset = ? AND starts_with(choice_id, ?) ORDER BY choice_id",
        [dataset, prefix.lower()],
    )
    return [ChoiceHeader(**row) for row in found.to_pylist()]


def rows(lake: Lake, choice_id: str) -> pa.Table:
    """Return what was chosen for each item, in order of item.

    Returns
    -------
    pyarrow.Table
        item, text (of then), answer, source, score, reason.
    """
    found = lake.read(
        "SELECT f.item, t.text, f.content AS answer, f.source, f.score, f.reason "
        f"FROM ({_FIRST}) f LEFT JOIN contents t "
        "ON t.dataset = f.dataset AND t.content_hash = f.content_hash ORDER BY f.item",
        [choice_id],
    )
    return without_repeats(found, "item")


def outcomes(lake: Lake, choice_id: str, split: str) -> list[bool]:
    """Return whether the choice for each item of a split is right, in order of item."""
    found = lake.read(
        "SELECT instance_id, min(value[1]) AS right FROM outcomes "
        "WHERE evaluation_id = ? AND split = ? AND metric = ? GROUP BY ALL ORDER BY instance_id",
        [choice_id, split, RIGHT],
    )
    return [value == 1.0 for value in found["right"].to_pylist()]


def compare(lake: Lake, before: str, after: str) -> pa.Table:
    """Return every item of two choices of one dataset, with what became of it.

    Returns
    -------
    pyarrow.Table
        change (one of `CHANGES`; ``changed`` where the answer is another one), item, text, answer,
        source, reason, answer_before, source_before, reason_before. Sorted by change and item.
    """
    found = lake.read(
        f"WITH a AS ({_FIRST}), b AS ({_FIRST}) "
        "SELECT CASE WHEN b.item IS NULL THEN 'entered' WHEN a.item IS NULL THEN 'left' "
        "WHEN a.content IS DISTINCT FROM b.content THEN 'changed' ELSE 'stayed' END AS change, "
        "coalesce(a.item, b.item) AS item, t.text, a.content AS answer, a.source, a.reason, "
        "b.content AS answer_before, b.source AS source_before, b.reason AS reason_before "
        "FROM a FULL JOIN b ON a.item = b.item LEFT JOIN contents t "
        "ON t.dataset = coalesce(a.dataset, b.dataset) "
        "AND t.content_hash = coalesce(a.content_hash, b.content_hash) "
        "ORDER BY list_position(['entered', 'left', 'changed', 'stayed'], change), 2",
        [after, before],
    )
    return without_repeats(found, "item")
