import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_losses import plain_noise

from sluice.core.errors import ConfigError
from sluice.language.noise import Noise, noise_keys, noise_of, noise_scale

CPU = torch.device("cpu")


def key_of(seed: int, name: str, copy: int) -> int:
    return int(noise_keys(seed, [name], np.array([copy]))[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**40), st.text(max_size=5), st.integers(1, 40), st.integers(1, 4))
def test_numbers_are_those_of_the_keyed_hash(seed, name, copy, width):
    noise = Noise(key_of(seed, name, copy), noise_scale(5.0, 6, width))
    found = noise_of([noise], 6, width, CPU)[0].numpy()
    np.testing.assert_array_equal(found, plain_noise(seed, name, copy, 6, width, 5.0))


def test_it_is_uniform_between_minus_and_plus_alpha_over_root_of_the_size():
    tokens, width = 300, 64
    scale = noise_scale(5.0, tokens, width)
    assert scale == pytest.approx(5 / np.sqrt(tokens * width))
    values = noise_of([Noise(key_of(0, "a", 1), scale)], tokens, width, CPU).numpy().ravel()
    unit = values / scale
    assert np.abs(unit).max() < 1
    assert abs(unit.mean()) < 4 / np.sqrt(3 * len(unit))
    counts, _ = np.histogram(unit, bins=20, range=(-1, 1))
    expected = len(unit) / 20
    # chi-squared with 19 degrees of freedom: above 50 once in ten thousand
    assert ((counts - expected) ** 2 / expected).sum() < 50
    assert abs(np.corrcoef(unit[:-1], unit[1:])[0, 1]) < 4 / np.sqrt(len(unit))


def test_rows_copies_and_seeds_have_their_own_noise_whatever_the_batch():
    names = [(0, "a", 1), (0, "a", 2), (0, "b", 1), (1, "a", 1)]
    noises = [Noise(key_of(*name), 1.0) for name in names]
    batch = noise_of([*noises, None], 9, 5, CPU).numpy()
    for i, noise in enumerate(noises):
        np.testing.assert_array_equal(batch[i, :4], noise_of([noise], 4, 5, CPU)[0].numpy())
        for j in range(i):
            assert not np.isclose(batch[i], batch[j]).any(axis=1).any()
    assert not batch[4].any()


def test_a_response_alone_has_its_slice_and_a_start_token_none():
    key = key_of(3, "row", 2)
    whole = noise_of([Noise(key, 0.5)], 10, 4, CPU)[0].numpy()
    alone = noise_of([Noise(key, 0.5, offset=6)], 4, 4, CPU)[0].numpy()
    np.testing.assert_array_equal(alone, whole[6:])
    started = noise_of([Noise(key, 0.5, offset=5, bare=1)], 5, 4, CPU)[0].numpy()
    np.testing.assert_array_equal(started[1:], whole[6:])
    assert not started[0].any()


def test_copy_and_id_cannot_be_mixed_up():
    assert key_of(0, "1:a", 1) != key_of(0, "a", 11)
    assert key_of(0, ":a", 1) != key_of(0, "a", 1)


@pytest.mark.parametrize("alpha", [-1.0, float("nan"), float("inf")])
def test_a_size_that_is_none_is_refused(alpha):
    with pytest.raises(ConfigError, match="alpha"):
        noise_scale(alpha, 10, 10)
