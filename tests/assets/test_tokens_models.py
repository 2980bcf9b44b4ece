"""What is trained for the task tokens beside evaluations: the tagger of mnlp, and the encoder."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tagged_sentences import NAME, ran, sentences, tiny, write

import assets.tokens.adapted_encoder as adapting
import assets.tokens.mnlp as rating_stage
from assets.lineage.inputs import read_rows
from assets.lineage.stage import Run
from assets.stages.evaluations import Measuring, given_of
from assets.tokens.lineage import LINEAGE, TOKENS
from assets.tokens.mnlp import sampled
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.paths import encoders_root, taggers_root
from resources.store import records, scores, selections
from sluice.core.errors import ConfigError, DataError, SluiceError
from sluice.data.config import DatasetConfig
from sluice.data.payloads.sentences import read_sentence
from sluice.evaluation.learner import Given
from sluice.models.token_predict import predict_tags
from sluice.tasks.tokens.learner import Start, TokensLearner
from sluice.tokens.mnlp import mnlp

MNLP, ADAPTED = "tokens/scores/mnlp", "tokens/encoder/adapted"
KEYS = [TOKENS.key("instances"), TOKENS.key("encoder", "adapted")]


def rated(lake: Lake) -> dict[str, float]:
    train = read_rows(lake, NAME).of("train")
    return dict(zip(train.ids, scores.read(lake, NAME, "mnlp", train.ids), strict=True))


def changed(content: list[list[tuple[str, str]]], row: int) -> list[list[tuple[str, str]]]:
    return [*content[:row], [("Now", "O"), *content[row][1:]], *content[row + 1 :]]


@pytest.mark.slow
def test_a_tagger_rates_each_sentence_once_but_not_its_own(home: Path, tmp_path: Path) -> None:
    few = {**tiny(tmp_path), "selectors": ["mnlp"], "uncertainty": {"sample_rows": 20}}
    rating = [TOKENS.key("instances"), TOKENS.key("scores", "mnlp")]
    write(sentences(), **few, budgets=[0.25, 0.9])
    selecting = [TOKENS.key(*path) for path in (("embeddings",), ("map",), ("subsets", "mnlp"))]
    first, lake = ran(keys=[*rating, *selecting]), Lake()
    train = read_rows(lake, NAME).of("train")
    n, own = len(train.ids), sampled(NAME, train, 20)
    values = np.array(list(rated(lake).values()))
    assert np.flatnonzero(np.isnan(values)).tolist() == own
    assert first.metadata[MNLP]["rows_read"] == first.metadata[MNLP]["rows_rated"] == n - 20
    # against the saved tagger, batch by batch of few
    tagger = taggers_root() / first.metadata[MNLP]["tagger"]
    others = [i for i in range(n) if i not in own]
    words = [read_sentence(train.texts[i]).tokens for i in others]
    alone = predict_tags(tagger, words, 60, batch_size=1, device="cpu").probabilities
    assert np.allclose(values[others], mnlp(alone), rtol=1e-4)
    # the most uncertain first; its own come last, and the note says so
    entries = records.latest(lake, NAME)["tokens/subsets/mnlp"].details["selections"]
    best, most = (
        selections.rows(lake, e["selection_id"])["instance_id"].to_pylist() for e in entries
    )
    order = [others[i] for i in np.argsort(-values[others], kind="stable")]
    assert best == [train.ids[i] for i in order[: len(best)]]
    assert most == [train.ids[i] for i in (order + own)[: len(most)]]
    assert "are not rated" in first.metadata["tokens/subsets/mnlp"]["notes"]
    assert not ran(keys=[*rating, *selecting]).computed, "nothing changed"
    # a changed sentence costs one pass; a rebuild gives the same
    number = int(words[0][0].rstrip("."))
    write(changed(sentences(), number), **few, budgets=[0.25, 0.9])
    second = ran(keys=rating)
    assert second.metadata[MNLP]["rows_read"] == 1
    assert second.metadata[MNLP]["verdict"] == "It stands."
    refreshed = rated(lake)
    again = ran(keys=rating, job="tokens_rebuild")
    assert again.metadata[MNLP]["verdict"] == "This is a rebuild."
    assert again.metadata[MNLP]["tagger"] == second.metadata[MNLP]["tagger"]
    assert np.array_equal(list(rated(lake).values()), list(refreshed.values()), equal_nan=True)

    # what a tagger cannot be trained on is refused
    with pytest.raises(DataError, match="has 1 training rows; the selector mnlp needs two"):
        sampled(NAME, train.at([0]), 20)
    bare = [
        i for i in range(n) if not any(tag != "O" for tag in read_sentence(train.texts[i]).tags)
    ]
    start = Start.of(Given(Datasets().config(NAME)))
    with pytest.raises(DataError, match="has a span"):
        rating_stage._train(
            NAME, Datasets().config(NAME), start, train, bare, "cpu", tmp_path / "x"
        )


@pytest.mark.slow
def test_an_encoder_is_trained_further_stands_and_taggers_start_from_it(
    home: Path, tmp_path: Path
) -> None:
    few, small = tiny(tmp_path), {"block_length": 32, "held_out": 0.2, "learning_rate": 5e-3}
    write(sentences(), **few, adaptation={"epochs": 2, **small})
    lake, config = Lake(), Datasets().config(NAME)
    shown = ran(keys=KEYS).metadata[ADAPTED]
    assert shown["share_masked"] == pytest.approx(0.15, abs=0.01)
    assert shown["loss_after"] < shown["loss_before"]
    assert shown["perplexity_after"] == pytest.approx(np.exp(shown["loss_after"]))
    train = read_rows(lake, NAME).of("train")
    assert shown["rows_trained_on"] + shown["rows_held_out"] == len(train.ids)
    assert shown["rows_held_out"] > 0
    assert not ran(keys=KEYS).computed, "nothing changed"
    # taggers start from it, and their numbers are of it
    context = SimpleNamespace(resources=SimpleNamespace(compute=Compute(device="cpu")))
    run = Run(lake, TOKENS, NAME, config, context, LINEAGE, None)
    learner, other = (
        TokensLearner(given_of(each, TokensLearner.reads(each.config)))
        for each in (run, replace(run, config=without(config)))
    )
    start = learner.start
    assert start.identity == shown["encoder"] != other.start.identity
    assert start.found() == str(encoders_root() / shown["encoder"])
    assert start.identity in learner.settings
    found = [Measuring.of(run, each) for each in (learner, other)]
    keys = [each.keys(each.jobs([], all_rows=True)) for each in found]
    assert not set(keys[0]) & set(keys[1])
    # it stands while few rows have changed
    write(changed(sentences(), 3), **few, adaptation={"epochs": 2, **small})
    stood = ran(keys=KEYS)
    assert stood.metadata[ADAPTED]["encoder"] == shown["encoder"]
    assert stood.metadata[ADAPTED]["verdict"] == "It stands."
    (encoders_root() / shown["encoder"]).rename(tmp_path / "gone")
    with pytest.raises(SluiceError, match="is gone from"):
        start.found()
    with pytest.raises(ConfigError, match="no section `adaptation`"):
        adapting._section(NAME, without(config))


def without(config: DatasetConfig) -> DatasetConfig:
    return config.model_copy(update={"adaptation": None})
