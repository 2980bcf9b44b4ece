"""subset_search: better than where it starts, resumable, for whom it is told."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.subsets.contract import Pool
from sluice.subsets.quotas import class_quotas
from sluice.subsets.runner import run
from sluice.subsets.search import hill_climb as climbing
from sluice.subsets.search import teacher
from sluice.subsets.search.candidates import candidates, edited
from sluice.subsets.search.hill_climb import STRETCH, Problem, Standing, State, climb, merit
from sluice.subsets.search.interpolated_rows import crossed
from sluice.subsets.search.proposals import Ground, Luck, propose
from sluice.subsets.search.targets import panel_of, references
from sluice.subsets.subset_search import SELECTOR


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr(teacher, "TREES", 30)


def pool_of(load=load_wine, every=1):
    rows, labels = load(return_X_y=True)
    rows, labels = rows[::every], labels[::every]
    rows = StandardScaler().fit_transform(rows).astype(np.float32)
    ids = np.array([f"row-{i:03d}" for i in range(len(rows))])
    return Pool(ids, rows, labels.astype(np.int64))


def problem_of(pool, target="general", seed=0):
    n_classes = int(pool.labels.max()) + 1
    between = crossed(pool.embeddings, 6000, seed)
    taught = teacher.teach(pool.embeddings, pool.labels, n_classes, between, seed)
    worth = 0.5 * np.eye(n_classes)[pool.labels] + 0.5 * taught.own
    panel = panel_of(target, 12)
    reached = references(pool.embeddings, pool.labels, n_classes, worth, panel.consumers, seed)
    own = taught.own[np.arange(len(pool.labels)), pool.labels]
    ground = Ground(pool.embeddings, pool.labels, own)
    problem = Problem(
        ground, n_classes, worth, between, taught.asked, panel.consumers, panel.confirming,
        reached, seed,
    )  # fmt: skip
    return problem, taught.own


def test_it_is_better_than_each_of_its_starts():
    pool = pool_of()
    problem, taught = problem_of(pool)
    starts = [kept for _, kept in candidates(pool, taught, 9, 0)]
    kept = np.sort(np.searchsorted(pool.ids, run(SELECTOR, pool, 9, 0, evaluations=400).ids))

    def value(subset):
        """On stretches that the search has not seen: other rows between, other trees."""
        return np.mean([Standing(problem, stretch, subset).value for stretch in range(50, 56)])

    assert value(kept) > max(value(start) for start in starts)


def test_its_value_is_the_mean_worth_of_each_consumer_s_answers():
    """An oracle that trains scikit-learn's and weighs the answers one by one."""
    pool = pool_of()
    problem, _ = problem_of(pool, LogisticRegression(max_iter=200))
    kept = np.arange(0, len(pool.ids), 15)
    view, _ = problem.view(0)
    model = LogisticRegression(max_iter=200).fit(pool.embeddings[kept], pool.labels[kept])
    total = 0.0
    for row, worth in zip(view.judged, view.worth, strict=True):
        total += worth[int(model.predict(row[None])[0])]
    share = total / len(view.judged) / problem.references["LogisticRegression"]
    assert Standing(problem, 0, kept).value == pytest.approx(
        min(share, 1) + 0.25 * max(share - 1, 0)
    )
    assert merit(0.8) == 0.8
    assert merit(1.2) == pytest.approx(1.05)


def test_a_stretch_never_gets_worse_and_classes_keep_their_quotas(monkeypatch):
    pool = pool_of()
    problem, _ = problem_of(pool)
    start = run(SELECTOR, pool, 12, 0, evaluations=0)
    kept = np.searchsorted(pool.ids, start.ids)
    seen = []
    attempt = Standing.attempt

    def watched(self, slots, rows, changed):
        before = self.value
        better = attempt(self, slots, rows, changed)
        assert (self.value > before) == better
        seen.append(better)
        return better

    monkeypatch.setattr(Standing, "attempt", watched)
    state = State(kept.copy(), np.zeros(12, np.int64), kept.copy())
    climb(problem, state, STRETCH, lambda state: None, lambda trials: None)
    assert sum(seen) > 3
    quotas = class_quotas(np.bincount(pool.labels), 12)
    assert np.array_equal(np.bincount(pool.labels[state.kept]), quotas)
    assert len(np.unique(state.kept)) == 12
    assert (state.since[~np.isin(state.kept, kept)] > 0).all()


def test_a_stopped_search_goes_on_as_if_it_had_not_stopped(tmp_path, monkeypatch):
    pool, path = pool_of(load_iris), tmp_path / "search.npz"
    monkeypatch.setattr(climbing, "STRETCH", 30)
    whole = run(SELECTOR, pool, 6, 0, evaluations=120)

    class Killed(Exception):
        pass

    attempts = []
    attempt = Standing.attempt

    def dying(self, slots, rows, changed):
        attempts.append(1)
        if len(attempts) == 75:
            raise Killed
        return attempt(self, slots, rows, changed)

    monkeypatch.setattr(Standing, "attempt", dying)
    with pytest.raises(Killed):
        run(SELECTOR, pool, 6, 0, evaluations=120, checkpoint=str(path))
    done = len(attempts)
    resumed = run(SELECTOR, pool, 6, 0, evaluations=120, checkpoint=str(path))
    assert len(attempts) - done < 120 - 30  # it did not begin anew
    assert resumed.ids.tolist() == whole.ids.tolist()
    assert resumed.reasons == whole.reasons
    again = run(SELECTOR, pool, 6, 0, evaluations=120, checkpoint=str(path))
    assert again.ids.tolist() == whole.ids.tolist()
    assert [name.name for name in tmp_path.iterdir()] == ["search.npz"]


