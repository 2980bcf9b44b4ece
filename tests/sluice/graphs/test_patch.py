import numpy as np
import pytest
from graph_oracle import brute_force, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core.errors import ConfigError, DataError
from sluice.graphs import merge, patch
from sluice.graphs.candidates import _torch_scores, row_scores, score_error
from sluice.graphs.change import PatchCounts
from sluice.graphs.knn import KnnGraph

SHARES = st.sampled_from([0, 0.1, 0.4])


def spread(rng, count):
    return unit(rng.normal(size=(count, 12)))


def coarse(rng, count):
    grid = rng.integers(-1, 2, size=(count, 3))
    grid[~grid.any(axis=1), 0] = 1
    return unit(grid)


def near_ties(rng, count):  # cosines that float32 cannot tell apart
    return unit(1.0 + 1e-3 * rng.normal(size=(count, 12)))


def copies(rng, count):  # five texts and their many copies
    return unit(np.eye(12)[rng.integers(0, 5, count)] + 0.1)


def assert_exact(graph, ids, x, *, by_build=False):
    """The graph is exact, and what is left of the slack is the prefix of a complete list."""
    if by_build:
        built = KnnGraph.build(ids, x, graph.k, graph.slack, device="cpu")
        lists, weights = built.lists, built.list_weights
    else:
        lists, weights = brute_force(ids, x, graph.k + graph.slack)
    assert graph.ids.tolist() == list(ids)
    assert graph.lists.dtype == np.int64
    assert np.array_equal(graph.neighbours, lists[:, : graph.k])
    assert np.array_equal(graph.weights, weights[:, : graph.k])
    left = graph.lists >= 0
    assert np.array_equal(np.sort(left, axis=1)[:, ::-1], left)  # gaps only at the end
    assert np.array_equal(graph.lists[left], lists[left])
    assert np.array_equal(graph.list_weights[left], weights[left])
    assert (graph.list_weights[~left] == -np.inf).all()


class State:
    """Rows under ids that come, go and change, shuffled after each step."""

    def __init__(self, draw, count, rng):
        self.draw, self.rng, self.made = draw, rng, count
        self.ids, self.x = self.names(0, count), draw(rng, count)

    def names(self, start, count):  # new ids fall between old ones, and are of other lengths
        return np.array([f"r{(v * 7919) % 1009}.{v}" for v in range(start, start + count)], str)

    def step(self, insert, delete, edit):
        """Change `delete` and `edit`, shares or masks, and add rows; return the changed ids."""
        n = len(self.ids)
        gone = self.rng.random(n) < delete if np.isscalar(delete) else delete
        edited = (self.rng.random(n) < edit) & ~gone
        self.x[edited] = self.draw(self.rng, int(edited.sum()))
        new = self.names(self.made, insert)
        self.made += insert
        ids = np.concatenate([self.ids[~gone], new])
        x = np.concatenate([self.x[~gone], self.draw(self.rng, insert)])
        order = self.rng.permutation(len(ids))
        changed = self.rng.permutation(np.concatenate([self.ids[edited], new]))
        self.ids, self.x = ids[order], x[order]
        return changed


def built(state, k, slack):
    return KnnGraph.build(state.ids, state.x, k, slack, device="cpu")


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 45),
    k=st.integers(1, 6),
    slack=st.integers(0, 4),
    draw=st.sampled_from([coarse, near_ties, copies]),
    build_share=st.sampled_from([patch.BUILD_SHARE, 9.0]),
    block=st.sampled_from([1, 3, 256]),
    seed=st.integers(0, 999),
    steps=st.lists(st.tuples(st.integers(0, 5), SHARES, SHARES), min_size=1, max_size=4),
)
def test_random_histories_equal_brute_force(n, k, slack, draw, build_share, block, seed, steps):
    state = State(draw, n, np.random.default_rng(seed))
    graph = built(state, k, slack)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(patch, "BUILD_SHARE", build_share)
        for step in steps:
            changed = state.step(*step)
            graph = graph.patch(state.ids, state.x, changed, device="cpu", block=block)
            assert_exact(graph, state.ids, state.x)


@pytest.mark.parametrize("draw", [spread, coarse, near_ties, copies])
@pytest.mark.parametrize(("k", "slack"), [(15, 15), (3, 0)])
def test_one_change_of_each_kind_equals_brute_force(draw, k, slack):
    state = State(draw, 220, np.random.default_rng(5))
    graph = built(state, k, slack)
    for step in [(0, 0, 0), (9, 0, 0), (0, 0.05, 0), (0, 0, 0.05), (5, 0.05, 0.05), (0, 0, 0.5)]:
        changed = state.step(*step)
        graph = graph.patch(state.ids, state.x, changed, device="cpu")
        assert_exact(graph, state.ids, state.x)


