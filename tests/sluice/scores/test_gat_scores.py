import numpy as np
import pytest
from sklearn.datasets import make_moons

from sluice.core.errors import ConfigError, DataError
from sluice.graphs.instance_graphs.instance_graph import InstanceGraph
from sluice.graphs.instance_graphs.methods import build
from sluice.heads.out_of_fold import assign_folds
from sluice.scores.graph_attention.gat_scores import NAMES, gat_result
from sluice.scores.registry import SCORES, ScoreInputs


def content(rows, labels, seed=0):
    """Ids in an order of their own, the graph over them."""
    ids = np.array([f"{v:04d}" for v in np.random.default_rng(seed).permutation(len(rows))])
    rows, labels = np.asarray(rows, dtype=np.float32), np.asarray(labels, dtype=np.int64)
    return ids, rows, labels, build("minibatch", ids, rows, labels)


def small(n=60, classes=2):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes
    return content(rng.normal(size=(n, 3)) + labels[:, None], labels)


QUICK = {"epochs": 8}


def test_two_moons_are_learnt():
    """Two columns, which dropout would wipe out: a linear model stays below 90 %."""
    rows, labels = make_moons(200, noise=0.1, random_state=0)
    found = gat_result(*content((rows - rows.mean(0)) / rows.std(0), labels))
    assert found.accuracy > 0.95
    assert found.gate.learnt
    assert (found.agreement == 0).any()
    assert np.array_equal(found.agreement == 1, found.right())


def test_labels_that_mean_nothing_are_not_learnt():
    rng = np.random.default_rng(0)
    found = gat_result(*content(rng.normal(size=(150, 2)), rng.integers(0, 2, 150)))
    assert not found.gate.learnt
    assert found.accuracy < 0.65
    assert (found.agreement == 1).all(), "it edits nothing"


def test_any_order_of_rows_gives_the_same_bits():
    ids, rows, labels, graph = small()
    one = gat_result(ids, rows, labels, graph, options=QUICK, ablate=True)
    order = np.random.default_rng(1).permutation(60)
    other = gat_result(
        ids[order], rows[order], labels[order], graph.permuted(order), options=QUICK, ablate=True
    )
    for name, values in one.scores().items():
        assert other.scores()[name].tobytes() == values[order].tobytes()
    for name, values in one.head_scores().items():
        assert other.head_scores()[name].tobytes() == values[order].tobytes()
    assert len(one.ablations) == 4
    for a, b in zip(one.ablations, other.ablations, strict=True):
        assert (a.error, a.cross_entropy) == (b.error, b.cross_entropy)
        assert np.array_equal(a.right[order], b.right)


def test_scores_are_what_their_names_say():
    ids, rows, labels, graph = small()
    found = gat_result(ids, rows, labels, graph, options=QUICK)
    scores = found.scores()
    assert tuple(scores) == NAMES
    first, second = found.received
    whole = (first.mean(axis=0) + second[0]) / 2
    np.testing.assert_allclose(scores["attention"], whole)
    np.testing.assert_allclose(scores["attention_by_degree"], whole / graph.degrees())
    assert scores["attention_by_layer"].sum() == pytest.approx(1)
    assert scores["degree"].tolist() == np.diff(graph.begin).tolist()
    own = [found.probabilities[i, labels[i]] for i in range(60)]
    assert scores["gat_confidence"].tolist() == own
    heads = found.head_scores()
    assert list(heads) == [f"attention/layer0/head{h}" for h in range(4)] + [
        "attention/layer1/head0"
    ]
    assert np.array_equal(heads["attention/layer0/head2"], first[2])


def test_an_ablation_is_the_change_of_the_error():
    found = gat_result(*small(), options=QUICK, ablate=True)
    for one in found.ablations:
        assert one.error == pytest.approx(found.right().mean() - one.right.mean())
    assert any(one.cross_entropy != 0 for one in found.ablations)
    assert gat_result(*small(), options=QUICK).ablations == ()


def test_all_scores_of_a_memo_share_one_training():
    ids, rows, labels, graph = small()
    order = np.argsort(ids)
    inputs = ScoreInputs(
        None, labels[order], graph.permuted(order), rows[order], ids[order], dict(QUICK)
    )
    expected = gat_result(ids, rows, labels, graph, options=QUICK).scores()
    for name in NAMES:
        found = SCORES[name].compute(inputs)
        assert found.tobytes() == expected[name][order].tobytes()
        assert found.dtype == np.float64
    assert len(inputs.memo) == 1
    other = ScoreInputs(
        None, labels[order], inputs.graph, rows[order], ids[order], {"epochs": 1}, inputs.memo
    )
    assert not np.array_equal(SCORES["attention"].compute(other), expected["attention"][order])


def test_a_class_that_a_network_never_saw_is_no_evidence():
    """A class of one row, and a class of two rows in one fold; a swapped label is denied."""
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 2
    rows = rng.normal(size=(90, 3)) + 5 * labels[:, None]
    ids, rows, labels, graph = content(rows, labels)
    pair = np.flatnonzero(assign_folds(ids, folds=3, seed=0) == 1)[:2]
    alone, swapped = np.setdiff1d(np.arange(90), pair)[:2]
    labels[alone], labels[pair] = 2, 3
    labels[swapped] ^= 1
    found = gat_result(ids, rows, labels, graph)
    assert found.gate.learnt
    assert np.flatnonzero(found.agreement == 0).tolist() == [swapped]
    assert not found.right()[[alone, *pair]].any()


def test_isolated_rows_receive_nothing_and_are_scored():
    ids, rows, labels, _ = small(20)
    none = np.empty(0, dtype=np.int64)
    graph = InstanceGraph.of_edges(ids, none, none, np.empty(0), np.zeros(20, dtype=np.int64))
    scores = gat_result(ids, rows, labels, graph, options=QUICK).scores()
    for name in ("attention", "attention_by_degree", "attention_by_layer", "degree"):
        assert (scores[name] == 0).all()
    assert np.isfinite(scores["gat_confidence"]).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_rows(n):
    ids, rows, labels, graph = small(n)
    found = gat_result(ids, rows, labels, graph, options={"epochs": 2})
    assert all(np.isfinite(values).all() for values in found.scores().values())
    assert not found.gate.learnt


@pytest.mark.parametrize("name", ["hash", "multilevel", "multiview"])
def test_every_graph_will_do(name):
    ids, rows, labels, _ = small()
    graph = build(name, ids, rows, labels)
    found = gat_result(ids, rows, labels, graph, options={"epochs": 2})
    assert np.isfinite(found.scores()["attention"]).all()


def test_what_does_not_fit_is_refused():
    ids, rows, labels, graph = small(20)
    with pytest.raises(DataError, match="20 ids"):
        gat_result(ids, rows[:5], labels, graph)
    with pytest.raises(DataError, match="not over these ids"):
        gat_result(ids, rows, labels, graph.permuted(np.argsort(ids)))
    with pytest.raises(ConfigError, match="networks"):
        gat_result(ids, rows, labels, graph, options={"networks": 1})
    with pytest.raises(DataError, match="graph of instances"):
        SCORES["attention"].compute(ScoreInputs(None, labels))
    with pytest.raises(DataError, match="encoded rows"):
        SCORES["attention"].compute(ScoreInputs(None, labels, graph))
