import numpy as np
import pytest
import torch

from sluice.core.errors import ConfigError
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.scores.graph_attention.gat import GatConfig, masked_loss, validation_mask
from sluice.scores.graph_attention.gat_training import Table, read, train
from sluice.scores.graph_attention.subgraph_batches import packs_of


def table(n=90, parts=1, pack=2048, labels=None):
    """A few rings of rows in two classes."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2 if labels is None else labels
    rows = (rng.normal(size=(n, 5)) + y[:, None]).astype(np.float32)
    part = np.arange(n) * parts // n
    ids = np.array([f"{i:04d}" for i in range(n)])
    after = (np.arange(n) + 1) % n
    inside = part == part[after]
    sources, targets = np.flatnonzero(inside), after[inside]
    graph = InstanceGraph.of_edges(ids, sources, targets, np.ones(len(sources)), part)
    packs = packs_of(graph, pack=pack)
    return Table(rows, y, 2, np.arange(n) % 3, rng.random(n), packs)


def probabilities(data, **options):
    config = GatConfig(**{"epochs": 12, **options})
    return read(data, train(data, config, "cpu"), "cpu").probabilities


def test_a_network_never_sees_the_labels_of_its_fold():
    """Nor do the networks that are trained beside it leak them."""
    data = table()
    flipped = data.labels.copy()
    flipped[data.fold_of == 1] ^= 1
    before = probabilities(data)
    after = probabilities(Table(**{**vars(data), "labels": flipped}))
    own = data.fold_of == 1
    np.testing.assert_allclose(after[own], before[own], atol=1e-6)
    assert np.abs(after[~own] - before[~own]).max() > 0.01


@pytest.mark.parametrize("pack", [2048, 30])
def test_the_same_bits_every_time(pack):
    one, other = (probabilities(table(parts=3, pack=pack)) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert probabilities(table(parts=3, pack=pack), seed=1).tobytes() != one.tobytes()


def test_reading_does_not_depend_on_how_rows_are_packed():
    whole, parted = table(parts=3), table(parts=3, pack=30)
    assert (len(whole.packs), len(parted.packs)) == (1, 3)
    weights = train(whole, GatConfig(epochs=5), "cpu")
    one, other = read(whole, weights, "cpu"), read(parted, weights, "cpu")
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    for a, b in zip(one.received, other.received, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_received_attention_adds_up_to_what_is_not_kept():
    data = table()
    found = read(data, train(data, GatConfig(epochs=3), "cpu"), "cpu")
    assert [layer.shape for layer in found.received] == [(4, 90), (1, 90)]
    for layer in found.received:
        assert (layer >= 0).all()
        assert (layer.sum(axis=1) < 90).all(), "the rest is paid to oneself"
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_silencing_a_head_changes_the_answer():
    data = table()
    weights = train(data, GatConfig(epochs=3), "cpu")
    whole = read(data, weights, "cpu").probabilities
    for head in range(4):
        without = read(data, weights, "cpu", silenced=(0, head)).probabilities
        assert np.abs(without - whole).max() > 1e-4


def test_epochs_fall_as_packs_grow_but_not_below_ten():
    config = GatConfig()
    found = [config.epochs_for(packs) for packs in (1, 10, 20, 100, 147, 200, 1000)]
    assert found == [200, 200, 100, 20, 13, 10, 10]
    assert GatConfig(epochs=7).epochs_for(1) == 7


def test_narrow_tables_are_not_dropped_out():
    config = GatConfig()
    assert [config.dropout(d) for d in (2, 20, 21)] == [0, 0, 0.5]
    assert [config.learning_rate(d) for d in (20, 21)] == [2e-2, 5e-3]
    assert [config.patience(d) for d in (20, 21)] == [100, 20]


@pytest.mark.parametrize("wrong", [{"networks": 1}, {"epochs": 0}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="at least"):
        GatConfig(**wrong)


def test_validation_takes_a_tenth_of_the_labels_seen():
    chance = np.random.default_rng(0).random(3000)
    fold = np.arange(3000) % 3
    learn, watch = validation_mask(fold, chance, 3)
    for k in range(3):
        assert not (learn[k] & watch[k]).any()
        assert np.array_equal(learn[k] | watch[k], fold != k)
        assert np.array_equal(watch[k], (fold != k) & (chance < 0.1))


def test_few_rows_serve_for_both():
    learn, watch = validation_mask(np.array([0, 1, 2]), np.full(3, 0.5), 3)
    expected = ~np.eye(3, dtype=bool)
    assert np.array_equal(learn, expected)
    assert np.array_equal(watch, expected)


def test_loss_is_the_cross_entropy_of_the_rows_of_the_mask():
    logits = torch.log(torch.tensor([[[0.25, 0.75], [0.5, 0.5]], [[0.1, 0.9], [0.8, 0.2]]]))
    mask = torch.tensor([[True, False], [True, True]])
    total, count = masked_loss(logits, torch.tensor([1, 0]), mask)
    np.testing.assert_allclose(total, [-np.log(0.75), -np.log(0.9) - np.log(0.8)], rtol=1e-6)
    assert count.tolist() == [1, 2]
