import numpy as np
import pytest

from sluice.core.errors import ConfigError, DataError
from sluice.language.checkpoint import CausalModel
from sluice.noise import rewriting
from sluice.noise.echo_mod import EchoMod
from sluice.noise.echo_select import echo_select, echo_similarity
from sluice.noise.rewriting import LocalWriter, Rewriting, prompt_identity, request
from sluice.noise.unanswered import Unanswered

NAMES = ["negative", "positive"]


class Letters:
    """Counts letters: an encoder."""

    def encode(self, texts):
        return np.array([[t.count(c) for c in "abcdefgh"] for t in texts], dtype=np.float32) + 0.1


class Table:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def write(self, conversations):
        self.asked += conversations
        return [self.answers[c[1]["content"].splitlines()[-1]] for c in conversations]


def modify(writer, texts, y):
    mod: EchoMod = Rewriting(writer, Letters(), NAMES, kind="review")
    x = Letters().encode(texts)
    ids = np.array([f"r{i}" for i in range(len(texts))])
    return x, mod.modify(x, np.array(y), ids=ids, content=texts)


def test_an_unchanged_text_is_kept_and_a_changed_one_is_not():
    writer = Table({"abba": " abba\n", "cab": "hhhggg"})
    x, found = modify(writer, ["abba", "cab", "abba"], [1, 0, 1])
    assert found.content == ["abba", "hhhggg", "abba"]
    assert len(writer.asked) == 2  # equal texts of equal labels are asked once
    s = echo_similarity(x, found.embeddings)
    assert echo_select(s).kept.tolist() == [True, False, True]


def test_the_prompt_names_label_and_labels():
    system, user = request("It {broke}.", "positive", NAMES, "review")
    assert (system["role"], user["role"]) == ("system", "user")
    assert user["content"].endswith("\n\nIt {broke}.")
    assert 'label "positive"' in user["content"]
    assert "negative, positive" in user["content"]
    assert "review below" in user["content"]


def test_bad_input():
    with pytest.raises(DataError, match=r"answered 1 texts with nothing, 'r1' first"):
        modify(Table({"a": "b", "c": " \n"}), ["a", "c"], [0, 1])
    with pytest.raises(DataError, match="from 0 to 1"):
        modify(Table({}), ["a"], [2])
    mod = Rewriting(Table({"a": "b"}), Letters(), NAMES)
    with pytest.raises(ConfigError, match="content"):
        mod.modify(np.ones((1, 8)), np.array([0]), ids=np.array(["a"]))
    with pytest.raises(DataError, match="encoder that made"):
        mod.modify(np.ones((1, 3)), np.array([0]), ids=np.array(["a"]), content=["a"])


def test_a_language_model_answers_the_prompt(tiny_folder):
    loaded = CausalModel(tiny_folder, device="cpu").load()
    writer = LocalWriter(loaded.model, loaded.tokenizer, max_new_tokens=6)
    prompts = [request("The sea is wide.", "positive", NAMES), request("No.", "negative", NAMES)]
    both = writer.write(prompts)
    assert len(both) == 2
    # as the model itself goes on after the prompt
    import torch

    text = loaded.tokenizer.apply_chat_template(
        prompts[1], tokenize=False, add_generation_prompt=True
    )
    ids = torch.tensor([loaded.tokenizer.encode(text, add_special_tokens=False)])
    out = loaded.model.generate(
        ids, max_new_tokens=6, do_sample=False, attention_mask=torch.ones_like(ids)
    )
    expected = loaded.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
    assert both[1] == expected
    short = LocalWriter(loaded.model, loaded.tokenizer, max_length=20)
    with pytest.raises(DataError, match="Prompt 0 is longer than max_length, 20 tokens"):
        short.write(prompts)
    # one that is too long does not end the others
    room = len(ids[0]) + 1
    found = LocalWriter(loaded.model, loaded.tokenizer, 6, room).attempt(
        [request("Long words. " * 20, "negative", NAMES), prompts[1]]
    )
    assert found[1] == expected
    assert found[0] == Unanswered(
        f"The text and what is asked are longer than max_length, {room} tokens."
    )
    assert short.attempt(prompts[:1]) == [Unanswered(found[0].reason.replace(str(room), "20"))]


def test_the_identity_of_a_prompt_is_that_of_its_words(monkeypatch):
    first = prompt_identity(NAMES, "review")
    assert prompt_identity(NAMES, "review") == first
    assert prompt_identity(NAMES) != first
    assert prompt_identity([*NAMES, "neutral"], "review") != first
    monkeypatch.setattr(rewriting, "REQUEST", rewriting.REQUEST + " Now.")
    assert prompt_identity(NAMES, "review") != first
