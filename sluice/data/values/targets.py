"""Labels of a table: written in one way, and refused where they are quantities."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable

import pyarrow as pa

from sluice.core.errors import DataError
from sluice.data.values.cells import json_cells

MOST_VALUES = 50
MOST_SHARE = 0.05
NUMERIC_SHARE = 0.9
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?")


def label_texts(column: pa.ChunkedArray | pa.Array, where: str) -> pa.ChunkedArray:
    """Write labels of any type as texts: ``1``, ``1.0`` and ``"1"`` are one class.

    Parameters
    ----------
    column : ChunkedArray or Array
    where : str
        File and column, for messages.

    Returns
    -------
    ChunkedArray of string
        As `sluice.data.values.cells.json_cells` writes them, without quotes; null where missing.

    Raises
    ------
    DataError
        See `json_cells`.
    """
    pieces: list[pa.Array] = []
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        coded = json_cells(chunk, where).dictionary_encode()
        plain = [json.loads(x) if x.startswith('"') else x for x in coded.dictionary.to_pylist()]
        pieces.append(pa.array(plain, pa.string()).take(coded.indices))
    return pa.chunked_array(pieces, pa.string())


def refuse_quantities(labels: Iterable[str], shown: str) -> None:
    """Raise where labels are quantities to predict (regression) and not classes.

    Ours: where nine in ten rows have a number as label, and one of the numbers is not whole, or
    there are more than 50 different ones that make up over 5 % of the rows.

    Parameters
    ----------
    labels : iterable of str
        As `label_texts` writes them.
    shown : str
        What holds them, for the message.

    Raises
    ------
    DataError
        With what to do.
    """
    counts = Counter(labels)
    rows = sum(counts.values())
    numbers = [label for label in counts if _NUMBER.fullmatch(label)]
    if sum(counts[label] for label in numbers) < NUMERIC_SHARE * rows or not numbers:
        return
    broken = sorted((label for label in numbers if not float(label).is_integer()), key=float)
    if broken:
        why = f"numbers that are not whole, such as {broken[0]}"
    elif len(numbers) > MOST_VALUES and len(numbers) > MOST_SHARE * rows:
        why = f"{len(numbers)} different numbers in {rows} rows"
    else:
        return
    raise DataError(
        f"{shown} holds {why}: a quantity to predict, and not a class. Sluice selects rows for "
        "classification. Put the quantity into classes first, such as low, middle and high; "
        "where the numbers are names of classes, write them as words, such as 'class 0.5'."
    )
