import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.core.randomness import keyed_uniform
from sluice.tokens.blocks import make_blocks


def stream_of(blocks, first=2, separator=3):
    """The joined texts: what the blocks hold without their own special tokens."""
    tokens = []
    for row, length in zip(blocks.ids.tolist(), blocks.lengths.tolist(), strict=True):
        assert row[0] == first
        assert row[length - 1] == separator
        assert set(row[length:]) <= {0}
        tokens += row[1 : length - 1]
    return [token for token in tokens if token != separator]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text("abc xyz", max_size=30), min_size=30, max_size=60),
    st.integers(3, 40),
    st.integers(0, 5),
)
def test_every_token_is_in_one_block_and_held_out_texts_are_apart(tokenizer, texts, length, seed):
    # letters say which side a text is on: of the held out all are digits
    ids = [f"id {row:03d}" for row in range(len(texts))]
    out = keyed_uniform(seed, np.array(ids)) < 0.3
    texts = [f"1{len(t)}" if o else f"a{t}" for t, o in zip(texts, out, strict=True)]
    if out.all() or not out.any():
        return
    train, held = make_blocks(tokenizer, texts, ids, length=length, held_out=0.3, seed=seed)
    assert (train.texts, held.texts) == ((~out).sum(), out.sum())
    for blocks, side in ((train, ~out), (held, out)):
        assert blocks.ids.shape == (len(blocks), length)
        joined = [
            token
            for text, mine in zip(texts, side, strict=True)
            if mine
            for token in tokenizer(text, add_special_tokens=False)["input_ids"]
        ]
        assert stream_of(blocks) == joined
    assert tokenizer.convert_tokens_to_ids("a") not in held.ids  # every other text begins so
    order = np.random.default_rng(0).permutation(len(texts))
    again = make_blocks(
        tokenizer,
        [texts[i] for i in order],
        [ids[i] for i in order],
        length=length,
        held_out=0.3,
        seed=seed,
    )
    assert np.array_equal(again[0].ids, train.ids)
    assert again[0].names.tolist() == train.names.tolist()


def test_a_text_stays_where_it_is_when_others_come(tokenizer):
    ids = [f"{row}" for row in range(200)]
    few = make_blocks(tokenizer, ["a"] * 100, ids[:100], held_out=0.2)
    many = make_blocks(tokenizer, ["a"] * 200, ids, held_out=0.2)
    out = keyed_uniform(0, np.array(ids)) < 0.2
    assert few[1].texts == out[:100].sum()
    assert many[1].texts == out.sum()


def test_bad_input(tokenizer):
    with pytest.raises(DataError, match="held out hold no token"):
        make_blocks(tokenizer, ["a"], ["1"])
    with pytest.raises(DataError, match="trained on hold no token"):
        make_blocks(tokenizer, ["a"], ["1"], held_out=0.9999999)
    with pytest.raises(DataError, match="occurs twice"):
        make_blocks(tokenizer, ["a", "b"], ["1", "1"])
    with pytest.raises(DataError, match="one id a text"):
        make_blocks(tokenizer, ["a", "b"], ["1"])
    with pytest.raises(ConfigError, match="length is 2"):
        make_blocks(tokenizer, ["a"], ["1"], length=2)
    with pytest.raises(ConfigError, match="held_out is 0"):
        make_blocks(tokenizer, ["a"], ["1"], held_out=0)
    with pytest.raises(ConfigError, match="no cls_token_id"):
        make_blocks(object(), ["a"], ["1"])
