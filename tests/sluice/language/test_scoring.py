import numpy as np
import pytest
import torch
from plain_losses import plain_losses, plain_noise

from sluice.core.errors import ConfigError, DataError
from sluice.language.checkpoint import Loaded
from sluice.language.scoring import token_losses

IDS = [f"row-{i}" for i in range(8)]


def table(shards):
    """(position, copy) to both arrays, each seen once."""
    found = {}
    for shard in shards:
        parts = (shard.positions, shard.copies, shard.conditional, shard.unconditional)
        for row, copy, given, alone in zip(*parts, strict=True):
            assert (row, copy) not in found
            found[int(row), int(copy)] = (given, alone)
    return found


def assert_close(found, expected, atol=1e-5):
    assert found.keys() == expected.keys()
    for job, arrays in expected.items():
        for one, other in zip(found[job], arrays, strict=True):
            np.testing.assert_allclose(one, other, atol=atol)


@pytest.mark.parametrize("name", ["tiny", "gpt2"])
def test_losses_are_those_of_a_row_with_its_noise_at_a_time(name, request, pairs):
    loaded = request.getfixturevalue(name)
    found = table(token_losses(loaded, IDS, pairs, copies=2, seed=7, shard_rows=3))
    expected = {}
    for row, pair in enumerate(pairs):
        for copy in range(3):
            noise = plain_noise(7, IDS[row], copy, len(pair), 32, 5.0 if copy else 0.0)
            p = len(pair.prompt)
            given = plain_losses(loaded.model, pair.prompt, pair.response, noise)
            expected[row, copy] = (given, plain_losses(loaded.model, [], pair.response, noise[p:]))
    assert_close(found, expected)
    # one token: no context, so no loss without the prompt
    assert all(len(found[7, copy][1]) == 0 for copy in range(3))


def test_a_start_token_gets_no_noise(tiny, pairs):
    class Started:
        """A tokenizer that puts a start token before a text."""

        def encode(self, text, add_special_tokens=True):
            return [*([1] if add_special_tokens else []), 70]

    found = table(token_losses(Loaded(tiny.model, Started()), IDS, pairs, copies=1))
    for row, pair in enumerate(pairs):
        noise = plain_noise(0, IDS[row], 1, len(pair), 32, 5.0)[len(pair.prompt) :]
        noise = np.concatenate([np.zeros((1, 32), np.float32), noise])
        expected = plain_losses(tiny.model, [1], pair.response, noise)
        np.testing.assert_allclose(found[row, 1][1], expected, atol=1e-5)


def test_batch_shard_order_and_company_change_nothing(tiny, pairs):
    expected = table(token_losses(tiny, IDS, pairs, copies=3, seed=1))
    options = [{"shard_rows": 1}, {"max_tokens": 1}, {"max_tokens": 130, "shard_rows": 5}]
    for each in options:
        assert_close(table(token_losses(tiny, IDS, pairs, copies=3, seed=1, **each)), expected)
    order = np.random.default_rng(0).permutation(8)
    moved = table(
        token_losses(tiny, [IDS[i] for i in order], [pairs[i] for i in order], copies=3, seed=1)
    )
    assert_close({(int(order[row]), copy): v for (row, copy), v in moved.items()}, expected)


def test_without_noise_all_copies_are_the_row(tiny, pairs):
    found = table(token_losses(tiny, IDS, pairs, copies=2, alpha=0.0))
    clean = table(token_losses(tiny, IDS, pairs, copies=0))
    assert clean.keys() == {(row, 0) for row in range(8)}
    assert_close(found, {(row, copy): clean[row, 0] for row in range(8) for copy in range(3)})


def test_copies_differ_and_follow_seed_and_id(tiny, pairs):
    base = table(token_losses(tiny, IDS, pairs, copies=2, seed=1))
    seeded = table(token_losses(tiny, IDS, pairs, copies=2, seed=2))
    renamed = table(token_losses(tiny, [f"{i}x" for i in IDS], pairs, copies=2, seed=1))
    for row in range(8):
        np.testing.assert_allclose(seeded[row, 0][0], base[row, 0][0], atol=1e-5)
        for other in (base[row, 2], base[row, 0], seeded[row, 1], renamed[row, 1]):
            assert np.abs(other[0] - base[row, 1][0]).max() > 1e-4


def test_only_the_jobs_that_are_asked_for_are_done(tiny, pairs):
    jobs = [(5, 2), (0, 0), (5, 0), (3, 17)]
    shards = list(token_losses(tiny, IDS, pairs, jobs=jobs, shard_rows=2))
    assert [len(shard) for shard in shards] == [3, 1]
    found = table(shards)
    every = table(token_losses(tiny, IDS, pairs, copies=17))
    assert_close(found, {job: every[job] for job in jobs})
    assert list(token_losses(tiny, IDS, pairs, jobs=[])) == []
    assert list(token_losses(tiny, [], [], copies=3)) == []


def test_shards_are_made_one_by_one_and_the_model_is_given_back(tiny, pairs):
    done = []
    shards = token_losses(
        tiny, IDS, pairs, copies=1, shard_rows=4, advance=lambda amount=1: done.append(amount)
    )
    first = next(shards)
    assert len(first) == 8
    assert done == [8]
    lengths = [len(pairs[row]) for row in first.positions]
    assert lengths == sorted(lengths, reverse=True)
    assert first.copies.tolist() == [0, 1] * 4
    assert min(lengths) >= max(len(pairs[row]) for row in set(range(8)) - {*first.positions})
    shards.close()
    assert not any("forward" in vars(module) for module in tiny.model.modules())


def test_out_of_memory_halves_the_batch_and_goes_on(tiny, pairs, monkeypatch):
    from sluice.language import losses

    expected = table(token_losses(tiny, IDS, pairs, copies=2))
    original, sizes = losses._hidden, []

    def small(reader, ids, passages):
        sizes.append(len(ids))
        if ids.numel() > 400:
            raise torch.OutOfMemoryError
        return original(reader, ids, passages)

    monkeypatch.setattr(losses, "_hidden", small)
    assert_close(table(token_losses(tiny, IDS, pairs, copies=2)), expected)
    assert max(sizes) > 4


def test_bad_input_is_refused_before_the_first_shard_is_asked_for(tiny, pairs):
    with pytest.raises(DataError, match="7 ids for 8 pairs"):
        token_losses(tiny, IDS[:7], pairs)
    with pytest.raises(DataError, match="job is of no row"):
        token_losses(tiny, IDS, pairs, jobs=[(8, 0)])
    with pytest.raises(DataError, match="job comes twice"):
        token_losses(tiny, IDS, pairs, jobs=[(1, 0), (1, 0)])
    with pytest.raises(DataError, match="shape"):
        token_losses(tiny, IDS, pairs, jobs=[1, 2, 3])
    with pytest.raises(ConfigError, match="copies of at least 0"):
        token_losses(tiny, IDS, pairs, copies=-1)
    with pytest.raises(ConfigError, match="alpha"):
        token_losses(tiny, IDS, pairs, alpha=-1.0)
    with pytest.raises(ConfigError, match="max_tokens"):
        token_losses(tiny, IDS, pairs, max_tokens=0)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_losses(tiny, pairs):
    import copy

    on_gpu = Loaded(copy.deepcopy(tiny.model).to("cuda"), tiny.tokenizer)
    found = table(token_losses(on_gpu, IDS, pairs, copies=2))
    assert_close(found, table(token_losses(tiny, IDS, pairs, copies=2)), atol=1e-3)
