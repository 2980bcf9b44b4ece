"""Everything that a dataset's page shows, read from the lake."""

import importlib.metadata
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np

from assets.display.results import Results, results_of
from assets.lineage.inputs import Rows, read_rows
from assets.lineage.registry import lineage_of
from assets.lineage.stage import inputs_of, name_of
from assets.lineage.task import RANDOM, Task
from assets.stages import choices
from assets.stages.map import read_map
from assets.stages.model import curves
from assets.stages.scores import read_probabilities
from resources.lake import Lake
from resources.store import records, rows, scores, selections
from sluice.core.budgets import budget_label
from sluice.core.errors import SluiceError
from sluice.data.config import DatasetConfig
from sluice.evaluation.comparison import too_few
from sluice.reports.contents import (
    Evidence,
    Interval,
    KeptRow,
    ModelCard,
    ReportData,
    StageCost,
    SuspectRow,
)
from sluice.reports.curves import learning_curve
from sluice.reports.figures import class_balance, score_histogram, training_curve
from sluice.reports.maps import selection_map
from sluice.reports.style import DARK, LIGHT
from sluice.reports.tables import curve_points
from sluice.scores.registry import SCORES

SAMPLE_ROWS = 8
SUSPECT_ROWS = 10
SCALE = 1.5
# What a language model has scored, and is drawn.
RESPONSE_SCORES = ("ifd", "s_ifd_mean", "quality")
_PACKAGES = ("sluice", "dagster", "duckdb", "faiss-cpu", "faiss-gpu", "mlflow", "torch")


def gather(lake: Lake, task: Task, dataset: str, config: DatasetConfig) -> ReportData:
    """Read what the page of one dataset shows.

    Raises
    ------
    SluiceError
        If its lineage has not come far enough for a page.
    """
    inputs_of(lake, dataset, [task.key("instances"), task.key("map")])
    present = read_rows(lake, dataset)
    train = present.of("train")
    known = _asked_for(config, records.latest(lake, dataset))
    results = _results(task, known)
    instances = known[name_of(task.key("instances"))]
    chosen = results.chosen if results else _first(task, config, known)
    kept_ids = set(selections.rows(lake, chosen["selection_id"])["instance_id"].to_pylist())
    kept = np.array([row in kept_ids for row in train.ids])
    names = present.class_names
    pool_counts, kept_counts = (
        np.bincount(train.labels[mask], minlength=len(names)) for mask in (kept | True, kept)
    )
    samples, ids = _samples(lake, task, config, known)
    return ReportData(
        dataset=dataset,
        task=task.name,
        generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        split_rows=dict(Counter(present.splits)),
        class_counts=dict(zip(names, pool_counts.tolist(), strict=True)),
        budget_rows=results.rows if results else [],
        all_rows=results.all_rows if results else None,
        chosen_selector=chosen["selector"],
        chosen_budget_label=chosen["budget"],
        snapshot=str(lake.snapshot()),
        rejected=dict(Counter(rows.read_rejected(lake, dataset)["reason"].to_pylist())),
        warnings=instances.details["warnings"],
        kept_class_counts=dict(zip(names, kept_counts.tolist(), strict=True)),
        stage_costs=_costs(known),
        kept=samples,
        selection_ids=ids,
        suspects=_suspects(lake, task, dataset, train)
        if results and name_of(task.key("scores", "label_quality")) in known
        else [],
        model_card=_model_card(task, known),
        figures=_figures(lake, task, dataset, train, kept, results, known),
        versions=_versions(),
        confidence=config.evaluation.confidence,
        interval_method="bootstrap over rows and Student's distribution for seeds, paired",
        evidence=evidence_of(task, known),
        lead="" if results else _lead(config, dataset),
        enough=results.enough_sentence if results else "",
        metric=results.metric if results else "",
        learner=results.learner if results else "",
        caveats=too_few(results.test_rows) if results else (),
    )


