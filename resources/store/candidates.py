"""What sources answer to items, draw by draw, keyed by a digest of all behind an answer."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from resources.lake import Lake
from sluice.core.digests import digest

_COLUMNS = "item, candidate, source, draw, input_hash, content, cost"
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("item", "source")),
        ("draw", pa.int64()),
        *((name, pa.string()) for name in ("input_hash", "content")),
        ("cost", pa.float64()),
    ]
)


def candidate_hashes(
    text_hashes: Sequence[str], sources: Sequence[str], draws: Sequence[int]
) -> list[str]:
    """Return the keys of answers: of the item's text, without its gold, of who answers and draw."""
    parts = zip(text_hashes, sources, draws, strict=True)
    return [digest("candidates", text, source, str(draw)) for text, source, draw in parts]


def append(lake: Lake, dataset: str, answers: pa.Table) -> None:
    """Store answers that are not there yet; one that is keeps its first content.

    Parameters
    ----------
    lake : Lake
    dataset : str
    answers : pyarrow.Table
        See `SCHEMA`; NULL for a content where a source gave none. The beginning of its key becomes
        the candidate's id.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("shard", answers.select(SCHEMA.names).cast(SCHEMA))
        cursor.execute(
            "INSERT INTO candidates SELECT DISTINCT ON (item, input_hash) ?, item, "
            "input_hash[:16], source, draw, input_hash, content, cost FROM shard "
            "ANTI JOIN (FROM candidates WHERE dataset = ?) known USING (item, input_hash) "
            "ORDER BY item, input_hash",
            [dataset, dataset],
        )

    lake.write(work)


def read(lake: Lake, dataset: str, wanted: pa.Table) -> pa.Table:
    """Return the stored ones of the wanted answers, in the order of item, source and draw.

    Parameters
    ----------
    lake : Lake
    dataset : str
    wanted : pyarrow.Table
        item, input_hash.

    Returns
    -------
    pyarrow.Table
        item, candidate, source, draw, input_hash, content, cost.
    """
    return lake.read(
        f"SELECT DISTINCT ON (source, draw, item, input_hash) {_COLUMNS} FROM candidates "
        "SEMI JOIN wanted USING (item, input_hash) WHERE dataset = ? "
        "ORDER BY item, source, draw, input_hash, content",
        [dataset],
        given={"wanted": wanted.select(["item", "input_hash"])},
    )
