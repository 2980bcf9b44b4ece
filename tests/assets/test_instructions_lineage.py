"""The lineage of prompts and responses: real rows, what a change costs, kills, and purging."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from before_outcomes import store_as_before
from lineage import Ran, run_lineage

from assets.instructions import token_losses as scoring
from assets.instructions.lineage import INSTRUCTIONS, LINEAGE
from assets.lineage.inputs import read_rows
from assets.lineage.stage import REBUILD_TAG
from assets.stages.evaluations import examples_of
from assets.tabular.encoder import KEEP_TAG
from resources import registry
from resources.compute import Compute
from resources.datasets import Datasets
from resources.lake import Lake
from resources.language_models import LanguageModels
from resources.store import purging, records, scores, selections
from resources.tracking import Tracking
from sluice.core.errors import DataError
from sluice.data.payloads.conversations import read_conversation
from sluice.evaluation.evaluate import held_out_positions
from sluice.evaluation.learner import Given
from sluice.language.checkpoint import CausalModel
from sluice.language.losses import conditional, unconditional
from sluice.language.pairs import tokenise
from sluice.tasks.instructions.learner import InstructionsLearner

NAME = "answers"
CPU = Compute(device="cpu")
SAMPLE = "datasets/evals_instructions/evals_instructions.parquet"


@pytest.fixture(scope="session")
def answers(root: Path) -> list[dict]:
    """Forty real pairs of four families, the shortest of each."""
    rows = pq.read_table(root / SAMPLE).to_pylist()
    families = sorted({row["family"] for row in rows})[:4]
    chosen = []
    for family in families:
        mine = [row for row in rows if row["family"] == family]
        chosen += sorted(mine, key=lambda row: len(json.dumps(row["messages"])))[:10]
    return chosen


def write(rows: list[dict], model: Path | None, **changes: object) -> None:
    folder = Datasets().folder / NAME
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "task": "instructions",
        "files": ["rows.jsonl"],
        "columns": {"messages": "messages", "family": "family", "id": "id"},
        "budgets": [0.2],
        "chosen_budget": 0.2,
        "seeds": [0],
        "neighbours": {"copies": 2},
        "gradients": {"dimension": 64, "warmup_rows": 12, "refit_drift": 0.5},
        "graph": {"k": 5, "slack": 5},
        "plots": False,
        **({"language_model": {"model": str(model)}} if model else {}),
        **changes,
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(config))


def ran(**options: object) -> Ran:
    done = run_lineage(NAME, **options)
    assert done.success, "\n".join(done.errors.values())
    return done


def passes(done: Ran, name: str) -> int:
    shown = done.metadata[f"instructions/scores/{name}"]
    return 0 if shown["unchanged"] else shown["passes_of_the_model"]


def state(lake: Lake) -> dict[str, object]:
    """All that later stages read: scores by row, and each method's rows in order."""
    train = read_rows(lake, NAME).of("train")
    names = ("ifd", "ifd_loss", "s_ifd_mean", "s_ifd_std", "quality", "response_tokens")
    found: dict[str, object] = {
        name: dict(zip(train.ids, scores.read(lake, NAME, name, train.ids), strict=True))
        for name in names
    }
    for name, record in records.latest(lake, NAME).items():
        if "/subsets/" in name:
            kept = record.details["selections"][0]["selection_id"]
            found[name] = selections.rows(lake, kept)["instance_id"].to_pylist()
    return found


def same(one: dict[str, object], other: dict[str, object]) -> bool:
    for name, value in one.items():
        if isinstance(value, dict):
            mine = np.array([value[row] for row in sorted(value)])
            theirs = np.array([other[name][row] for row in sorted(other[name])])
            # losses are kept: a rebuild reads the same ones
            if not np.array_equal(mine, theirs, equal_nan=True):
                return False
        elif value != other[name]:
            return False
    return one.keys() == other.keys()


@pytest.mark.slow
def test_only_new_rows_meet_the_model_and_a_refresh_equals_a_rebuild(
    home: Path, tiny_folder: Path, answers: list[dict]
) -> None:
    few = {"selectors": ["mig", "t_shirt", "dac", "bids", "longest"]}
    write(answers[:-4], tiny_folder, **few)
    first, lake = ran(), Lake()
    assert set(first.metadata) == {
        "/".join(k.path) for k in LINEAGE.wanted(Datasets().config(NAME))
    }
    train = len(read_rows(lake, NAME).of("train").ids)
    assert passes(first, "losses") == train
    assert passes(first, "s_ifd") == 2 * train
    assert not ran().computed, "nothing changed"
    before = set(read_rows(lake, NAME).of("train").ids)
    write(answers[2:], tiny_folder, **few)
    second = ran()
    fresh = set(read_rows(lake, NAME).of("train").ids) - before
    assert fresh
    assert passes(second, "losses") == len(fresh)
    served = first.metadata["instructions/gradients"]["validation_rows"]
    assert first.computed["instructions/gradients"] == train + served
    assert second.computed["instructions/warm_up"] == 0, "the adapters stand"
    assert len(fresh) <= second.computed["instructions/gradients"] < train
    assert passes(second, "s_ifd") == 2 * len(fresh)
    refreshed = state(lake)
    again = ran(job="instructions_rebuild", tags={KEEP_TAG: "true"})
    assert passes(again, "losses") == passes(again, "s_ifd") == 0
    assert same(refreshed, state(lake))
    # one copy more is one pass a row, and the clean losses stay
    write(answers[2:], tiny_folder, **few, neighbours={"copies": 3})
    third = ran()
    assert "instructions/scores/losses" not in third.computed
    assert passes(third, "s_ifd") == len(before & set(refreshed["ifd"])) + len(fresh)
    # a shown subset of every method, in the report
    page = (home / "sluice" / "reports" / f"{NAME}.html").read_text()
    assert all(name in page for name in ("mig", "t_shirt", "dac", "longest"))


