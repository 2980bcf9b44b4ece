"""Rows whose given label is not to be trusted: how close each is to its version for that label."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from assets.lineage.inputs import Rows, read_rows, read_vectors
from assets.lineage.stage import Outcome, Run, digest_of, stage
from assets.lineage.task import Task
from assets.text.echo_versions import Versions, nearest_versions, rewritten_versions
from assets.text.labels import drawn
from assets.text.rewrites import Writing, label_names, writing_of
from resources.lake import Lake
from resources.store import echoes as store
from resources.store import vectors
from sluice.core.errors import DataError
from sluice.noise.echo_select import EchoSelection, echo_select, echo_similarity
from sluice.noise.rewriting import prompt_identity
from sluice.tasks.text.config import TextConfig
from sluice.tasks.text.label_noise import LabelNoise

VERSION = "1"
ECHOES = "labels/echoes"
SHOWN = 20
ORIGIN = {
    "nearest_instance": "the nearest other training row of the given label (ours, no generator)",
    "rewriting": "the text, rewritten by the language model of dataset.yaml (our prompt)",
    "endpoint": "the text, rewritten by the service of dataset.yaml (our prompt)",
}


def _noise(run: Run) -> LabelNoise:
    return TextConfig.of(run.config).label_noise or LabelNoise()


def _writing(run: Run) -> Writing | None:
    chosen = _noise(run)
    if chosen.generator == "nearest_instance":
        return None
    return writing_of(TextConfig.of(run.config), chosen, run.language_models, run.compute)


def _all_answered(run: Run) -> bool:
    """Whether no service was away for some rows, which may be there again."""
    return run.previous is None or not run.previous.details.get("unanswered", 0)


@stage(
    ECHOES,
    reads=("instances", "embeddings"),
    resources=("compute", "language_models"),
    kinds=("duckdb", "scikitlearn", "torch"),
    gpu=True,
    version=VERSION,
    table="echoes",
    description=(
        "Which given labels are to be trusted, by EchoSelect of EchoAlign: each training row "
        "gets a version for its given label, and the label is trusted where the cosine of "
        "both vectors is above a threshold. That rule is the paper's. Ours are the versions "
        "(the paper edits pictures by a generator; here the nearest other row of the label, "
        "or the text rewritten by a language model), the sentence encoder in place of CLIP, "
        "and the threshold by a mixture of two normal distributions (the paper's are set by "
        "hand). It is a hint for people: only `evaluations/echo_value` reads it, and no row "
        "is dropped. Rewritten texts are stored as they are made, each once. Only made where "
        "`label_noise` is in `dataset.yaml`."
    ),
    settings=lambda run: _identity(_noise(run), run.once(_writing)),
    is_valid=_all_answered,
    replaces=True,
    when=lambda task, config: TextConfig.of(config).label_noise is not None,
)
def echoes(run: Run) -> Outcome:
    """Compare each training row with a version of it for its given label."""
    lake, task, dataset, writing = run.lake, run.task, run.dataset, run.once(_writing)
    chosen = _noise(run)
    train = read_rows(lake, dataset).of("train")
    if not train.ids:
        raise DataError(
            f"Dataset {dataset} has no training rows whose labels could be looked at. Add "
            "rows, or change the split column or the shares under `split`."
        )
    if writing is None:
        found = nearest_versions(lake, task, dataset, train)
    else:
        sample = drawn(train, chosen.rows, chosen.seed)
        found = rewritten_versions(lake, task, dataset, run.config, sample, writing, run.device)
    return _select(lake, task, dataset, chosen, found)


def _identity(chosen: LabelNoise, writing: Writing | None) -> Mapping[str, Any]:
    """Return all that the echoes depend on but the rows and their vectors."""
    said: dict[str, Any] = chosen.model_dump(include={"generator", "threshold"})
    if writing is None:
        return said
    sample = chosen.model_dump(include={"rows", "seed"})
    return {
        **said,
        **sample,
        "writer": writing.identity,
        "prompt": prompt_identity((), chosen.kind),
    }


def _select(lake: Lake, task: Task, dataset: str, chosen: LabelNoise, found: Versions) -> Outcome:
    """Compare each row with its version, draw the line, and store what came of it."""
    rows = found.rows
    at = [i for i, key in enumerate(found.keys) if key is not None]
    kept: EchoSelection | None = None
    cosines = np.empty(0)
    if at:
        original = read_vectors(lake, task, dataset, rows.at(at))
        edited = vectors.read(lake, [key for key in found.keys if key is not None])
        cosines = echo_similarity(original, edited)
        kept = echo_select(cosines, threshold=chosen.threshold)
    table = _table(found, at, cosines.tolist(), kept.kept.tolist() if kept else [])
    before = {_name(row) for row in store.read(lake, dataset).to_pylist()}
    now = {_name(row) for row in table.to_pylist()}
    store.replace(lake, dataset, table)
    lowest = [at[i] for i in np.argsort(cosines, kind="stable")[:SHOWN].tolist()]
    aside = [i for i, key in enumerate(found.keys) if key is None]
    return Outcome(
        content=digest_of(table.to_pylist()),
        total=len(rows.ids),
        new=len(now - before),
        reused=len(now & before),
        removed=len({row for row, *_ in before} - set(rows.ids)),
        metadata={
            **_counts(chosen, found, kept),
            "least_similar": _shown(table, rows, lowest),
            "set_aside": _shown(table, rows, aside[:SHOWN]),
        },
        details={"unanswered": found.unanswered, "generator": chosen.generator},
    )


def _table(found: Versions, at: list[int], cosines: list[float], kept: list[bool]) -> pa.Table:
    count = len(found.keys)
    similarity = dict(zip(at, cosines, strict=True))
    trusted = dict(zip(at, kept, strict=True))
    return pa.table(
        {
            "instance_id": pa.array(found.rows.ids, pa.string()),
            "content_hash": pa.array(found.rows.content_hashes, pa.string()),
            "echo_hash": pa.array(found.keys, pa.string()),
            "similarity": pa.array([similarity.get(i) for i in range(count)], pa.float64()),
            "trusted": pa.array([trusted.get(i) for i in range(count)], pa.bool_()),
            "reason": pa.array(found.reasons, pa.string()),
        }
    )


def _name(row: Mapping[str, Any]) -> tuple[str, str, str | None]:
    return row["instance_id"], row["content_hash"], row["echo_hash"]


def _counts(chosen: LabelNoise, found: Versions, kept: EchoSelection | None) -> dict[str, Any]:
    judged = sum(key is not None for key in found.keys)
    trusted = int(kept.kept.sum()) if kept else 0
    drawn_line = kept is not None and np.isfinite(kept.threshold)
    return {
        "versions": ORIGIN[chosen.generator],
        "threshold": round(kept.threshold, 6) if kept and drawn_line else "none",
        "threshold_note": kept.note if kept else "No row has a version: none is looked at.",
        "kept": trusted,
        "not_kept": judged - trusted,
        "set_aside_rows": len(found.keys) - judged,
        "asked_of_a_model": found.asked,
    }


def _shown(table: pa.Table, rows: Rows, at: Sequence[int]) -> dg.MetadataValue:
    """Show some rows with text and given label."""
    labels, stored = label_names(rows), table.to_pylist()
    shown = [
        dg.TableRecord(
            {
                "instance_id": rows.ids[i],
                "similarity": _cosine(stored[i]["similarity"]),
                "given_label": labels[i],
                "text": rows.texts[i][:200],
                "reason": stored[i]["reason"],
            }
        )
        for i in at
    ]
    return dg.MetadataValue.table(shown) if shown else dg.MetadataValue.text("none")


def _cosine(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
