import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sluice.core.errors import ConfigError, DataError
from sluice.heads.logistic import fit_head
from sluice.scores.teacher import LEAST, Teacher, stratified_folds, teach_out_of_fold

WORDS = {0: ["good", "fine", "great", "film"], 1: ["bad", "poor", "sad", "film"]}


def some(n=60, d=5, classes=2, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    rows = rng.normal(size=(n, d)) * noise
    rows[np.arange(n), labels % d] += 1.5
    texts = [" ".join(rng.choice(WORDS[int(label % 2)], 4)) for label in labels]
    ids = np.array([f"r{i:03d}" for i in rng.permutation(n)])
    return rows.astype(np.float32), labels, ids, texts


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_folds_are_even_in_every_class_and_go_by_the_id(labels, seed):
    labels = np.array(labels)
    ids = np.array([f"r{i}" for i in range(len(labels))])
    fold = stratified_folds(ids, labels, seed=seed)
    for c in np.unique(labels):
        counts = np.bincount(fold[labels == c], minlength=5)
        assert counts.max() - counts.min() <= 1
    order = np.random.default_rng(seed).permutation(len(labels))
    assert stratified_folds(ids[order], labels[order], seed=seed).tolist() == fold[order].tolist()
    assert stratified_folds(ids, 7 - labels, seed=seed).tolist() == fold.tolist()


def test_small_classes_do_not_all_meet_in_one_fold():
    ids = np.array([f"r{i}" for i in range(40)])
    assert len(set(stratified_folds(ids, np.arange(40)).tolist())) == 5


def test_every_row_is_told_by_models_of_the_other_folds():
    rows, labels, ids, texts = some()
    fold = stratified_folds(ids, labels)
    tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(texts)
    vectors, words = np.empty((60, 2)), np.empty((60, 2))
    for each in range(5):
        train, held = fold != each, fold == each
        vectors[held] = fit_head(rows[train], labels[train], 2).predict_proba(rows[held])
        model = LogisticRegression(C=4.0, tol=1e-3, max_iter=60).fit(tfidf[train], labels[train])
        words[held] = model.predict_proba(tfidf[held])
    found = teach_out_of_fold(rows, labels, ids=ids, texts=texts)

    def loss(p):
        return -np.log(p[np.arange(60), labels]).mean()

    blends = [
        p / p.sum(axis=1, keepdims=True)
        for a in np.linspace(0, 1, 21)
        for t in np.exp(np.linspace(-2, 3, 51))
        for p in [np.maximum(vectors, LEAST) ** (a * t) * np.maximum(words, LEAST) ** (t - a * t)]
    ]
    best = min(blends, key=loss)
    assert loss(found.probabilities) <= loss(best) + 1e-6
    assert np.abs(found.probabilities - best).max() < 0.05
    assert loss(found.by_vectors) <= loss(vectors)
    assert (found.by_vectors.argmax(axis=1) == vectors.argmax(axis=1)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_order_of_rows_and_names_of_classes_change_no_bit(classes):
    rows, labels, ids, texts = some(classes=classes)
    found = teach_out_of_fold(rows, labels, ids=ids, texts=texts)
    order = np.random.default_rng(1).permutation(60)
    again = teach_out_of_fold(
        rows[order], labels[order], ids=ids[order], texts=[texts[i] for i in order]
    )
    assert np.array_equal(again.probabilities, found.probabilities[order])
    assert again.labels.tolist() == labels[order].tolist()
    names = np.roll(np.arange(classes), 1)
    renamed = teach_out_of_fold(rows, names[labels], ids=ids, texts=texts)
    assert np.array_equal(renamed.probabilities[:, names], found.probabilities)
    assert np.array_equal(renamed.by_vectors[:, names], found.by_vectors)


def test_classes_with_fewer_rows_than_folds_and_absent_ones():
    rows, labels, ids, _ = some(40)
    labels[:3] = [2, 3, 3]
    found = teach_out_of_fold(rows, labels, ids=ids, n_classes=6)
    assert found.probabilities.shape == (40, 6)
    assert np.allclose(found.probabilities.sum(axis=1), 1)
    assert not found.agrees[0], "no other row is of its class"
    assert len(found.of(np.array([4, 1]))) == 2


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 1], [1, 0, 2, 3]])
def test_hardly_any_rows(labels):
    rows = np.eye(4, dtype=np.float32)[: len(labels)]
    ids = np.array(list("abcd"))[: len(labels)]
    found = teach_out_of_fold(
        rows, np.array(labels), ids=ids, texts=["a", "b", "c", "d"][: len(ids)]
    )
    assert np.isfinite(found.probabilities).all()


def test_words_that_occur_once_are_no_text():
    rows, labels, ids, _ = some()
    alone = teach_out_of_fold(rows, labels, ids=ids)
    found = teach_out_of_fold(rows, labels, ids=ids, texts=[f"word{i}" for i in range(60)])
    assert np.array_equal(found.probabilities, alone.probabilities)
    assert np.array_equal(alone.probabilities, alone.by_vectors)


def test_what_cannot_be_taught():
    rows, labels, ids, _ = some()
    with pytest.raises(DataError, match="one class, so a teacher has nothing"):
        teach_out_of_fold(rows, np.zeros(60, int), ids=ids)
    with pytest.raises(DataError, match="differ in length: 60, 60, 59"):
        teach_out_of_fold(rows, labels, ids=ids[:-1])
    with pytest.raises(DataError, match="there are 1 texts"):
        teach_out_of_fold(rows, labels, ids=ids, texts=["a"])
    with pytest.raises(ConfigError, match="at least 2 folds"):
        teach_out_of_fold(rows, labels, ids=ids, folds=1)
    rows[3, 1] = np.nan
    with pytest.raises(DataError, match="not finite"):
        teach_out_of_fold(rows, labels, ids=ids)


def test_errors_are_el2n_and_ties_agree():
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]])
    found = Teacher(p, p, np.array([1, 0]))
    assert found.own.tolist() == [0.5, 0.2]
    assert found.agrees.tolist() == [True, False]
    assert found.errors == pytest.approx([0.5**0.5, np.sqrt(0.64 + 0.04 + 0.36)])
