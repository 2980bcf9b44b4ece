"""What a numeric, boolean or date column becomes: standardised features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sluice.encoders.tabular_cells import Cells, Profile, as_numbers, observed
from sluice.encoders.tabular_scale import Scale

DAY = 86_400
MISSING = "missing"


@dataclass(frozen=True)
class NumberColumn:
    """A numeric, boolean or date column, fitted on training rows.

    Attributes
    ----------
    name : str
    kind : str
        ``"numeric"``, ``"boolean"`` or ``"date"``.
    missing : float
        Share of the training rows without a value.
    fill : float
        Median of the values, which stands for a missing one.
    values : Scale or None
        Of the values alone, to measure drift; None where there was none.
    features : dict of str to Scale
        By part: ``""`` for numbers and truths; ``days`` (since 1970), ``year``, ``month``,
        ``weekday`` (Monday 0) and ``hour`` for dates; and ``missing``, 1 where there is no
        value. Parts that were constant are left out.
    """

    name: str
    kind: str
    missing: float
    fill: float
    values: Scale | None
    features: dict[str, Scale]

    @classmethod
    def fit(cls, name: str, kind: str, profile: Profile, rows: int) -> NumberColumn:
        """Learn the fill and the scales from the profile of the training rows."""
        present = observed(profile, kind)
        if not len(present):
            return cls(name, kind, 1.0, 0.0, None, {})
        lacking = rows - len(present)
        fill = _median(present)
        filled = np.sort(np.concatenate([present, np.full(lacking, fill)]))
        scales = {part: Scale.of(np.sort(each)) for part, each in _parts(filled, kind).items()}
        scales[MISSING] = Scale.of_share(lacking / rows)
        kept = {part: scale for part, scale in scales.items() if not scale.constant}
        return cls(name, kind, lacking / rows, fill, Scale.of(present), kept)

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.features)

    @property
    def feature_names(self) -> list[str]:
        """Names such as ``age``, ``age (missing)`` and ``when:year``."""
        names = {"": self.name, MISSING: f"{self.name} ({MISSING})"}
        return [names.get(part, f"{self.name}:{part}") for part in self.features]

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """Return the features of some rows, shape (rows, width)."""
        values = as_numbers(cells, self.kind)
        missing = np.isnan(values)
        parts = _parts(np.where(missing, self.fill, values), self.kind)
        parts[MISSING] = missing.astype(np.float64)
        return np.stack([scale(parts[part]) for part, scale in self.features.items()], axis=1)


def _median(ordered: NDArray[np.float64]) -> float:
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    # Halved first, because the sum of two finite numbers may overflow.
    return float((middle / len(middle)).sum())


def _parts(values: NDArray[np.float64], kind: str) -> dict[str, NDArray[np.float64]]:
    """Return the features of finite values before they are standardised."""
    if kind != "date":
        return {"": values}
    seconds = np.floor(values).astype(np.int64).astype("datetime64[s]")
    days = seconds.astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    parts = {
        "year": months // 12 + 1970,
        "month": months % 12 + 1,
        # 1 January 1970 was a Thursday.
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": (seconds - days).astype(np.int64) // 3600,
    }
    return {"days": values / DAY} | {part: each.astype(np.float64) for part, each in parts.items()}
