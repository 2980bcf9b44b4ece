"""The lineage of tagged sentences: what a change costs, and a refresh that equals a rebuild."""

import os
from pathlib import Path

import pytest
from before_outcomes import store_as_before
from lineage import Ran, run_lineage
from tagged_sentences import NAME, ran, sentences, tiny, write

from assets.lineage.inputs import read_rows
from assets.lineage.stage import REBUILD_TAG
from assets.stages.evaluations import examples_of
from assets.tokens.lineage import LINEAGE, TOKENS
from resources import registry
from resources.datasets import Datasets
from resources.lake import Lake
from resources.store import records, rows, selections
from resources.tracking import Tracking
from sluice.core.budgets import parse_budget
from sluice.data.payloads.sentences import joined_words, read_sentence
from sluice.evaluation.learner import Given
from sluice.tasks.tokens.features import features_of_texts
from sluice.tasks.tokens.learner import TokensLearner

T_FREX = TOKENS.key("subsets", "t_frex")
MNLP, ADAPTED = TOKENS.key("scores", "mnlp"), TOKENS.key("encoder", "adapted")


def kept(lake: Lake) -> dict[str, list[str]]:
    """Rows of each method's subset, in order."""
    found = {}
    for name, record in records.latest(lake, NAME).items():
        if "/subsets/" in name:
            shown = record.details["selections"][0]["selection_id"]
            found[name] = selections.rows(lake, shown)["instance_id"].to_pylist()
    return found


@pytest.mark.slow
def test_only_a_changed_sentence_is_embedded_and_a_refresh_equals_a_rebuild(home: Path) -> None:
    content = sentences()
    write(content, "\nbad\n\nodd I-person\n")
    first, lake = ran(), Lake()
    assert set(first.metadata) == {
        "/".join(k.path) for k in LINEAGE.wanted(Datasets().config(NAME))
    }
    assert first.computed["tokens/embeddings"] == 80
    assert first.metadata["tokens/subsets/t_frex"]["notes"].startswith("The least split")
    train = read_rows(lake, NAME).of("train")
    assert {len(ids) for ids in kept(lake).values()} == {parse_budget(0.25, len(train.ids))}
    assert set(train.class_names) == {"person", "place", "person+place", "none"}
    reasons = sorted(rows.read_rejected(lake, NAME)["reason"].to_pylist())
    assert reasons == ["ill_formed_bio", "missing_tag"]
    assert not ran().computed, "nothing changed"
    page = (home / "sluice" / "reports" / f"{NAME}.html").read_text()
    assert "t_frex" in page
    assert joined_words(train.texts[0]).split()[1] in page
    content[3] = [*content[3][:-1], ("slowly", "O"), (".", "O")]
    write(content, "\nbad\n\nodd I-person\n")
    second = ran()
    assert second.computed["tokens/embeddings"] == 1
    assert second.metadata["tokens/embeddings"]["texts_embedded"] == 1
    refreshed = kept(lake)
    again = ran(job="tokens_rebuild")
    assert again.metadata["tokens/embeddings"]["texts_embedded"] == 0
    assert kept(lake) == refreshed
    # the repaired sentence is a row more
    write(content, "\nbad\n\nodd I-person\n", bio={"repair": True}, features={"kind": "lemma"})
    third = ran(keys=[*map(TOKENS.key, ("instances", "embeddings", "map")), T_FREX])
    assert third.computed["tokens/embeddings"] == 1
    assert "tokens/subsets/t_frex" in third.computed, "other features are other subsets"
    present = read_rows(lake, NAME).of("train")
    features = features_of_texts(present.texts, "lemma")
    assert {"ada lovelace", "lake geneva"} <= set(features.names)


def test_asks_only_for_what_a_selector_reads(home: Path) -> None:
    write(sentences(), selectors=["t_frex"])
    asked = set(LINEAGE.wanted(Datasets().config(NAME)))
    assert TOKENS.key("graphs", "knn") not in asked
    assert TOKENS.key("subsets", "random_stratified") in asked
    assert TOKENS.key("subsets", "k_center") not in asked
    assert not {MNLP, ADAPTED} & asked
    write(sentences(), selectors=["facility_location", "mnlp"], adaptation={})
    assert {TOKENS.key("graphs", "knn"), MNLP, ADAPTED} <= set(
        LINEAGE.wanted(Datasets().config(NAME))
    )
    assert "mnlp" not in TOKENS.spec.short_list, "a tagger must be trained first"


