import numpy as np
import pytest
from plain_losses import pair_of
from tiny_language_model import SENTENCES

from sluice.language.checkpoint import CausalModel
from sluice.language.pairs import Pair
from sluice.language.training.fine_tune import FineTune
from sluice.language.training.reward import TrainingReward


@pytest.fixture
def reward(tiny_folder):
    loaded = CausalModel(tiny_folder, device="cpu").load()
    pairs = [pair_of(loaded, a, b) for a, b in zip(SENTENCES, SENTENCES[::-1], strict=True)]
    ids = [f"row {i}" for i in range(len(pairs))]
    training = FineTune(epochs=2, batch_size=2, learning_rate=1e-2, dtype="float32")
    return TrainingReward(loaded, ids, pairs, training, rank=2, max_new_tokens=5)


def test_gold_minus_what_the_trained_model_says_under_the_plain_model(reward):
    seen = []

    def scorer(pairs):
        seen.append(pairs)
        return reward.likelihood(pairs)

    reward.scorer = scorer
    new = np.array([4, 1])
    found = reward(np.array([0, 2, 4, 1]), new)
    answers, gold = seen
    assert [pair.response.tolist() for pair in gold] == [
        reward.pairs[i].response.tolist() for i in new
    ]
    assert all(len(pair.response) <= 2 * 5 for pair in answers)
    assert found == pytest.approx(reward.likelihood(gold) - reward.likelihood(answers))
    # the most likely words of a model are likelier to it than those of a person
    assert (found < 0.5).all()


def test_it_leaves_the_model_as_it_was_and_repeats_itself(reward):
    before = reward.likelihood(reward.pairs)
    first = reward(np.array([0, 1, 2]), np.array([2]))
    assert reward.likelihood(reward.pairs).tolist() == before.tolist()
    # the order in which rows were reached does not count
    assert reward(np.array([2, 1, 0]), np.array([2])).tolist() == first.tolist()


def test_a_model_that_says_nothing(reward, monkeypatch):
    monkeypatch.setattr("sluice.language.training.reward.generate", lambda *_: ["", "the sea"])
    said = Pair(reward.pairs[1].prompt, np.array(reward.loaded.tokenizer.encode("the sea")))
    found = reward(np.array([0, 1]), np.array([0, 1]))
    gold = reward.likelihood(reward.pairs[:2])
    assert found == pytest.approx(gold - reward.likelihood([said]))