def _results(task: Task, known: dict[str, records.Record]) -> Results | None:
    compared = known.get(name_of(task.key("evaluations", "comparison")))
    # One of before, of evaluations on demand, says it in other words.
    return results_of(compared) if compared and "metric" in compared.details else None


def _lead(config: DatasetConfig, dataset: str) -> str:
    """Return the first sentence of a page where nobody has asked for evaluations yet."""
    if not lineage_of(config).has_on_demand:
        return ""
    return (
        f"No subset has been trained on yet: `sluice run {dataset} --evaluate` does it, and says "
        "before how long it will take. What was measured by an earlier version is not trained "
        "again."
    )


def _first(task: Task, config: DatasetConfig, known: dict[str, records.Record]) -> dict[str, Any]:
    """Return the subset that a page is about where no results are known.

    The one that an earlier version chose; else the first of the list (ours).
    """
    compared = known.get(name_of(task.key("evaluations", "comparison")))
    if compared is not None:
        return compared.details["chosen"]
    label = budget_label(config.chosen_budget)
    prefix = name_of(task.key("subsets", ""))
    made = [name.removeprefix(prefix) for name in sorted(known) if name.startswith(prefix)]
    made.sort(key=lambda name: (name == RANDOM, name not in task.spec.short_list))
    listed = [name for name in task.spec.short_list if name in made and name != RANDOM]
    for name in [*listed, *made]:
        for entry in known[name_of(task.key("subsets", name))].details["selections"]:
            if entry["budget"] == label:
                return {**entry, "selector": name}
    raise SluiceError(
        "There is no subset to show yet. Materialise one, or run the whole lineage with "
        "`sluice run`."
    )


def _asked_for(
    config: DatasetConfig, known: dict[str, records.Record]
) -> dict[str, records.Record]:
    """Leave out what a dataset no longer asks for: it may be of rows that are gone."""
    lineage = lineage_of(config)
    keys = [*lineage.wanted(config), *lineage.on_demand(config)]
    names = {name_of(key) for key in keys}
    return {name: record for name, record in known.items() if name in names}


def _samples(
    lake: Lake, task: Task, config: DatasetConfig, known: dict[str, records.Record]
) -> tuple[dict[str, list[KeptRow]], dict[str, str]]:
    samples: dict[str, list[KeptRow]] = {}
    ids: dict[str, str] = {}
    prefix = name_of(task.key("subsets", ""))
    label = budget_label(config.chosen_budget)
    for name in sorted(known):
        if not name.startswith(prefix):
            continue
        entries = known[name].details["selections"]
        entry = next((e for e in entries if e["budget"] == label), None)
        if entry is None:
            continue
        method = name.removeprefix(prefix)
        fields = [key for key in KeptRow.__dataclass_fields__ if key != "text"]
        table = selections.rows(lake, entry["selection_id"]).slice(0, SAMPLE_ROWS)
        ids[method] = entry["selection_id"]
        samples[method] = [
            KeptRow(**{key: row[key] for key in fields}, text=_shown(task, row["text"]))
            for row in table.to_pylist()
        ]
    return samples, ids


def _costs(known: dict[str, records.Record]) -> list[StageCost]:
    return [
        StageCost(
            stage=name.split("/")[1],
            method="/".join(name.split("/")[2:]),
            seconds=record.seconds,
            rows_total=record.rows_total,
            rows_new=record.rows_new,
            rows_reused=record.rows_reused,
            rows_removed=record.rows_removed,
            device=record.device,
        )
        for name, record in known.items()
        if not name.endswith("/report")
    ]


def _shown(task: Task, text: str) -> str:
    """Return a row's content as a person reads it."""
    return task.spec.rows.display(text)


def _suspects(lake: Lake, task: Task, dataset: str, train: Rows) -> list[SuspectRow]:
    quality = scores.read(lake, dataset, "label_quality", train.ids)
    suggested = read_probabilities(lake, dataset, train).argmax(axis=1)
    lowest = np.argsort(quality, kind="stable")[:SUSPECT_ROWS].tolist()
    return [
        SuspectRow(
            instance_id=train.ids[i],
            text=_shown(task, train.texts[i]),
            label=train.class_names[train.labels[i]],
            suggested=train.class_names[suggested[i]],
            score=float(quality[i]),
        )
        for i in lowest
    ]


