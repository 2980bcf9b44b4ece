import numpy as np
import pytest

from sluice.core.errors import DataError
from sluice.scores.response_quality import response_quality


def test_longer_and_harder_is_better_and_a_prompt_that_does_not_help_is_worth_nothing():
    ifd = np.array([0.5, 0.5, 0.9, 1.0, 1.3, np.nan])
    tokens = np.array([9.0, 99.0, 9.0, 50.0, 50.0, 1.0])
    found = response_quality(ifd, tokens)
    assert np.allclose(found[:5], [0.5 * np.log(10), 0.5 * np.log(100), 0.9 * np.log(10), 0, 0])
    assert np.isnan(found[5])
    with pytest.raises(DataError, match="one a row"):
        response_quality(ifd, tokens[:2])
