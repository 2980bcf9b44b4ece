"""What the model of each round of labelling said of a stop set: append-only."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from resources.lake import Lake


@dataclass(frozen=True)
class Round:
    """One state of a dataset's labels, and the classes that its model predicted.

    Attributes
    ----------
    round : str
        Digest of the labelled rows.
    labelled : int
        Their number.
    predicted : dict of str to str
        Class by instance id.
    """

    round: str
    labelled: int
    predicted: dict[str, str]


def append(lake: Lake, dataset: str, made: Round) -> None:
    """Store a round; one that is there already stays as it is."""
    said = pa.table(
        {
            "instance_id": pa.array(made.predicted.keys(), pa.string()),
            "predicted": pa.array(made.predicted.values(), pa.string()),
        }
    )

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.register("said", said)
        cursor.execute(
            "INSERT INTO label_rounds SELECT ?, ?, ?, instance_id, predicted, now() FROM said "
            "WHERE NOT EXISTS (FROM label_rounds WHERE dataset = ? AND round = ?)",
            [dataset, made.round, made.labelled, dataset, made.round],
        )

    lake.write(work)


def read(lake: Lake, dataset: str) -> list[Round]:
    """Return the rounds of a dataset, oldest first."""
    found = lake.read(
        "SELECT round, any_value(labelled) AS labelled, list(instance_id) AS ids, "
        "list(predicted) AS predicted FROM label_rounds WHERE dataset = ? "
        "GROUP BY round ORDER BY min(rowid)",
        [dataset],
    ).to_pylist()
    return [
        Round(row["round"], row["labelled"], dict(zip(row["ids"], row["predicted"], strict=True)))
        for row in found
    ]
