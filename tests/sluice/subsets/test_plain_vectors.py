import numpy as np
import pytest

from sluice.core.errors import ConfigError
from sluice.subsets.clustered.plain_vectors import position_ids, whole


def test_ids_are_positions():
    assert position_ids(3).tolist() == ["0", "1", "2"]


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "2", None])
def test_wrong_counts(value):
    with pytest.raises(ConfigError, match=r"k is .*; give a whole number of 1 or more"):
        whole("k", value)


def test_counts():
    assert whole("k", np.int64(3)) == 3
