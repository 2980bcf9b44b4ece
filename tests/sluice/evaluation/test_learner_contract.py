"""Every learner keeps the contract, and the suite finds those that do not."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from tiny_bert import tiny_bert

from sluice.core.errors import DataError, SluiceError
from sluice.data.config import parse_config
from sluice.data.payloads.conversations import Conversation, Message, conversation_text
from sluice.data.payloads.sentences import sentence_text
from sluice.encoders.tabular import TabularEncoder
from sluice.evaluation.evaluate import (
    all_rows_jobs,
    evaluate,
    held_out_positions,
    ready,
    subset_jobs,
)
from sluice.evaluation.learner import Classifier, Examples, Given, Learner
from sluice.evaluation.vector_learner import VectorLearner
from sluice.language.checkpoint import CausalModel
from sluice.tasks.instructions.learner import InstructionsLearner
from sluice.tasks.tabular.learner import TabularLearner
from sluice.tasks.text.learner import TextLearner
from sluice.tasks.tokens.learner import TokensLearner
from sluice.testing.learners import check_learner

FROZEN = json.loads((Path(__file__).parents[2] / "assets" / "frozen_comparisons.json").read_text())
TEXT = "task: text\nfiles: [a.csv]\ncolumns: {text: t, label: l}\n"
TOKENS = "task: tokens\nfiles: [a.conll]\n"
TABLE = "task: tabular\nfiles: [a.csv]\ncolumns: {label: l}\n"
INSTRUCTIONS = "task: instructions\nfiles: [a.jsonl]\ncolumns: {messages: m}\n"
SMALL = "training: {epochs: 2, max_length: 40, learning_rate: 5.0e-3, batch_size: 4}\n"
NAMES = ("a", "b", "c")


def config_of(text, more=""):
    return parse_config((text + more).encode(), "dataset.yaml")


def examples(texts, start=0):
    rng = np.random.default_rng(start)
    labels = np.arange(len(texts)) % 3
    vectors = (2 * np.eye(3)[labels] + rng.normal(size=(len(texts), 3))).astype(np.float32)
    ids = [f"r{start + i:03}" for i in range(len(texts))]
    return Examples(ids, texts, labels, NAMES, vectors)


def parts(write):
    """Rows to train on, and held-out ones."""
    rows, validation, test = (
        examples([write(i) for i in range(a, b)], a) for a, b in ((0, 18), (18, 24), (24, 33))
    )
    return rows, {"validation": validation, "test": test}


def test_the_learner_of_texts(tmp_path):
    config = config_of(TEXT, f"encoder: {{model: {tiny_bert(tmp_path / 'bert')}}}\n{SMALL}")
    given = Given(config, {"embeddings": {"encoder": "e"}})
    check_learner(TextLearner(given), *parts(lambda i: f"the {'abc'[i % 3] * 3} pool {i}"))


@pytest.mark.parametrize("family", ["random_forest", "one_nearest_neighbour"])
def test_the_learner_of_tables(family):
    rows, held = parts(lambda i: json.dumps({"x": float(i % 3) + i / 100, "y": "uvw"[i % 3]}))
    encoder = TabularEncoder.fit(list(rows.texts), config_of(TABLE).encoding)
    more = f"training: {{family: {family}}}\nevaluation: {{learner: {family}}}\n"
    details = {"embeddings": {"encoder": "e"}, "encoder": {"encoder": encoder.identity}}
    given = Given(config_of(TABLE, more), details, fitted_encoder=lambda _: encoder.to_json())
    check_learner(TabularLearner(given), rows, held)


def test_the_learner_of_tagged_sentences(tmp_path):
    def sentence(i):
        words = ["the", *("abc"[i % 3] * 2,), "pool", str(i)]
        return sentence_text(words, ["O", f"B-{NAMES[i % 3]}", "O", "O"])

    config = config_of(TOKENS, f"encoder: {{model: {tiny_bert(tmp_path / 'bert')}}}\n{SMALL}")
    rows, held = parts(sentence)
    learner = TokensLearner(Given(config))
    check_learner(learner, rows, held)
    assert 0 < learner.hours(rows, held, [18, 18]) < 1


def test_the_learner_of_instructions(tiny_folder):
    def talk(i):
        said = Message("user", f"Add {i}."), Message("assistant", f"It makes {i % 3}.")
        return conversation_text(Conversation(said))

    config = config_of(INSTRUCTIONS, SMALL + "evaluation: {answers: true}\n")
    given = Given(config, language_model=lambda _: CausalModel(tiny_folder, device="cpu"))
    rows, held = parts(talk)
    learner = InstructionsLearner(given)
    check_learner(learner, rows, held)
    assert 0 < learner.hours(rows, held, [18, 18]) < 1


@dataclass(frozen=True)
class Nearest(Classifier):
    centres: np.ndarray
    names: list

    def answers(self, rows):
        distances = np.linalg.norm(rows.vectors[:, None] - self.centres, axis=2)
        return [self.names[i] for i in distances.argmin(axis=1)]

    def save(self, folder):
        (folder / "model.json").write_text(json.dumps([self.centres.tolist(), self.names]))


class Centroids(Learner):
    """The nearest weighted mean of a class: what an outsider might add."""

    exact_weights = True
    trained = "centroids-1"

    def train(self, rows, names, seed, advance=None):
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
        sums = np.zeros((len(names), rows.vectors.shape[1]))
        np.add.at(sums, rows.labels, weights[:, None] * rows.vectors)
        total = np.bincount(rows.labels, weights, minlength=len(names))
        return Nearest(sums / np.maximum(total, 1e-9)[:, None], list(names))

    def load(self, folder):
        centres, names = json.loads((folder / "model.json").read_text())
        return Nearest(np.array(centres), names)


ROWS, HELD = parts(str)
GIVEN = Given(config_of(TEXT))


def test_a_learner_of_another_package_in_a_few_lines():
    check_learner(Centroids(GIVEN), ROWS, HELD)


class First(Centroids):
    def train(self, rows, names, seed, advance=None):
        return super().train(replace(rows, weights=None), names, seed)


class Seeded(Centroids):
    def train(self, rows, names, seed, advance=None):
        made = super().train(rows, names, seed)
        return Nearest(np.random.default_rng(seed).permutation(made.centres), made.names)


class Drawing(Centroids):
    def train(self, rows, names, seed, advance=None):
        np.random.rand()
        return super().train(rows, names, seed)


class Forgetful(Centroids):
    def load(self, folder):
        made = super().load(folder)
        return Nearest(made.centres[::-1], made.names)


class Restless(Centroids):
    drawn = 0

    def train(self, rows, names, seed, advance=None):
        type(self).drawn += 1
        made = super().train(rows, names, seed)
        return Nearest(np.roll(made.centres, self.drawn, axis=0), made.names)


class Peeping(Centroids):
    def train(self, rows, names, seed, advance=None):
        made = super().train(rows, names, seed)

        class Model(Nearest):
            def answers(self, rows):
                return super().answers(rows) if len(rows) > 1 else ["nothing"]

        return Model(made.centres, made.names)


@pytest.mark.parametrize(
    ("learner", "says"),
    [
        (First, "weights of rows change nothing"),
        (Seeded, "the seed matters"),
        (Drawing, "global generator"),
        (Forgetful, "a saved model answers otherwise"),
        (Restless, "the second time"),
        (Peeping, "depends on the rows beside it"),
    ],
)
def test_a_learner_that_breaks_the_contract_is_found(learner, says):
    with pytest.raises(AssertionError, match=says):
        check_learner(learner(GIVEN), ROWS, HELD)


def test_what_cannot_be_evaluated_is_refused():
    learner = Centroids(GIVEN)
    with pytest.raises(DataError, match="has no test rows"):
        evaluate(learner, ROWS, NAMES, {**HELD, "test": HELD["test"].at([])}, 0)
    with pytest.raises(DataError, match="occurs twice among the rows to train on"):
        evaluate(learner, ROWS.at([0, 0]), NAMES, HELD, 0)
    with pytest.raises(DataError, match="and not 0 for all"):
        evaluate(learner, replace(ROWS, weights=np.zeros(len(ROWS))), NAMES, HELD, 0)
    with pytest.raises(DataError, match="finite one of at least 0"):
        evaluate(learner, replace(ROWS, weights=np.full(len(ROWS), np.nan)), NAMES, HELD, 0)

    class Silent(Nearest):
        def outcomes(self, rows):
            return {}

    class Short(Centroids):
        def train(self, rows, names, seed, advance=None):
            made = super().train(rows, names, seed)
            return Silent(made.centres, made.names)

    with pytest.raises(SluiceError, match="gave 0 outcomes of the kind 'classes' for 6"):
        evaluate(Short(GIVEN), ROWS, NAMES, HELD, 0)


def test_rows_are_taken_by_id_and_equal_weights_are_none():
    turned = replace(ROWS, weights=np.full(len(ROWS), 3.0)).at(np.arange(len(ROWS))[::-1])
    assert ready(turned).ids == list(ROWS.ids)
    assert ready(turned).weights is None
    some = ready(replace(ROWS, weights=np.arange(len(ROWS)) % 2 * 2.0))
    assert some.ids == list(ROWS.ids)[1::2]


def test_the_jobs_and_identities_are_those_of_before():
    before = FROZEN["identities"]
    ids = [f"r{i:02d}" for i in range(24)]
    splits = [("train", "train", "validation", "test")[i % 4] for i in range(24)]
    more = "seeds: [0, 1, 2, 3]\nevaluation: {held_out_rows: 3}\n"
    learner = InstructionsLearner(Given(config_of(INSTRUCTIONS, more)))
    assert held_out_positions(learner, ids, splits) == before["sample"]
    everyone = held_out_positions(Centroids(GIVEN), ids, splits)
    assert everyone["test"] == list(range(3, 24, 4))
    train = [f"{row} c{row}" for row, split in zip(ids, splits, strict=True) if split == "train"]
    jobs = all_rows_jobs(InstructionsLearner, train, [0, 1, 2, 3])
    assert [vars(job) for job in jobs] == before["all_rows"]
    assert [job.seed for job in all_rows_jobs(TextLearner, train, [3, 4])] == [0]
    entry = {"budget": "10%", "seed": 5, "selection_id": "s", "size": 3, "rows_digest": "d"}
    seeds = {
        (learner, stochastic): [
            job.seed for job in subset_jobs(learner, "m", [entry], [0, 1, 2], stochastic=stochastic)
        ]
        for learner in (TextLearner, TokensLearner)
        for stochastic in (True, False)
    }
    assert seeds.pop((TokensLearner, False)) == [0, 1, 2], "each seed of the training"
    assert set(map(tuple, seeds.values())) == {(5,)}
    assert learner.trained == before["lora"]
    assert TokensLearner(Given(config_of(TOKENS))).trained == before["tagger"]
    details = {"embeddings": {"encoder": "encoder-1"}}
    assert VectorLearner(Given(config_of(TEXT), details)).settings == [
        *("1", before["learner"], "encoder-1")
    ]
    forest = TabularLearner(Given(config_of(TABLE), details))
    assert forest.parameters == {"head": before["forest"]}
