from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from sluice.data.config.sections import Encoding
from sluice.encoders.tabular import TabularEncoder
from sluice.encoders.tabular_categories import bucket


def drift(before: list[Any], after: list[Any], **config: Any) -> float:
    def texts(values: list[Any]) -> list[str]:
        # A second column keeps a constant one from being the only one.
        return [json.dumps({"a": value, "z": at % 2}) for at, value in enumerate(values)]

    encoder = TabularEncoder.fit(texts(before), Encoding(**config))
    return encoder.drift(texts(after))["a"]


def test_the_mean_moves_by_standard_deviations():
    before = np.random.default_rng(0).normal(5, 2, 400)
    after = before + 0.3 * before.std()
    assert drift(before.tolist(), after.tolist()) == pytest.approx(0.3, rel=1e-9)
    dates = [f"2024-01-{day:02}" for day in range(1, 29)]
    later = [f"2024-02-{day:02}" for day in range(1, 29)]
    assert drift(dates, later) == pytest.approx(31 / np.arange(28).std(), rel=1e-9)


def test_the_spread_changes_by_its_logarithm():
    before = np.random.default_rng(1).normal(0, 1, 401)
    before -= before.mean()
    assert drift(before.tolist(), (before * 3).tolist()) == pytest.approx(math.log(3), rel=1e-9)
    assert drift(before.tolist(), (before / 3).tolist()) == pytest.approx(math.log(3), rel=1e-9)
    assert drift([1.0, 2.0], [1.5, 1.5]) == 1e3
    assert 20 < drift([1.0, 2.0], [1e300, -1e300]) <= 1e3
    assert drift([1.0, 2.0], [1e300, 1.7e308]) == 1e3


def test_values_go_missing():
    assert drift([1, 2, 1, 2], [1, 2, None, None]) == 0.5
    assert drift([1, 2, 1, 2], ["x", "y", None, None]) == 1.0
    assert drift([None, None], [1, 2]) == 1.0


def test_categories_by_total_variation():
    assert drift(["x", "y"], ["x", "y", "x", "y"]) == 0.0
    assert drift(["x", "y"], ["x", "x"]) == 0.5
    assert drift(["x", "y"], ["u", "v"]) == 1.0
    assert drift(["x", "x", "y", None], ["x", "x", "new", None]) == 0.25
    assert drift(["x", "y"], ["x", "x"], categorical="ordinal") == 0.5
    assert drift([True, False], [True, True]) == 0.5


def test_hashed_categories_by_their_buckets():
    before = [f"t{i}" for i in range(12)]
    after = [f"u{i}" for i in range(12)]
    shares = [
        np.bincount([bucket("a", key, 4) for key in keys], minlength=4) / 12
        for keys in (before, after)
    ]
    expected = np.abs(shares[0] - shares[1]).sum() / 2
    found = drift(before, after, hash_above=3, hash_buckets=4)
    assert found == pytest.approx(expected)
    assert expected > 0


def test_a_constant_column_that_comes_to_vary():
    assert drift([3, 3], [3, 3, 3, 3]) == 0.0
    assert drift([3, 3], [3, 3, 3, 4]) == 0.25
    assert drift(["x", "x"], ["x", "y"]) == 0.5
