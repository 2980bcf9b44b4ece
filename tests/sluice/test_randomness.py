from hashlib import blake2b

import numpy as np
from scipy import stats

from sluice.core.randomness import keyed_bits, keyed_sample, keyed_uniform, uniform_of

IDS = np.array([f"row {i}" for i in range(20_000)])


def test_bits_are_the_stated_hash():
    for seed, name in [(0, "row 3"), (-7, "é\ud800"), (12, "")]:
        digest = blake2b(f"{seed}:{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        assert int(keyed_bits(seed, np.array([name]))[0]) == int.from_bytes(digest, "little")


def test_a_draw_depends_on_its_own_id_and_seed_alone():
    draws = keyed_uniform(5, IDS)
    some = np.random.default_rng(0).permutation(20_000)[:100]
    assert np.array_equal(keyed_uniform(5, IDS[some]), draws[some])
    assert not np.array_equal(keyed_uniform(6, IDS), draws)


def test_draws_are_uniform_and_independent_over_steps_and_seeds():
    bits = keyed_bits(0, IDS)
    columns = [uniform_of(bits, step) for step in (0, 1, 2, 1000)] + [keyed_uniform(1, IDS)]
    for column in columns:
        assert column.min() > 0
        assert column.max() < 1
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    correlation = np.corrcoef(columns) - np.eye(5)
    assert np.abs(correlation).max() < 0.03


def test_draws_never_reach_zero_or_one():
    extremes = uniform_of(np.arange(2**16, dtype=np.uint64) << np.uint64(48))
    assert extremes.min() > 0
    assert extremes.max() < 1


def test_a_sample_changes_by_the_rows_that_come_and_go_alone():
    few = IDS[:200]
    drawn = set(few[keyed_sample(3, few, 20)])
    assert len(drawn) == 20
    without = np.array(sorted(set(few) - set(list(drawn)[:3])))
    again = set(without[keyed_sample(3, without, 20)])
    assert len(drawn & again) == 17
    assert keyed_sample(3, few, 500).tolist() == list(range(200))
