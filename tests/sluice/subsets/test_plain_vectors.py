import numpy as np
import pytest

from sluice.core.errors import ConfigError, DataError
from sluice.subsets.clustered.plain_vectors import position_ids, vectors, whole


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([1.0, 2.0], r"have shape \(2,\)"),
        (np.empty((0, 3)), r"have shape \(0, 3\)"),
        ([["a"]], "are not numbers but <U1"),
        ([[1.0], [np.nan]], "row 1 is not finite"),
    ],
)
def test_wrong_vectors(given, says):
    with pytest.raises(DataError, match=f"Embeddings.*{says}"):
        vectors("Embeddings", given)


def test_vectors_and_ids():
    rows = vectors("Embeddings", [[1, 2], [3, 4]])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[1, 2], [3, 4]]
    assert position_ids(3).tolist() == ["0", "1", "2"]


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "2", None])
def test_wrong_counts(value):
    with pytest.raises(ConfigError, match=r"k is .*; give a whole number of 1 or more"):
        whole("k", value)


def test_counts():
    assert whole("k", np.int64(3)) == 3
