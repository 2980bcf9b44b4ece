"""Which tables were looked at while the methods were made, and which were not.

The division was fixed before anything here was run. A table is in `TUNING` when any figure about
it was known while the methods were designed: all tables of the peers' measurements and of the
prototype that led to `subset_search` (and KEEL's wdbc, which is scikit-learn's breast cancer;
digits is part of optdigits). Everything else is in `HELD_OUT`, which is looked at once, at the
end. Running a selector that is finished, or the models on all rows, needs no look.
"""

from __future__ import annotations

from benchmarks.tables.data import ROWS

TUNING = (
    "wine", "wdbc", "pima", "vehicle", "german", "digits", "segment", "splice", "spambase",
    "banana", "phoneme", "texture", "optdigits", "satimage", "ring", "twonorm", "penbased",
    "magic",
)  # fmt: skip

HELD_OUT = tuple(name for name in ROWS if name not in TUNING)
"""The other 22 of the 39 tables, and the flights."""

HALVES = {"tuning": TUNING, "held_out": HELD_OUT}

SMALL = 8_000
"""Tables up to so many rows get all ten folds and all methods; above, one fold and `SCALING`."""