def test_a_checkpoint_of_another_search_is_not_used(tmp_path):
    pool, path = pool_of(load_iris), str(tmp_path / "search.npz")
    run(SELECTOR, pool, 6, 0, evaluations=10, checkpoint=path)
    other = run(SELECTOR, pool, 6, 1, evaluations=10, checkpoint=path)
    assert other.ids.tolist() == run(SELECTOR, pool, 6, 1, evaluations=10).ids.tolist()
    (tmp_path / "search.npz").write_bytes(b"something else")
    with pytest.raises(ConfigError, match="not a checkpoint"):
        run(SELECTOR, pool, 6, 0, evaluations=10, checkpoint=path)


@pytest.mark.parametrize("target", ["naive_bayes", "logistic", "tree", "one_nearest_neighbour"])
def test_one_family_as_the_target(target):
    kept = run(SELECTOR, pool_of(load_iris), 6, 0, target=target, evaluations=15)
    assert len(kept.ids) == 6
    assert target.replace("_", " ") in kept.reasons[0]


def test_a_family_that_asks_more_neighbours_than_there_are_rows():
    kept = run(SELECTOR, pool_of(load_iris), 3, 0, target="three_nearest_neighbours", evaluations=5)
    assert len(kept.ids) == 3
    assert (
        len(
            run(
                SELECTOR, pool_of(load_iris), 2, 0, target="three_nearest_neighbours", evaluations=5
            ).ids
        )
        == 2
    )


def test_a_classifier_of_one_s_own_is_cloned_and_not_trained():
    model = GaussianNB()
    kept = run(SELECTOR, pool_of(load_iris), 9, 0, target=model, evaluations=15)
    assert len(kept.ids) == 9
    assert not hasattr(model, "classes_")


class Failing(RidgeClassifier):
    def fit(self, rows, labels):
        raise FloatingPointError("cannot")


def test_bad_targets_are_refused():
    pool = pool_of(load_iris)
    with pytest.raises(DataError, match=r"Failing could not be trained .*FloatingPointError"):
        run(SELECTOR, pool, 6, 0, target=Failing(), evaluations=5)
    with pytest.raises(UnknownNameError, match="naive_bayes"):
        run(SELECTOR, pool, 6, 0, target="naive_baies", evaluations=5)
    with pytest.raises(ConfigError, match="scikit-learn classifier"):
        run(SELECTOR, pool, 6, 0, target=7, evaluations=5)
    with pytest.raises(ConfigError, match="evaluations"):
        run(SELECTOR, pool, 6, 0, evaluations=-1)


def test_editing_fills_a_class_up_to_its_quota():
    labels = np.array([0, 0, 0, 1, 1, 1])
    taught = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.9, 0.1], [0.7, 0.3], [0.6, 0.4]])
    assert edited(labels, taught, 0.0, 4).tolist() == [0, 1, 2, 4, 5]
    assert edited(labels, taught, 0.75, 2).tolist() == [0, 1, 5]


def test_crossed_rows_take_each_column_from_a_row_or_its_neighbour():
    rows = np.arange(30, dtype=np.float32).reshape(10, 3) ** 1.5
    made = crossed(rows, 50, 0)
    assert made.shape == (50, 3)
    for column in range(3):
        assert np.isin(made[:, column], rows[:, column]).all()
    assert len(np.unique(made, axis=0)) > 20
    assert np.array_equal(made, crossed(rows, 50, 0))
    assert crossed(rows[:1], 5, 0).shape == (0, 3)


def test_the_teacher_does_not_repeat_what_it_was_told():
    """A row with the wrong label is answered with the right class by those who never saw it."""
    pool = pool_of(load_iris)
    labels = pool.labels.copy()
    labels[10] = 2  # a setosa, far from the others
    taught = teacher.teach(pool.embeddings, labels, 3, pool.embeddings[:5], 0)
    assert taught.own[10, 0] > 0.6
    assert np.allclose(taught.own.sum(axis=1), 1)
    assert np.allclose(taught.asked.sum(axis=1), 1)
    assert taught.asked.argmax(axis=1).tolist() == [0] * 5


def test_proposals_are_swaps_within_a_class():
    pool = pool_of()
    ground = Ground(pool.embeddings, pool.labels, np.ones(len(pool.ids)))
    kept = np.arange(0, len(pool.ids), 14)
    moves = set()
    for trial in range(200):
        swap = propose(
            ground, kept, np.arange(len(pool.ids)), np.ones(len(pool.ids)),
            np.ones(len(kept), np.int64), Luck(), np.random.default_rng(trial),
        )  # fmt: skip
        if swap is None:
            continue
        moves.add(swap.move)
        assert len(np.unique(swap.slots)) == len(swap.slots) == len(np.unique(swap.rows))
        assert not np.isin(swap.rows, kept).any()
        assert np.array_equal(pool.labels[kept[swap.slots]], pool.labels[swap.rows])
    assert moves == {0, 1, 2}
