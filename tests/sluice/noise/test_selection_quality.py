import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.noise.selection_quality import selection_quality


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_equals_counting(seed, n):
    rng = np.random.default_rng(seed)
    kept, right, audited = rng.uniform(size=(3, n)) < 0.5
    audited[rng.integers(n)] = False
    score = rng.integers(0, 4, n).astype(float)
    found = selection_quality(kept, right, score=score, audited=audited)
    rows = [i for i in range(n) if not audited[i]]
    hits = sum(kept[i] and right[i] for i in rows)
    chosen, good = sum(kept[i] for i in rows), sum(right[i] for i in rows)
    assert found.precision == pytest.approx(hits / chosen if chosen else np.nan, nan_ok=True)
    assert found.recall == pytest.approx(hits / good if good else np.nan, nan_ok=True)
    assert (found.rows, found.kept) == (len(rows), chosen)
    pairs = [(score[i], score[j]) for i in rows for j in rows if right[i] and not right[j]]
    wins = np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs]) if pairs else np.nan
    assert found.auc == pytest.approx(wins, nan_ok=True)
    # what is audited counts nowhere
    changed = selection_quality(
        np.where(audited, ~kept, kept), np.where(audited, ~right, right), score=score,
        audited=audited,
    )  # fmt: skip
    assert repr(changed) == repr(found)


def test_the_oracle_is_perfect():
    right = np.array([True, False, True])
    found = selection_quality(right, right, score=right.astype(float))
    assert (found.precision, found.recall, found.auc) == (1.0, 1.0, 1.0)
    assert np.isnan(selection_quality(right, right).auc)


def test_bad_input():
    mask = np.array([True, False])
    with pytest.raises(DataError, match="Every row is audited"):
        selection_quality(mask, mask, audited=[True, True])
    with pytest.raises(DataError, match="Scores have shape"):
        selection_quality(mask, mask, score=[0.1, np.nan])
    with pytest.raises(DataError, match="labels are right"):
        selection_quality(mask, [True])