def test_thirty_patches_in_a_row_stay_exact_and_search_again_what_has_worn_off():
    state = State(spread, 300, np.random.default_rng(1))
    graph, searched = built(state, 5, 4), 0
    for number in range(30):
        changed = state.step(4, 0.015, 0.015)
        graph, counts = graph.patch_counted(state.ids, state.x, changed, device="cpu")
        assert not counts.built
        searched += counts.searched
        assert_exact(graph, state.ids, state.x, by_build=number % 10 != 9)
    assert searched > 0


def test_a_clustered_deletion_leaves_lists_empty_and_searches_them_again():
    state = State(spread, 400, np.random.default_rng(2))
    graph = built(state, 6, 3)
    near = np.argsort(-(state.x @ state.x[0]))
    gone = np.zeros(400, dtype=bool)
    gone[near[5:60]] = True
    changed = state.step(2, gone, 0.01)
    graph, counts = graph.patch_counted(state.ids, state.x, changed, device="cpu")
    assert counts.searched > 5
    assert not counts.built
    assert_exact(graph, state.ids, state.x)


def test_many_copies_of_one_row_are_exact_whether_patched_or_built(monkeypatch):
    state = State(spread, 300, np.random.default_rng(3))
    state.x[40:240] = state.x[7]
    graph = built(state, 4, 3)
    gone = np.zeros(300, dtype=bool)
    gone[60:80] = True
    changed = state.step(3, gone, 0)
    state.x[np.isin(state.ids, changed)] = state.x[state.ids == graph.ids[7]]  # yet more copies
    for share in (patch.BUILD_SHARE, 9.0):
        monkeypatch.setattr(patch, "BUILD_SHARE", share)
        assert_exact(graph.patch(state.ids, state.x, changed, device="cpu"), state.ids, state.x)


def test_more_near_ties_than_a_build_scores_end_in_a_build():
    state = State(lambda rng, count: unit(np.ones((count, 4))), 200, np.random.default_rng(3))
    graph = built(state, 3, 2)
    changed = state.step(0, 0, 0.1)
    graph, counts = graph.patch_counted(state.ids, state.x, changed, device="cpu")
    assert counts.built
    assert_exact(graph, state.ids, state.x)


def test_grows_from_few_rows_and_shrinks_to_one():
    state = State(coarse, 0, np.random.default_rng(4))
    graph = built(state, 3, 2)
    for insert in (1, 1, 3, 1, 1, 1, 20):
        changed = state.step(insert, 0, 0)
        graph = graph.patch(state.ids, state.x, changed, device="cpu")
        assert_exact(graph, state.ids, state.x)
    for left in (8, 7, 6, 5, 1, 0):
        changed = state.step(0, np.arange(len(state.ids)) >= left, 0)
        graph = graph.patch(state.ids, state.x, changed, device="cpu")
        assert len(graph) == left
        assert_exact(graph, state.ids, state.x)


def test_everything_changed_and_nothing_changed():
    state = State(spread, 120, np.random.default_rng(6))
    graph = built(state, 5, 5)
    same, counts = graph.patch_counted(graph.ids, state.x, [], device="cpu")
    assert counts == PatchCounts(searched=0, touched=0, built=False)
    assert np.array_equal(same.lists, graph.lists)
    order = state.rng.permutation(120)
    moved, counts = graph.patch_counted(graph.ids[order], state.x[order], [], device="cpu")
    assert counts == PatchCounts(searched=0, touched=0, built=False)
    assert np.array_equal(moved.lists, graph.permuted(order).lists)
    changed = state.step(0, 0, 1)
    after, counts = graph.patch_counted(state.ids, state.x, changed, device="cpu")
    assert counts.built
    assert counts.searched == counts.touched == 120
    assert_exact(after, state.ids, state.x)


