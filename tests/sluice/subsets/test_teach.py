"""Oracles of the selector `teach`: heads trained again, a dense Hessian, and what must hold."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from sluice.core.errors import ConfigError, UnknownNameError
from sluice.heads.logistic import HeadConfig, fit_head
from sluice.heads.temperature import cross_entropy
from sluice.scores.teacher import Teacher, teach_out_of_fold
from sluice.subsets.contract import Pool
from sluice.subsets.registry import SELECTORS
from sluice.subsets.runner import run
from sluice.subsets.teach.exact_head import fit_exact
from sluice.subsets.teach.hardness import even_shares
from sluice.subsets.teach.swaps import GAIN, Pace, Rows, benefits, fit_subset, search, swaps

TEACH = SELECTORS["teach"]


def blobs(n, d=4, classes=3, seed=0, flipped=0.15):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % classes
    x = rng.normal(size=(n, d)) + 1.5 * np.eye(classes, d)[truth]
    wrong = rng.random(n) < flipped
    return x, np.where(wrong, rng.integers(0, classes, n), truth)


def rows_of(x, y, banned=None):
    wide = np.hstack([x, np.ones((len(x), 1))])
    onehot = (np.arange(int(y.max()) + 1) == y[:, None]).astype(float)
    return Rows(wide, y, onehot, onehot, np.zeros(len(y), bool) if banned is None else banned)


def pool_of(x, y, **given):
    ids = np.array([f"r{i:04d}" for i in range(len(y))])
    taught = given.get("teacher") or teach_out_of_fold(x.astype("f4"), y, ids=ids)
    names = tuple(f"c{c}" for c in range(int(y.max()) + 1))
    return Pool(ids, x.astype(np.float32), y, class_names=names, teacher=taught)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_exact_head_is_the_evaluation_head(classes):
    x, y = blobs(80, classes=classes)
    head = fit_exact(rows_of(x, y).wide, rows_of(x, y).onehot, tolerance=1e-8)
    theirs = fit_head(x, y, classes, HeadConfig(tolerance=1e-9, max_iter=2000))
    assert np.abs(head.probabilities - theirs.predict_proba(x)).max() < 1e-5


@pytest.mark.parametrize("classes", [2, 3])
def test_conjugate_gradients_solve_with_the_dense_hessian(classes):
    x, y = blobs(60, classes=classes, seed=1)
    rows = rows_of(x, y)
    head = fit_exact(rows.wide, rows.onehot)
    size = head.weights.size
    dense = np.column_stack(
        [head.curvature(unit.reshape(head.weights.shape)).ravel() for unit in np.eye(size)]
    )
    # the Hessian by its definition: sum_i (diag p_i - p_i p_i') (x) x_i x_i' and the ridge
    wanted = np.diag(np.broadcast_to(head.ridge, head.weights.shape).ravel().astype(float))
    for p, row in zip(head.probabilities, rows.wide, strict=True):
        wanted += np.kron(np.outer(row, row), np.diag(p) - np.outer(p, p))
    assert np.allclose(dense, wanted)
    target = np.random.default_rng(0).normal(size=head.weights.shape)
    target -= target.mean(axis=1, keepdims=True)  # as gradients are: no common shift
    solved = np.linalg.solve(wanted, target.ravel()).reshape(target.shape)
    assert np.allclose(head.solve(target, rtol=1e-10, most=500), solved, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_benefits_are_what_training_again_shows(classes):
    """Each row is added once more, the head is trained again, and the loss of all is looked at.

    Many copies of everything and a penalty as many times as strong are the same problem, in which
    one row more is a small part of a row: there the first order is all there is.
    """
    x, y = blobs(80, classes=classes, seed=classes)
    rows, kept, copies = rows_of(x, y), np.arange(40), 200
    many, C = np.repeat(kept, copies), 1 / copies
    exact = fit_exact(rows.wide[kept], rows.onehot[kept], tolerance=1e-9)
    taught = fit_subset(rows, kept)._replace(head=exact, logits=rows.wide @ exact.weights)
    before = cross_entropy(taught.scale * taught.logits, rows.onehot)
    fell = np.empty(80)
    for i in range(80):
        more = np.append(many, i)
        again = fit_exact(
            rows.wide[more], rows.onehot[more], C=C, start=exact.weights, tolerance=1e-9
        )
        loss = cross_entropy(taught.scale * (rows.wide @ again.weights), rows.onehot)
        fell[i] = copies * (before - loss)
    said = benefits(rows, taught, rtol=1e-9)
    same_sign = (np.sign(said) == np.sign(fell))[np.abs(fell) > 0.1 * np.abs(fell).max()].mean()
    assert spearmanr(said, fell).statistic > 0.99
    assert same_sign == 1
    assert np.allclose(said, fell, atol=0.05 * np.abs(fell).max())


def test_benefits_in_the_classes_add_up():
    x, y = blobs(60)
    rows = rows_of(x, y)
    taught = fit_subset(rows, np.arange(30))
    parts = [benefits(rows, taught, y == c, rtol=1e-9) * (y == c).mean() for c in range(3)]
    assert np.allclose(sum(parts), benefits(rows, taught, rtol=1e-9), atol=1e-9)


@given(st.integers(0, 500), st.integers(6, 40), st.sampled_from([2, 3]))
@settings(max_examples=30, deadline=None)
def test_accepted_steps_lower_the_loss_and_classes_stay(seed, budget, classes):
    x, y = blobs(80, classes=classes, seed=seed)
    banned = np.random.default_rng(seed).random(80) < 0.2
    rows = rows_of(x, y, banned)
    start = np.sort(np.random.default_rng(seed).permutation(80)[:budget])
    found = search(rows, start, Pace(evaluations=25))
    losses = [step["loss"] for step in found.trace if step["accepted"]]
    assert all(after < before - GAIN for before, after in pairwise(losses))
    assert len(found.trace) <= 25
    kept = found.taught.kept
    assert len(set(kept.tolist())) == budget
    assert set(y[start].tolist()) <= set(y[kept].tolist())
    assert not banned[np.setdiff1d(kept, start)].any(), "no banned row comes in"
    assert found.taught.loss == pytest.approx(losses[-1])
    shorter = search(rows, start, Pace(evaluations=3)).trace
    assert shorter == found.trace[: len(shorter)], "anytime: the same path"


@given(st.integers(0, 300))
@settings(max_examples=80, deadline=None)
def test_swaps_are_pairs_that_gain_and_leave_each_class_a_row(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 30)
    kept = np.sort(rng.permutation(30)[: rng.integers(2, 28)])
    scores = rng.integers(0, 6, 30).astype(float)
    out, put = swaps(y, kept, scores, int(rng.integers(1, 20)))
    assert len(out) == len(put)
    assert (scores[put] > scores[out]).all()
    assert set(out.tolist()) <= set(kept.tolist())
    assert not set(put.tolist()) & set(kept.tolist())
    after = np.concatenate([np.setdiff1d(kept, out), put])
    assert set(y[kept].tolist()) <= set(y[after].tolist())


@pytest.mark.parametrize("consumer", ["general", "linear", "neighbours"])
def test_names_of_classes_and_order_of_rows_do_not_matter(consumer):
    x, y = blobs(90, seed=5)
    pool = pool_of(x, y)
    first = run(TEACH, pool, 20, 1, consumer=consumer)
    names = np.array([2, 0, 1])
    renamed = run(TEACH, pool_of(x, names[y]), 20, 1, consumer=consumer)
    order = np.random.default_rng(0).permutation(90)
    turned = run(TEACH, pool.of(order), 20, 1, consumer=consumer)
    assert renamed.ids.tolist() == first.ids.tolist()
    assert turned.ids.tolist() == first.ids.tolist()
    assert turned.reasons == first.reasons


def test_the_loss_of_all_rows_is_far_below_that_of_random_rows():
    x, y = blobs(600, d=8, seed=3)
    pool = pool_of(x, y)
    rows = rows_of(x, y)

    def loss(name):
        kept = np.searchsorted(pool.ids, run(SELECTORS[name], pool, 30, 0).ids)
        return fit_subset(rows, np.sort(kept)).loss

    assert loss("teach") < loss("clean_random") < loss("random_stratified")


def test_no_contradicted_row_is_kept_but_to_fill_a_class():
    x, y = blobs(200, flipped=0.3, seed=2)
    pool = pool_of(x, y)
    kept = run(TEACH, pool, 40, 0)
    at = np.searchsorted(pool.ids, kept.ids)
    assert pool.teacher.agrees[at].all()
    assert kept.left_out.keys() == set(pool.ids) - set(kept.ids)
    for row, why in kept.left_out.items():
        i = int(np.searchsorted(pool.ids, row))
        if not pool.teacher.agrees[i]:
            best = pool.teacher.probabilities[i]
            assert why == (
                f"Contradicted by the teacher: {best.max():.2f} for class 'c{best.argmax()}', "
                f"{pool.teacher.own[i]:.2f} for its own, 'c{y[i]}'."
            )
        else:
            assert "less useful" in why.lower() or "first order only" in why
    dirty = run(TEACH, pool, 40, 0, clean=False)
    assert not any("Contradicted" in why for why in dirty.left_out.values())
    assert not pool.teacher.agrees[np.searchsorted(pool.ids, dirty.ids)].all()


def test_reasons_say_what_a_row_replaced():
    x, y = blobs(200, seed=2)
    kept = run(TEACH, pool_of(x, y), 20, 0)
    assert any("there from the start" in why for why in kept.reasons)
    replacing = [why for why in kept.reasons if "replaced r" in why]
    assert replacing
    gone = [why.rpartition("replaced ")[2][:-1] for why in replacing]
    assert len(set(gone)) == len(gone), "each took the place of another one"
    assert not set(gone) & set(kept.ids)
    assert kept.reasons[0].startswith("Lowers the mean loss of the ")
    assert (np.diff(kept.gains) <= 0).all()


def test_a_class_that_the_teacher_denies_keeps_a_row():
    x, y = blobs(60, flipped=0)
    y[7] = 3
    pool = pool_of(x, y)
    assert not pool.teacher.agrees[7]
    for budget in (4, 9, 59):
        assert "r0007" in run(TEACH, pool, budget, 0).ids


@pytest.mark.parametrize("consumer", ["general", "linear", "neighbours"])
@pytest.mark.parametrize("name", ["equal rows", "one row a class", "two rows"])
def test_degenerate_rows(name, consumer):
    y = {"equal rows": np.arange(12) % 3, "one row a class": np.arange(5), "two rows": np.arange(2)}
    labels = y[name]
    pool = pool_of(np.ones((len(labels), 3)), labels)
    for budget in range(1, len(labels) + 1):
        kept = run(TEACH, pool, budget, 0, consumer=consumer)
        assert len(set(kept.ids.tolist())) == budget
        assert np.isfinite(kept.gains).all()


def test_nothing_is_left_to_teach_of_one_class():
    x, _ = blobs(10)
    sure = np.ones((10, 1))
    y = np.zeros(10, dtype=np.int64)
    kept = run(TEACH, pool_of(x, y, teacher=Teacher(sure, sure, y)), 4, 0)
    assert len(kept.ids) == 4


def test_wrong_options():
    pool = pool_of(*blobs(20))
    with pytest.raises(UnknownNameError, match="linear"):
        run(TEACH, pool, 3, 0, consumer="linaer")
    for options in ({"evaluations": 0}, {"evaluations": 2.5}, {"clean": 1}):
        with pytest.raises(ConfigError, match="give"):
            run(TEACH, pool, 3, 0, **options)
    for options in ({"beta": 1.0}, {"beta": "0.3"}, {"strata": 0}):
        with pytest.raises(ConfigError, match="give"):
            run(SELECTORS["ccs"], pool, 3, 0, **options)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.data())
def test_even_shares_as_the_paper_has_them(sizes, data):
    budget = data.draw(st.integers(0, sum(sizes)))
    shares = even_shares(np.array(sizes), budget)
    assert shares.sum() == budget
    assert (shares <= sizes).all()
    short = [int(s) for s, size in zip(shares, sizes, strict=True) if s < size]
    if short:
        assert max(short) - min(short) <= 1, "those that are not exhausted give alike"
        assert max(shares) <= max(short) + 1


def test_ccs_leaves_the_hardest_out_and_el2n_keeps_them():
    x, y = blobs(200, seed=4)
    pool = pool_of(x, y)
    errors = pool.teacher.errors
    at = np.searchsorted(pool.ids, run(SELECTORS["ccs"], pool, 30, 0).ids)
    assert errors[at].max() <= np.sort(errors)[139]
    assert np.ptp(errors[at]) > 0.7 * np.ptp(np.sort(errors)[:140])
    hardest = np.searchsorted(pool.ids, run(SELECTORS["el2n"], pool, 30, 0).ids)
    assert set(hardest) == set(np.argsort(-errors, kind="stable")[:30])


def test_clean_random_is_random_without_what_the_teacher_denies():
    x, y = blobs(150, seed=6)
    pool = pool_of(x, y)
    kept = run(SELECTORS["clean_random"], pool, 30, 3)
    clean = pool.of(np.flatnonzero(pool.teacher.agrees))
    order = run(SELECTORS["random_stratified"], clean, len(clean.ids), 3).ids.tolist()
    for c in range(3):
        mine = [i for i in kept.ids if y[int(i[1:])] == c]
        assert mine == [i for i in order if y[int(i[1:])] == c][: len(mine)]


def test_clean_k_medoids_is_k_medoids_of_the_clean_rows():
    x, y = blobs(150, flipped=0.02, seed=6)
    pool = pool_of(x, y)
    sure = (np.arange(3) == y[:, None]).astype(float)
    trusting = pool_of(x, y, teacher=Teacher(sure, sure, y))
    same = run(SELECTORS["clean_k_medoids"], trusting, 20, 0)
    assert same.ids.tolist() == run(SELECTORS["k_medoids"], trusting, 20, 0).ids.tolist()
    kept = run(SELECTORS["clean_k_medoids"], pool, 20, 0)
    assert pool.teacher.agrees[np.searchsorted(pool.ids, kept.ids)].all()
