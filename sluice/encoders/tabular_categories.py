"""What a column of categories becomes: a standardised feature each, hashed ones, or codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sluice.data.config.sections import Encoding
from sluice.encoders.tabular_cells import Cells, Profile, category
from sluice.encoders.tabular_scale import Scale


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories, fitted on training rows.

    Attributes
    ----------
    name : str
    shares : dict of str to float
        Share of the training rows in each category; in each bucket (``"0"``, ``"1"``, ...) where
        the column is hashed.
    missing : float
        Share of the training rows without a value.
    buckets : int
        How many; 0 where the column is not hashed.
    order : Scale or None
        Of the codes, for an ordinal column: the place of the category in `shares`, and the place
        after the last where none is. None for one feature a category or bucket.
    """

    name: str
    shares: dict[str, float]
    missing: float
    buckets: int
    order: Scale | None
    kind: str = "categorical"

    @classmethod
    def fit(cls, name: str, profile: Profile, rows: int, config: Encoding) -> CategoryColumn:
        """Learn the categories and their shares from the profile of the training rows."""
        counts, order, buckets = profile.keys(), None, 0
        lacking = rows - sum(counts.values())
        if config.categorical == "ordinal":
            counts = dict(sorted(counts.items(), key=lambda item: _rank(item[0])))
            codes = np.arange(len(counts) + 1, dtype=np.float64)
            order = Scale.of(np.repeat(codes, [*counts.values(), lacking]))
        elif len(counts) > config.hash_above:
            buckets = config.hash_buckets
            hashed = dict.fromkeys(map(str, range(buckets)), 0)
            for key, count in counts.items():
                hashed[str(bucket(name, key, buckets))] += count
            counts = hashed
        shares = {key: count / rows for key, count in counts.items()}
        return cls(name, shares, lacking / rows, buckets, order)

    @cached_property
    def _scales(self) -> dict[str | None, Scale]:
        """Scale of each feature by category or bucket, None being the missing ones."""
        every: dict[str | None, float] = {**self.shares, None: self.missing}
        scales = {key: Scale.of_share(share) for key, share in every.items()}
        return {key: scale for key, scale in scales.items() if not scale.constant}

    @property
    def width(self) -> int:
        """Number of features."""
        if self.order is not None:
            return 0 if self.order.constant else 1
        return len(self._scales)

    @property
    def feature_names(self) -> list[str]:
        """Names such as ``colour=red``, ``colour (missing)`` and, hashed, ``town#12``."""
        if self.order is not None:
            return [self.name] * self.width
        mark = "#" if self.buckets else "="
        return [
            f"{self.name} (missing)" if key is None else f"{self.name}{mark}{key}"
            for key in self._scales
        ]

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """Return the features of some rows, shape (rows, width).

        A category that no training row had is none of the known ones: zeros before they are
        standardised, and the mean for an ordinal column.
        """
        keys = [category(cell) for cell in cells]
        if self.order is not None:
            return self._codes(keys)
        slots = self._slots(keys)
        zeros, ones = np.zeros(1), np.ones(1)
        low = np.array([scale(zeros)[0] for scale in self._scales.values()], dtype=np.float32)
        high = np.array([scale(ones)[0] for scale in self._scales.values()], dtype=np.float32)
        made = np.tile(low, (len(keys), 1))
        hit = np.flatnonzero(slots >= 0)
        made[hit, slots[hit]] = high[slots[hit]]
        return made

    def _slots(self, keys: list[str | None]) -> NDArray[np.int64]:
        """Return which feature each row switches on, -1 for none."""
        places = {key: slot for slot, key in enumerate(self._scales)}
        if not self.buckets:
            return np.array([places.get(key, -1) for key in keys], dtype=np.int64)
        known: dict[str | None, int] = {None: places.get(None, -1)}
        for key in keys:
            if key is not None and key not in known:
                known[key] = places.get(str(bucket(self.name, key, self.buckets)), -1)
        return np.array([known[key] for key in keys], dtype=np.int64)

    def _codes(self, keys: list[str | None]) -> NDArray[np.float32]:
        assert self.order is not None
        codes: dict[str | None, int] = {key: code for code, key in enumerate(self.shares)}
        if self.missing:
            codes[None] = len(codes)
        values = np.array([codes.get(key, np.nan) for key in keys], dtype=np.float64)
        return np.nan_to_num(self.order(values), nan=0.0)[:, None]


def bucket(column: str, key: str, buckets: int) -> int:
    """Return the bucket of a category: BLAKE2b of column and category, modulo `buckets`."""
    hashed = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, person=b"bucket")
    hashed.update(b"\0" + column.encode("utf-8", "surrogatepass"))
    return int.from_bytes(hashed.digest(), "little") % buckets


def _rank(key: str) -> tuple[bool, float, str]:
    """Order numbers by size before words by code point."""
    try:
        return False, float(key), key
    except ValueError:
        return True, 0.0, key