def test_touched_are_the_rows_whose_neighbours_or_weights_differ():
    x = unit([[1, 0, 0], [1, 0.1, 0], [1, 0.3, 0], [0, 0, 1], [0, 0.1, 1], [0, 0.3, 1]])
    graph = KnnGraph.build(list("abcdef"), x, k=1, slack=1, device="cpu")
    x[1] = unit([[1, 0.11, 0]])
    _, counts = graph.patch_counted(list("abcdef"), x, ["b"], device="cpu")
    assert counts == PatchCounts(searched=0, touched=3, built=False)  # a, b and c have b or are b
    new_ids, new_x = list("abcdefg"), np.vstack([x, unit([[0, 1, 0]])])
    _, counts = graph.patch_counted(new_ids, new_x, ["b", "g"], device="cpu")
    assert counts == PatchCounts(searched=0, touched=4, built=False)
    x[1] = unit([[1, 0.1, 0]])
    _, counts = graph.patch_counted(list("abcdfz"), x[[0, 1, 2, 3, 5, 4]], ["z"], device="cpu")
    assert counts == PatchCounts(searched=0, touched=3, built=False)  # z is a copy of e


@pytest.mark.parametrize("d", [384, 1024])
def test_block_size_is_no_parameter_of_the_result(monkeypatch, d):
    state = State(
        lambda rng, count: unit(rng.normal(size=(count, d))), 700, np.random.default_rng(d)
    )
    state.x[100:160] = state.x[0]
    graph = built(state, 5, 5)
    changed = state.step(20, 0.02, 0.03)
    whole = graph.patch(state.ids, state.x, changed, device="cpu", block=100_000)
    assert_exact(whole, state.ids, state.x, by_build=True)
    monkeypatch.setattr(merge, "MERGED", 13)
    for block, scores in [(7, 1 << 26), (256, 3000)]:
        monkeypatch.setattr(patch, "SCORES", scores)
        parts = graph.patch(state.ids, state.x, changed, device="cpu", block=block)
        assert np.array_equal(parts.lists, whole.lists)
        assert np.array_equal(parts.list_weights, whole.list_weights)


def test_candidates_of_a_row_include_its_best_whatever_the_groups():
    rng = np.random.default_rng(8)
    for n, wide in [(12, 10), (500, 3), (1000, 3), (999, 1)]:
        scores = rng.normal(size=(6, n)).astype(np.float32)
        row, column, crowded = patch._own_candidates(scores, wide, 1e-6)
        assert not crowded.any()
        for i in range(6):
            assert set(np.argsort(-scores[i])[:wide]) <= set(column[row == i])


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("d", [8, 384, 1024])
def test_scores_of_rows_are_within_the_stated_error(engine, d):
    x = unit(np.random.default_rng(d).normal(size=(300, d)))
    exact = x.astype(np.float64) @ x.astype(np.float64).T
    scorer = row_scores(x, "cpu", 40) if engine == "numpy" else _torch_scores(x, "cpu")
    for asked in (np.arange(40), np.array([299, 3])):
        scores = scorer(asked)
        assert scores.dtype == np.float32
        assert np.abs(scores - exact[asked]).max() <= score_error(d)


@pytest.mark.gpu
def test_cuda_gives_the_same_patch():
    state = State(
        lambda rng, count: unit(rng.normal(size=(count, 384))), 5000, np.random.default_rng(11)
    )
    state.x[1000:1200] = state.x[0]
    graph = built(state, 15, 15)
    changed = state.step(50, 0.01, 0.01)
    cpu = graph.patch(state.ids, state.x, changed, device="cpu")
    cuda = graph.patch(state.ids, state.x, changed, device="cuda")
    assert np.array_equal(cpu.lists, cuda.lists)
    assert np.array_equal(cpu.list_weights, cuda.list_weights)


def test_errors_say_what_is_wrong():
    x = unit(np.random.default_rng(0).normal(size=(9, 3)))
    ids = list("abcdefghi")
    graph = KnnGraph.build(ids[:7], x[:7], k=2, slack=1, device="cpu")
    with pytest.raises(DataError, match="changed id 'y' is not among the ids"):
        graph.patch(ids, x, ["h", "y", "z"])
    with pytest.raises(DataError, match="'i' is not in the old graph"):
        graph.patch(ids, x, ["h"])
    with pytest.raises(DataError, match="changed id 'g' is not among the ids"):
        graph.patch([], x[:0], ["g"])
    with pytest.raises(DataError, match="'a' occurs twice"):
        graph.patch(["b", "a", "a"], x[:3], [])
    with pytest.raises(DataError, match=r"'c' has the length 2, not 1"):
        graph.patch(ids[:7], x[:7] * np.array([1, 1, 2, 1, 1, 1, 1], np.float32)[:, None], ["c"])
    with pytest.raises(ConfigError, match="device is 'tpu'"):
        graph.patch(ids, x, ["h", "i"], device="tpu")