@pytest.mark.slow
def test_a_killed_scoring_resumes_at_its_last_shard(
    home: Path, tiny_folder: Path, answers: list[dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(answers, tiny_folder, selectors=["ifd_top"])
    monkeypatch.setattr(scoring, "SHARD_ROWS", 8)
    appended = []
    keep = scoring.store.append

    def until_killed(lake: Lake, shard: object) -> None:
        if len(appended) == 2:
            raise KeyboardInterrupt
        appended.append(shard.num_rows)
        keep(lake, shard)

    monkeypatch.setattr(scoring.store, "append", until_killed)
    with pytest.raises(BaseException):  # noqa: B017, PT011  (as Dagster reports it)
        ran()
    monkeypatch.setattr(scoring.store, "append", keep)
    train = len(read_rows(Lake(), NAME).of("train").ids)
    assert passes(ran(), "losses") == train - sum(appended)


@pytest.mark.slow
def test_the_default_model_scores_as_it_does_alone(
    home: Path, smollm2_folder: Path, answers: list[dict]
) -> None:
    """SmolLM2 through the lineage, against one row at a time; a row of one token has no IFD."""
    few = answers[::8]
    few[0] = {**few[0], "messages": [{"role": "user", "content": "Say a."}, *_said("a")]}
    write(few, None, selectors=["ifd_top", "longest"])
    done, lake = ran(), Lake()
    train = read_rows(lake, NAME).of("train")
    model = CausalModel(smollm2_folder, device="cpu").load()
    found = scores.read(lake, NAME, "ifd", train.ids)
    for row, text, value in zip(train.ids, train.texts, found, strict=True):
        pair = tokenise(model.tokenizer, read_conversation(text).mappings, 512)
        given = conditional(model.model, [pair])[0].astype(np.float64)
        alone = unconditional(model.model, [pair])[0].astype(np.float64)
        if len(alone):
            assert np.isclose(value, np.exp(given.mean() - alone.mean()), rtol=1e-4), row
        else:
            assert np.isnan(value)
    if np.isnan(found).any():
        assert "one token" in done.metadata["instructions/scores/losses"]["set_aside"]
    assert (found[np.isfinite(found)] < 1).mean() > 0.5, "most prompts help"


@pytest.mark.slow
def test_purging_leaves_nothing_that_the_model_read(
    home: Path, tiny_folder: Path, answers: list[dict]
) -> None:
    write(answers[:20], tiny_folder, selectors=["mig"])
    ran()
    lake = Lake()
    assert lake.read("SELECT count(*) AS n FROM token_losses")["n"][0].as_py() > 0
    assert lake.read("SELECT count(*) AS n FROM tags")["n"][0].as_py() > 0
    purging.purge(lake, NAME)
    for table in ("token_losses", "tags", "contents"):
        assert lake.read(f"SELECT count(*) AS n FROM {table}")["n"][0].as_py() == 0


@pytest.mark.slow
def test_models_are_trained_apart_once_each_and_compared(
    home: Path, tiny_folder: Path, answers: list[dict]
) -> None:
    few = {"selectors": ["longest"], "seeds": [0, 1], "training": {"batch_size": 4}}
    few["evaluation"] = {"held_out_rows": 4, "resamples": 50, "answers": False}
    write(answers, tiny_folder, **few)
    ran()
    config = Datasets().config(NAME)
    asked = LINEAGE.on_demand(config)
    assert not set(asked) & set(LINEAGE.wanted(config)) - {INSTRUCTIONS.key("report")}
    done = ran(job="instructions_evaluations", keys=asked)
    assert done.computed["instructions/evaluations/longest"] == 2, "one subset, two trainings"
    assert done.computed["instructions/evaluations/all_rows"] == 2
    assert "6 models to train" in done.metadata["instructions/evaluations/estimate"]["estimate"]
    lake = Lake()
    details = records.latest(lake, NAME)["instructions/evaluations/comparison"].details
    assert [row["selector"] for row in details["rows"]] == ["longest", "random_stratified"]
    assert all(row["also"]["exact answers"] == "" for row in details["rows"])
    stored = lake.read(
        "SELECT method, seed, count(*) AS rows, min(value[1]) AS least FROM evaluations JOIN "
        "outcomes USING (evaluation_id) WHERE metric = 'loss' GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    assert [(r["method"], r["seed"]) for r in stored][:2] == [("all_rows", 0), ("all_rows", 1)]
    assert all(0 < r["rows"] <= 8 and r["least"] > 0 for r in stored)
    page = (home / "sluice" / "reports" / f"{NAME}.html").read_text()
    assert "What each subset trains" in page
    assert "Accuracy over budget" not in page
    check_champion(lake, done, page)
    # models that were measured before there were outcomes are not trained again
    store_as_before(lake, "language_evaluations")
    evaluated = [key for key in asked if key.path[1] == "evaluations"]
    again = ran(job="instructions_evaluations", keys=evaluated, tags={REBUILD_TAG: "true"})
    assert again.metadata["instructions/evaluations/estimate"]["estimate"].startswith("0 models")
    assert again.metadata["instructions/evaluations/longest"]["rows_new"] == 0
    assert records.latest(lake, NAME)["instructions/evaluations/comparison"].details == details
    # one seed more trains one model a method, and not again what is there
    write(answers, tiny_folder, **{**few, "seeds": [0, 1, 2]})
    ran()
    more = ran(job="instructions_evaluations", keys=asked)
    assert more.computed["instructions/evaluations/longest"] == 1
    assert more.computed["instructions/evaluations/random_stratified"] == 1
    assert not ran(job="instructions_evaluations", keys=asked).computed
    write(answers, tiny_folder, **{**few, "seeds": [3], "evaluation": {"most_hours": 1e-9}})
    ran()
    refused = run_lineage(NAME, job="instructions_evaluations", keys=asked)
    assert "more than evaluation.max_hours" in "".join(refused.errors.values())


def check_champion(lake: Lake, done: Ran, page: str) -> None:
    config = Datasets().config(NAME)
    champion = registry.find(Tracking(), f"sluice.instructions.{NAME}", "champion")
    assert champion is not None
    assert champion.run_id in done.metadata["instructions/models/fine_tuned"]["mlflow_run"]
    given = Given(config, language_model=lambda settings: LanguageModels().of(settings, CPU))
    learner, present = InstructionsLearner(given), read_rows(lake, NAME)
    model = learner.load(champion.folder)
    at = held_out_positions(learner, present.ids, present.splits)["test"]
    held = examples_of(present.at(at))
    decided = records.latest(lake, NAME)["instructions/models/champion"].details
    loss = learner.metric().value(model.outcomes(held)["loss"])
    assert loss == pytest.approx(decided["challenger_test"])
    assert len(model.answers(held.at([0]))) == 1
    model.close()
    assert decided["decision"] in page
    # beside another base they are refused
    base = json.loads((champion.folder / "base.json").read_text())
    (champion.folder / "base.json").write_text(json.dumps(base | {"identity": "another"}))
    with pytest.raises(DataError, match="belong to the language model another"):
        learner.load(champion.folder)
    (champion.folder / "base.json").write_text(json.dumps(base))


def _said(content: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": content}]


def test_asks_only_for_what_a_selector_reads(home: Path, answers: list[dict]) -> None:
    write(answers, None, selectors=["k_center"])
    asked = set(LINEAGE.wanted(Datasets().config(NAME)))
    assert INSTRUCTIONS.key("scores", "losses") not in asked
    assert INSTRUCTIONS.key("tags") not in asked
    write(answers, None, selectors=["mig"])
    asked = set(LINEAGE.wanted(Datasets().config(NAME)))
    assert {INSTRUCTIONS.key("scores", "losses"), INSTRUCTIONS.key("tags")} <= asked
    assert INSTRUCTIONS.key("scores", "s_ifd") not in asked


@pytest.mark.slow
def test_methods_that_ask_the_model_while_they_pick(
    home: Path, tiny_folder: Path, answers: list[dict]
) -> None:
    settings = {"selectors": ["quad", "dac_iterative"], "seeds": [0, 1], "plots": True}
    settings["training"] = {"batch_size": 4}
    write(answers, tiny_folder, **settings)
    first, lake = ran(), Lake()
    train = read_rows(lake, NAME).of("train").ids
    for name in ("quad", "dac_iterative"):
        shown = first.metadata[f"instructions/subsets/{name}"]
        assert shown["steps"] > 0
        kept = records.latest(lake, NAME)[f"instructions/subsets/{name}"].details["selections"]
        assert [entry["seed"] for entry in kept] == [0, 1]
        assert all(entry["size"] == round(0.2 * len(train)) for entry in kept)
    asked = "SELECT count(*) AS n FROM embeddings WHERE len(vector) = 1"
    pulled = lake.read(asked)["n"][0].as_py()
    assert 0 < pulled <= len(train)
    assert not ran().computed
    # the same rows again, by way of a rebuild: nothing is asked twice
    before = {n: r.data_version for n, r in records.latest(lake, NAME).items() if "subsets" in n}
    ran(job="instructions_rebuild", tags={KEEP_TAG: "true"})
    after = {n: r.data_version for n, r in records.latest(lake, NAME).items() if "subsets" in n}
    assert before == after
    assert lake.read(asked)["n"][0].as_py() == pulled
