import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from sluice.encoders.text import TextEncoder, default_encoder_folder
from sluice.heads.logistic import fit_head
from sluice.heads.word_gradients import expected_word_gradients

TEXTS = ["A fine, fine film.", "Dull.", "The plot is good but the end of the plot is bad", "Great!"]


@pytest.fixture(scope="module")
def head():
    vectors = TextEncoder(device="cpu").encode(TEXTS)
    return fit_head(vectors, np.array([0, 1, 2, 0]), 3)


def test_it_is_the_gradient_of_the_table_of_words(head):
    """Oracle: the gradient by the table itself adds up a word's occurrences."""
    folder = default_encoder_folder()
    got = expected_word_gradients(folder, TEXTS, head, device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    table = model.get_input_embeddings().weight
    weights, bias = torch.from_numpy(head.weights), torch.from_numpy(head.intercepts)
    for text, score in zip(TEXTS, got, strict=True):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        vector = torch.nn.functional.normalize(model(ids).last_hidden_state.mean(1), dim=1)
        chances = (vector.double() @ weights.T + bias).log_softmax(1)[0]
        expected = 0.0
        for label in range(3):
            (g,) = torch.autograd.grad(-chances[label], table, retain_graph=True)
            expected = expected + chances[label].exp().item() * g.norm(dim=1)
        words = [i for i in set(ids[0].tolist()) if i not in tokenizer.all_special_ids]
        assert score == pytest.approx(expected[words].max().item(), rel=1e-3)


def test_a_text_without_words_has_none(head):
    got = expected_word_gradients(default_encoder_folder(), ["", "Dull."], head, device="cpu")
    assert got[0] == 0
    assert got[1] > 0
