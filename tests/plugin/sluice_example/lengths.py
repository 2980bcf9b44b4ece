"""An input: the number of characters of each row."""

import numpy as np

from sluice.core.errors import DataError
from sluice.subsets.inputs import Input


def check(value, ids, method):
    lengths = np.asarray(value, dtype=np.int64)
    if lengths.shape != ids.shape:
        raise DataError(
            f"Lengths have shape {lengths.shape}; give one for each of {len(ids)} rows."
        )
    return lengths


INPUT = Input(
    key="lengths",
    remedy="give the texts of the rows",
    check=check,
    take=lambda value, positions: value[positions],
    make=lambda rows, options: [len(text) for text in rows.texts],
)
