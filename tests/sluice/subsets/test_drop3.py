import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instance_selection import (
    blobs,
    grids,
    majority,
    own_size,
    pool_of,
    ranked_others,
    squared,
    without_noise,
)
from sklearn.neighbors import KNeighborsClassifier

from sluice.subsets.instance_selection.drop3 import drop3


def naive(rows, labels, k):
    """Wilson and Martinez's rule with every list sorted anew at every visit."""
    table = without_noise(rows, labels, k)
    left, dropped = set(table), []

    def enemy(i):
        found = [squared(rows[i], rows[j]) for j in table if labels[j] != labels[i]]
        return min(found, default=np.inf)

    def right(i, among):
        return majority([labels[j] for j in ranked_others(rows, i, among)[:k]]) == labels[i]

    def associates(p):
        return [a for a in table if a != p and p in ranked_others(rows, a, left)[: k + 1]]

    for p in sorted(table, key=lambda i: (-enemy(i), i)):
        with_it = sum(right(a, left) for a in associates(p))
        without = sum(right(a, left - {p}) for a in associates(p))
        if without >= with_it:
            left.remove(p)
            dropped.append(p)
    return left, dropped, {p: len(associates(p)) for p in left}


@settings(max_examples=60, deadline=None)
@given(grids(most=22), st.integers(1, 4))
def test_is_the_naive_rule_with_ties(table, k):
    rows, labels = table
    left, _, associates = naive(rows, labels, k)
    pool = pool_of(rows, labels)
    assert own_size(drop3, pool, n_neighbors=k) == left
    picks = drop3(pool, None, 0, n_neighbors=k)
    assert picks.gains.tolist() == [associates[p] for p in picks.positions.tolist()]


@pytest.mark.parametrize(("n", "classes", "k"), [(90, 2, 3), (80, 4, 1), (70, 3, 5)])
def test_is_the_naive_rule_on_blobs(n, classes, k):
    rows, labels = blobs(n, 3, classes, n)
    left, dropped, _ = naive(rows, labels, k)
    pool = pool_of(rows, labels)
    assert own_size(drop3, pool, n_neighbors=k) == left
    # what was dropped last comes back first, noise last of all
    order = drop3(pool, n, 0, n_neighbors=k).positions.tolist()
    noise = set(range(n)) - left - set(dropped)
    for c in range(classes):
        tail = [p for p in order if labels[p] == c and p not in left]
        expected = [p for p in reversed(dropped) if labels[p] == c]
        assert tail[: len(expected)] == expected
        assert set(tail[len(expected) :]) == {p for p in noise if labels[p] == c}


def test_a_small_set_that_still_classifies_the_rest():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 150)
    rows = (rng.normal(size=(300, 2)) + 3.5 * labels[:, None]).astype(np.float32)
    kept = sorted(own_size(drop3, pool_of(rows, labels)))
    assert len(kept) < 60
    model = KNeighborsClassifier(3).fit(rows[kept], labels[kept])
    assert model.score(rows, labels) > 0.96


def test_reasons():
    pool = pool_of([0, 1, 2, 3, 1.4, 9, 10, 11, 12], [0, 0, 0, 0, 1, 1, 1, 1, 1])
    picks = drop3(pool, 9, 0)
    said = dict(zip(picks.positions.tolist(), picks.reasons, strict=True))
    assert said[4].startswith("Dropped as noise, 0 of its 3 nearest rows agree: put back")
    assert all("of the 4 nearest rows of" in said[p] for p in said if p != 4)
