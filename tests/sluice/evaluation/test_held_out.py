import numpy as np
import pytest
import torch
from plain_losses import pair_of
from tiny_language_model import SENTENCES

from sluice.core.errors import ConfigError, DataError
from sluice.evaluation.held_out import held_out, normalised
from sluice.language.checkpoint import CausalModel
from sluice.language.generate import generate
from sluice.tasks.instructions.learner import InstructionsLearner


@pytest.fixture(scope="module")
def tiny(tiny_folder):
    return CausalModel(tiny_folder, device="cpu").load()


@pytest.fixture(scope="module")
def pairs(tiny):
    return [pair_of(tiny, text * (1 + i), "Paris is it") for i, text in enumerate(SENTENCES)]


def test_answers_are_those_of_one_prompt_at_a_time(tiny, pairs):
    prompts = [pair.prompt for pair in pairs]
    found = generate(tiny.model, tiny.tokenizer, prompts, 6, max_tokens=120)
    for prompt, answer in zip(prompts, found, strict=True):
        ids = torch.from_numpy(prompt)[None]
        for _ in range(6):
            step = tiny.model(input_ids=ids).logits[0, -1].argmax()
            if step == tiny.tokenizer.eos_token_id:
                break
            ids = torch.cat([ids, step.view(1, 1)], dim=1)
        assert answer == tiny.tokenizer.decode(ids[0, len(prompt) :], skip_special_tokens=True)
    with pytest.raises(ConfigError, match="at least 1"):
        generate(tiny.model, tiny.tokenizer, prompts, 0)


def test_losses_by_row_and_exact_answers(tiny, pairs):
    said = generate(tiny.model, tiny.tokenizer, [pair.prompt for pair in pairs], 24)
    references = ["Paris is it"] * len(pairs)
    references[0] = "six words are too many here " + said[0]
    # what the model does say, but for case; one that it does not say
    references[1] = said[1].upper()
    found, exact = held_out(tiny.model, tiny.tokenizer, pairs, references)
    for pair, loss in zip(pairs, found, strict=True):
        ids = torch.tensor([[*pair.prompt, *pair.response]])
        chances = tiny.model(input_ids=ids).logits[0, :-1].double().log_softmax(dim=1)
        losses = -chances.gather(1, ids[0, 1:, None])[len(pair.prompt) - 1 :]
        assert loss == pytest.approx(float(losses.mean().detach()), abs=1e-5)
    assert np.isnan(exact[0])
    if len(normalised(said[1]).split()) <= 5:
        assert exact[1] == 1
    assert exact[2:].max() == 0
    _, none = held_out(tiny.model, tiny.tokenizer, pairs, references, answers=False)
    assert np.isnan(none).all()
    with pytest.raises(DataError, match="as many of each"):
        held_out(tiny.model, tiny.tokenizer, pairs, references[1:])


def test_a_loss_by_family_is_the_mean_of_the_families():
    loss, by_family, exact = InstructionsLearner.metrics
    outcomes = np.array([[1.0, 7], [3.0, 7], [5.0, 2]])
    assert loss.value(outcomes) == 3
    assert by_family.value(outcomes) == 3.5
    assert exact.value(np.array([[1.0], [np.nan], [0.0]])) == 0.5
    assert np.isnan(exact.value(np.array([[np.nan]])))


def test_what_does_not_make_an_answer_wrong():
    assert normalised("  The Eiffel Tower. ") == "eiffel tower"
    assert normalised("A") == "a", "a letter that is all there is"
    assert normalised("?!") == "?!"
    assert normalised("3.5") != normalised("3.4")


def test_each_answer_has_its_own_limit(tiny, pairs):
    prompts = [pair.prompt for pair in pairs]
    limits = [1 + i % 3 for i in range(len(prompts))]
    found = generate(tiny.model, tiny.tokenizer, prompts, limits)
    for prompt, limit, answer in zip(prompts, limits, found, strict=True):
        assert answer == generate(tiny.model, tiny.tokenizer, [prompt], limit)[0]
    with pytest.raises(ConfigError, match="at least 1"):
        generate(tiny.model, tiny.tokenizer, prompts, [*limits[:-1], 0])