def _model_card(task: Task, known: dict[str, records.Record]) -> ModelCard | None:
    trained = known.get(name_of(task.key("models", task.spec.trained)))
    decided = known.get(name_of(task.key("models", "champion")))
    if trained is None or decided is None:
        return None
    chosen, verdict = trained.details["chosen"], decided.details
    is_champion = verdict["champion"] == trained.details["version"]
    return ModelCard(
        version=trained.details["version"],
        alias="champion" if is_champion else "",
        selector=chosen["selector"],
        budget_label=chosen["budget"],
        selection_id=chosen["selection_id"],
        rows=trained.rows_total,
        validation=Interval(*verdict["validation"]),
        test=Interval(*verdict["test"]),
        champion_decision=verdict["decision"],
        mlflow_url=trained.details["mlflow_url"],
    )


def evidence_of(task: Task, known: dict[str, records.Record]) -> list[Evidence]:
    """Return the sections that a dataset's newest records have something for."""
    makers = {
        task.key("evaluations", "attention_value"): _attention,
        task.key("encoder"): _encoder,
        task.key("choices", "comparison"): choices.section,
    }
    return [make(known[name_of(key)]) for key, make in makers.items() if name_of(key) in known]


def _attention(record: records.Record) -> Evidence:
    said = record.details
    return Evidence(
        title="What attention is worth here",
        sentences=[said["gate"], said["sentence"]],
        columns=said["columns"],
        rows=said["rows"],
    )


def _encoder(record: records.Record) -> Evidence:
    said = record.details
    return Evidence(
        title="How the columns became features",
        sentences=[
            f"Encoder {said['encoder']}, fitted on {said['fitted_on']:,} training rows. "
            f"{said['verdict']} The largest drift of a column since then is {said['drift']:.3g}."
        ],
        columns=said["columns"],
        rows=said["rows"],
    )


def _figures(
    lake: Lake,
    task: Task,
    dataset: str,
    train: Rows,
    kept: np.ndarray,
    results: Results | None,
    known: dict[str, records.Record],
) -> dict[str, bytes]:
    place = read_map(lake, dataset, train.ids)
    names = train.class_names
    pool_counts = np.bincount(train.labels, minlength=len(names))
    kept_counts = np.bincount(train.labels[kept], minlength=len(names))
    of_task = [name for name, score in SCORES.items() if task.name in score.tasks]
    values = {
        name: scores.read(lake, dataset, name, train.ids)
        for name in of_task or RESPONSE_SCORES
        if f"{task.name}/{task.score_stage(name)}" in known
    }
    trained = known.get(name_of(task.key("models", task.spec.trained)))
    points = curve_points(results.rows, len(train.ids)) if results else []
    figures: dict[str, bytes] = {}
    for suffix, theme in (("", LIGHT), ("@dark", DARK)):
        look: dict[str, Any] = {"scale": SCALE, "theme": theme}
        drawn = {
            "selection_map": selection_map(place, kept, train.labels, names, **look),
            **{
                f"score_histogram:{name}": score_histogram(value[np.isfinite(value)], name, **look)
                for name, value in values.items()
            },
        }
        if results:
            everything = results.all_rows.test
            metric = f"test {results.metric}"
            drawn["learning_curve"] = learning_curve(points, everything, metric=metric, **look)
            if results.class_names == list(names):
                drawn["class_balance"] = class_balance(pool_counts, kept_counts, names, **look)
        if trained is not None and "curve" in trained.details:
            drawn["training_curve"] = training_curve(curves(trained.details["curve"]), **look)
        figures |= {f"{name}{suffix}": png for name, png in drawn.items()}
    return figures


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
