import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.tokens.masking import mask_tokens

SPECIALS = np.arange(5)
VOCABULARY = 1000


def some_blocks(seed, rows, width):
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, VOCABULARY, (rows, width))
    ids[:, 0], ids[:, -1] = 2, 3
    ids[-1, width // 2 :] = 0
    return ids, np.array([f"block {row}" for row in range(rows)])


def masked(ids, names, seed=0, epoch=0, **options):
    options = {"mask_id": 4, "special_ids": SPECIALS, "vocab_size": VOCABULARY, **options}
    return mask_tokens(ids, names, seed=seed, epoch=epoch, **options)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 9))
def test_shares_and_labels(data_seed, seed, epoch):
    ids, names = some_blocks(data_seed, 100, 128)  # 12,000 tokens and more
    before = ids.copy()
    inputs, labels = masked(ids, names, seed, epoch)
    assert np.array_equal(ids, before)
    chosen, special = labels != -100, np.isin(ids, SPECIALS)
    assert not (chosen & special).any()
    assert chosen.sum() / (~special).sum() == pytest.approx(0.15, abs=0.01)
    assert np.array_equal(labels[chosen], ids[chosen])
    assert np.array_equal(inputs[~chosen], ids[~chosen])
    hidden = inputs[chosen] == 4
    changed = ~hidden & (inputs[chosen] != ids[chosen])
    assert hidden.mean() == pytest.approx(0.8, abs=0.05)
    assert changed.mean() == pytest.approx(0.1, abs=0.04)
    assert not np.isin(inputs[chosen][changed], SPECIALS).any()
    assert inputs.max() < VOCABULARY


def test_random_tokens_are_spread_over_the_vocabulary():
    ids, names = some_blocks(1, 1000, 128)
    inputs, labels = masked(ids, names)
    drawn = inputs[(labels != -100) & (inputs != 4) & (inputs != ids)]
    assert len(drawn) > 1500
    assert drawn.mean() == pytest.approx((5 + 999) / 2, abs=25)
    assert len(np.unique(drawn)) > 700


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(1, 40), st.floats(0.01, 0.99))
def test_the_number_of_a_block_is_the_share_rounded(rows, width, share):
    ids = np.full((rows, width), 9)
    _, labels = masked(ids, np.array([str(r) for r in range(rows)]), share=share)
    count = (labels != -100).sum(axis=1)
    assert ((count >= np.floor(share * width)) & (count <= np.ceil(share * width))).all()


def test_the_draw_depends_on_seed_block_and_epoch_alone():
    ids, names = some_blocks(0, 12, 64)
    inputs, labels = masked(ids, names)
    part = np.array([7, 2, 5])
    again = masked(ids[part], names[part])
    assert np.array_equal(again[0], inputs[part])
    assert np.array_equal(again[1], labels[part])
    for other in ({"seed": 1}, {"epoch": 1}):
        assert not np.array_equal(masked(ids, names, **other)[1], labels)
    same = np.tile(ids[:1], (2, 1))
    assert not np.array_equal(*masked(same, np.array(["a", "b"]))[1])


def test_nothing_and_bad_input():
    assert masked(np.zeros((0, 8)), np.array([], dtype=str))[0].shape == (0, 8)
    ids, names = some_blocks(0, 3, 16)
    only_special = masked(np.full((1, 9), 3), np.array(["a"]))
    assert (only_special[1] == -100).all()
    with pytest.raises(DataError, match="a name each"):
        masked(ids, names[:2])
    with pytest.raises(DataError, match="not 0 to 10"):
        masked(ids, names, vocab_size=10)
    with pytest.raises(ConfigError, match="share is 1"):
        masked(ids, names, share=1)
    with pytest.raises(ConfigError, match="not among the special"):
        masked(ids, names, mask_id=9)
    with pytest.raises(ConfigError, match="nothing to predict"):
        masked(ids, names, special_ids=np.arange(VOCABULARY))