@pytest.mark.slow
def test_taggers_are_estimated_trained_apart_once_each_and_compared(
    home: Path, tmp_path: Path
) -> None:
    few = {**tiny(tmp_path), "selectors": ["t_frex"], "split": {"validation": 0.2}}
    write(sentences(), **few, evaluation={"resamples": 50, "max_hours": 1e-9})
    config = Datasets().config(NAME)
    ran(keys=[key for key in LINEAGE.wanted(config) if key != TOKENS.key("report")])
    asked = LINEAGE.on_demand(config)
    refused = run_lineage(NAME, job="tokens_evaluations", keys=asked)
    assert "more than evaluation.max_hours 1e-09. Compare" in "".join(refused.errors.values())
    assert "tokens/evaluations/t_frex" not in refused.metadata, "nothing starts"
    write(sentences(), **few, evaluation={"resamples": 50})
    done = ran(job="tokens_evaluations", keys=asked)
    assert done.computed["tokens/evaluations/t_frex"] == 1
    assert done.computed["tokens/evaluations/all_rows"] == 1
    said = done.metadata["tokens/evaluations/estimate"]["estimate"]
    assert said.startswith("3 taggers to train and measure, 0 kept: about ")
    lake = Lake()
    details = records.latest(lake, NAME)["tokens/evaluations/comparison"].details
    assert [row["selector"] for row in details["rows"]] == ["random_stratified", "t_frex"]
    assert 0 <= details["chosen"]["validation_f1"] <= 1
    held = read_rows(lake, NAME).of("test")
    truth = [[tag.startswith("B-") for tag in read_sentence(text).tags] for text in held.texts]
    stored = lake.read(
        "SELECT evaluation_id, list(value[3] ORDER BY instance_id) AS spans FROM outcomes "
        "WHERE split = 'test' AND metric = 'spans' GROUP BY ALL"
    ).to_pylist()
    assert [row["spans"] for row in stored] == [[float(sum(row)) for row in truth]] * 3
    page = (home / "sluice" / "reports" / f"{NAME}.html").read_text()
    assert "What each subset trains" in page
    assert "span F1" in page
    assert not ran(job="tokens_evaluations", keys=asked).computed
    check_champion(lake, done)
    # taggers that were measured before there were outcomes are not trained again
    store_as_before(lake, "token_evaluations")
    evaluated = [key for key in asked if key.path[1] == "evaluations"]
    again = ran(job="tokens_evaluations", keys=evaluated, tags={REBUILD_TAG: "true"})
    assert again.metadata["tokens/evaluations/estimate"]["estimate"].startswith("0 taggers")
    assert not sum(
        values["rows_new"] for name, values in again.metadata.items() if "t_frex" in name
    )
    assert records.latest(lake, NAME)["tokens/evaluations/comparison"].details == details


def check_champion(lake: Lake, done: Ran) -> None:
    champion = registry.find(Tracking(), f"sluice.tokens.{NAME}", "champion")
    assert champion is not None
    assert champion.run_id in done.metadata["tokens/models/fine_tuned"]["mlflow_run"]
    model = TokensLearner(Given(Datasets().config(NAME))).load(champion.folder)
    held = examples_of(read_rows(lake, NAME).of("test"))
    decided = records.latest(lake, NAME)["tokens/models/champion"].details
    outcomes = model.outcomes(held)["spans"]
    assert TokensLearner.metric().value(outcomes) == decided["challenger_test"]
    said = [answer.split() for answer in model.answers(held)]
    assert list(map(len, said)) == [len(read_sentence(text).tokens) for text in held.texts]
    page = (Path(os.environ["SLUICE_HOME"]) / "reports" / f"{NAME}.html").read_text()
    assert decided["decision"] in page
