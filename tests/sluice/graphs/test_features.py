import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.graphs.features import FeatureRows, feature_rows

ROWS = st.lists(st.lists(st.sampled_from("abcde"), max_size=4), max_size=9)


def lists_of(features: FeatureRows):
    pairs = zip(features.begin[:-1].tolist(), features.begin[1:].tolist(), strict=True)
    return [[features.names[code] for code in features.codes[b:e]] for b, e in pairs]


@given(ROWS, st.data())
def test_rows_come_back_in_any_order(rows, data):
    features = feature_rows(rows)
    assert len(features) == len(rows)
    assert lists_of(features) == [sorted(set(row)) for row in rows]
    assert features.names == tuple(sorted({name for row in rows for name in row}))
    positions = data.draw(st.lists(st.integers(0, len(rows) - 1))) if rows else []
    part = features.of(np.array(positions, dtype=np.int64))
    assert lists_of(part) == [sorted(set(rows[p])) for p in positions]
    assert part.names == features.names
    assert part.rows.tolist() == [r for r, p in enumerate(positions) for _ in set(rows[p])]


@given(ROWS)
def test_rows_without_a_feature_share_one(rows):
    full = feature_rows(rows).with_empty("none")
    assert lists_of(full) == [sorted(set(row)) or ["none"] for row in rows]


def test_bad_features():
    with pytest.raises(DataError, match="row 1 are 'ab'"):
        feature_rows([["a"], "ab"])
    with pytest.raises(DataError, match="row 0"):
        feature_rows([[3]])
