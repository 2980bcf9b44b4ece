"""What the defaults of the graphs amount to."""

import numpy as np

from sluice.graphs.instance_graphs.methods import build


def test_by_default_multilevel_has_the_edges_of_hash():
    """A threshold of 0.5 asks for agreement on 8 bits, which is a bucket of `hash`."""
    rows = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)
    ids = np.array([f"{i:03d}" for i in range(400)])
    one, other = build("hash", ids, rows), build("multilevel", ids, rows)
    assert len(one.neighbours) > 100
    assert np.array_equal(one.begin, other.begin)
    assert np.array_equal(one.neighbours, other.neighbours)
    assert not np.array_equal(one.weights, other.weights)
