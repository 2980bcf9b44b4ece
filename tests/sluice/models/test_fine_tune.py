"""Fine-tuning the real encoder on a few real texts."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sluice.core.errors import ConfigError, DataError
from sluice.models.fine_tune import TrainingConfig, fine_tune
from sluice.models.predict import predict

CONFIG = TrainingConfig(epochs=1, max_length=32, learning_rate=1e-4)
NAMES = ("negative", "neutral", "positive")


@pytest.fixture(scope="module")
def rows(tweets: pa.Table) -> tuple[list[str], np.ndarray]:
    part = tweets.slice(0, 60)
    return part["text"].to_pylist(), np.array([NAMES.index(x) for x in part["label"].to_pylist()])


@pytest.fixture(scope="module")
def trained(rows: tuple[list[str], np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    fine_tune(*rows, NAMES, CONFIG, None, folder, device="cpu")
    return folder


def test_what_is_saved_predicts_and_knows_its_classes(
    trained: Path, rows: tuple[list[str], np.ndarray]
) -> None:
    from transformers import AutoConfig

    assert (trained / "model.safetensors").exists()
    assert AutoConfig.from_pretrained(trained).id2label == dict(enumerate(NAMES))
    probabilities = predict(trained, rows[0], max_length=32, device="cpu")
    assert probabilities.shape == (60, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_the_order_of_texts_does_not_change_a_prediction(
    trained: Path, rows: tuple[list[str], np.ndarray]
) -> None:
    order = np.random.default_rng(0).permutation(60)
    straight = predict(trained, rows[0], max_length=32, device="cpu")
    shuffled = predict(trained, [rows[0][i] for i in order], max_length=32, device="cpu")
    np.testing.assert_allclose(shuffled, straight[order], atol=1e-5)


def test_the_same_seed_gives_the_same_model_and_another_seed_another(
    trained: Path, rows: tuple[list[str], np.ndarray], tmp_path: Path
) -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    fine_tune(*rows, NAMES, CONFIG, None, tmp_path / "again", device="cpu")
    assert np.array_equal(np.random.get_state()[1], before)
    again = predict(tmp_path / "again", rows[0], max_length=32, device="cpu")
    assert np.array_equal(again, predict(trained, rows[0], max_length=32, device="cpu"))
    other = TrainingConfig(epochs=1, max_length=32, learning_rate=1e-4, seed=1)
    fine_tune(*rows, NAMES, other, None, tmp_path / "other", device="cpu")
    assert not np.allclose(again, predict(tmp_path / "other", rows[0], 32, device="cpu"))


def test_training_learns_and_says_how(rows: tuple[list[str], np.ndarray], tmp_path: Path) -> None:
    config = TrainingConfig(epochs=6, max_length=32, learning_rate=2e-4)
    result = fine_tune(*rows, NAMES, config, None, tmp_path, device="cpu", validation=rows)
    losses = [point["loss"] for point in result.curve]
    assert len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]
    assert result.curve[-1]["validation_accuracy"] > 0.7
    assert result.steps == 6 * 4


def test_a_fine_tuned_folder_is_a_start_with_its_head(
    rows: tuple[list[str], np.ndarray], tmp_path: Path
) -> None:
    def right(folder: Path) -> float:
        found = predict(folder, rows[0], max_length=32, device="cpu").argmax(axis=1)
        return float((found == rows[1]).mean())

    trained = TrainingConfig(epochs=4, max_length=32, learning_rate=2e-4)
    fine_tune(*rows, NAMES, trained, None, tmp_path / "first", device="cpu")
    assert right(tmp_path / "first") > 0.6
    # At almost no learning rate nothing is learnt: what it knows is what it started with.
    idle = TrainingConfig(epochs=1, max_length=32, learning_rate=1e-9)
    fine_tune(*rows, NAMES, idle, tmp_path / "first", tmp_path / "second", device="cpu")
    assert right(tmp_path / "second") >= right(tmp_path / "first")
    # Another number of classes: the encoder's weights are taken, the head is a new one.
    two = ("negative", "other")
    merged = np.minimum(rows[1], 1)
    fine_tune(rows[0], merged, two, idle, tmp_path / "first", tmp_path / "third", device="cpu")
    assert predict(tmp_path / "third", rows[0][:4], 32, device="cpu").shape == (4, 2)


def test_bad_input_is_named(rows: tuple[list[str], np.ndarray], tmp_path: Path) -> None:
    texts, labels = rows
    with pytest.raises(DataError):
        fine_tune([], labels[:0], NAMES, CONFIG, None, tmp_path)
    with pytest.raises(DataError):
        fine_tune(texts, labels[:-1], NAMES, CONFIG, None, tmp_path)
    with pytest.raises(DataError):
        fine_tune(texts, labels + 1, NAMES, CONFIG, None, tmp_path)
    with pytest.raises(ConfigError):
        fine_tune(texts, labels, NAMES, CONFIG, "/not/there", tmp_path)
    with pytest.raises(ConfigError, match=r"not there|does not exist|no such"):
        predict(tmp_path / "missing", texts)


def test_predictions_equal_those_of_transformers_by_hand(
    trained: Path, rows: tuple[list[str], np.ndarray]
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(trained)
    model = AutoModelForSequenceClassification.from_pretrained(trained).eval()
    expected = []
    for text in rows[0][:12]:
        given = tokenizer([text], truncation=True, max_length=32, return_tensors="pt")
        with torch.no_grad():
            expected.append(torch.softmax(model(**given).logits[0].double(), 0).numpy())
    found = predict(trained, rows[0][:12], max_length=32, device="cpu")
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_word_vectors_stay_and_the_layers_move(trained: Path) -> None:
    from safetensors.numpy import load_file

    from sluice.encoders.folder import default_encoder_folder

    before = load_file(default_encoder_folder() / "model.safetensors")
    after = load_file(trained / "model.safetensors")
    words = "embeddings.word_embeddings.weight"
    assert np.array_equal(after[f"bert.{words}"], before[words])
    layer = "encoder.layer.0.attention.self.query.weight"
    assert np.abs(after[f"bert.{layer}"] - before[layer]).max() > 1e-5


def test_word_vectors_move_where_asked(rows: tuple[list[str], np.ndarray], tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    from sluice.encoders.folder import default_encoder_folder

    config = TrainingConfig(epochs=1, max_length=16, freeze_words=False)
    fine_tune(rows[0][:16], rows[1][:16], NAMES, config, None, tmp_path, device="cpu")
    words = "embeddings.word_embeddings.weight"
    before = load_file(default_encoder_folder() / "model.safetensors")[words]
    assert not np.array_equal(load_file(tmp_path / "model.safetensors")[f"bert.{words}"], before)
