"""How far rows lie from those that an encoder was fitted on, column by column (ours)."""

from __future__ import annotations

import numpy as np

from sluice.encoders.tabular_categories import CategoryColumn, bucket
from sluice.encoders.tabular_cells import Profile, observed
from sluice.encoders.tabular_numbers import NumberColumn

MOST = 1e3
"""Drift ends here, so that it is always a number to write down."""


def column_drift(column: NumberColumn | CategoryColumn, profile: Profile, rows: int) -> float:
    """Return the drift of one column, 0 for the rows that it was fitted on.

    The largest of: change of the share without a value; for numbers and dates ``|mean - mean_0| /
    deviation_0`` and ``|log(deviation / deviation_0)|`` of the values; for categories and truths
    the total variation ``1/2 sum |p - p_0|`` of the shares, categories that are new included. Of
    a column that was constant: the share of its values that differ from the constant.

    Parameters
    ----------
    column : NumberColumn or CategoryColumn
    profile : Profile
        Of the rows in question.
    rows : int
        How many they are.

    Returns
    -------
    float
        From 0 to `MOST`.
    """
    if isinstance(column, CategoryColumn):
        return _of_categories(column, profile, rows)
    values = observed(profile, column.kind)
    missing = abs((rows - len(values)) / rows - column.missing)
    before = column.values
    if before is None or not len(values):
        return missing
    if before.constant:
        return max(missing, float((values != before.low).mean()))
    # Far beyond any threshold, and no square of it overflows.
    units = np.clip(before.units(values), -1e9, 1e9)
    shift = abs(float(units.mean()) - before.mean)
    if column.kind == "boolean":
        return max(missing, shift)
    if units[0] == units[-1]:
        return MOST
    spread = abs(float(np.log(units.std() / before.deviation)))
    return min(MOST, max(missing, shift / before.deviation, spread))


def _of_categories(column: CategoryColumn, profile: Profile, rows: int) -> float:
    now = dict.fromkeys(column.shares, 0.0)
    for key, count in profile.keys().items():
        name = str(bucket(column.name, key, column.buckets)) if column.buckets else key
        now[name] = now.get(name, 0.0) + count / rows
    missing = 1.0 - sum(profile.keys().values()) / rows
    apart = [abs(share - column.shares.get(key, 0.0)) for key, share in now.items()]
    return max(abs(missing - column.missing), (sum(apart) + abs(missing - column.missing)) / 2)
