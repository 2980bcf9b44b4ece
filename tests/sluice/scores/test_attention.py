import numpy as np

from sluice.scores.graph_attention.attention import attention, by_degree, by_layer

FIRST = np.array([[1.0, 0.0, 2.0, 0.0], [3.0, 0.0, 0.0, 0.0]])
SECOND = np.array([[0.0, 4.0, 0.0, 0.0]])


def test_mean_over_heads_then_over_layers():
    assert attention([FIRST, SECOND]).tolist() == [1.0, 2.0, 0.5, 0.0]


def test_by_degree_divides_and_an_isolated_row_stays_at_nothing():
    found = by_degree(attention([FIRST, SECOND]), np.array([2, 4, 1, 0]))
    assert found.tolist() == [0.5, 0.5, 0.5, 0.0]


def test_by_layer_gives_each_layer_the_same_say():
    found = by_layer([FIRST, SECOND])
    np.testing.assert_allclose(found, [1 / 3, 1 / 2, 1 / 6, 0])
    np.testing.assert_allclose(by_layer([5 * FIRST, SECOND]), found)
    assert by_layer([np.zeros((2, 4)), np.zeros((1, 4))]).tolist() == [0, 0, 0, 0]
