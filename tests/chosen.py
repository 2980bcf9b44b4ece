"""Puts rows, selections and their records into a lake without running the lineage."""

import json

import numpy as np
import pyarrow as pa

from resources.lake import Lake
from resources.store import records, rows, selections
from sluice.core.digests import content_hash, order_free_digest, text_hash

Kept = dict[str, str]


def put_rows(
    lake: Lake,
    dataset: str,
    train: Kept,
    test: Kept | None = None,
    aside: dict[str, str] | None = None,
) -> None:
    """Make these the rows of a dataset: texts by id, and reasons by id of those set aside."""
    both = [(i, t, "train") for i, t in train.items()]
    both += [(i, t, "test") for i, t in (test or {}).items()]
    texts = [text for _, text, _ in both]
    table = pa.table(
        {
            "instance_id": [i for i, _, _ in both],
            "content_hash": [content_hash(text, "x") for text in texts],
            "text_hash": [text_hash(text) for text in texts],
            "text": texts,
            "label": ["x"] * len(both),
            "split": [split for _, _, split in both],
            "file": ["f"] * len(both),
        }
    )
    names = list(aside or {})
    rejected = pa.table(
        {
            "instance_id": pa.array(names, pa.string()),
            "file": pa.array(["f"] * len(names), pa.string()),
            "row": pa.array(range(len(names)), pa.int64()),
            "reason": pa.array([(aside or {})[name] for name in names], pa.string()),
            "detail": pa.array([""] * len(names), pa.string()),
            "text": pa.array([""] * len(names), pa.string()),
            "label": pa.array(["x"] * len(names), pa.string()),
        }
    )
    rows.replace_instances(lake, dataset, table, rejected)


def put_selection(
    lake: Lake,
    selection_id: str,
    kept: Kept,
    *,
    dataset: str = "d",
    method: str = "k_center",
    budget: str = "10%",
    seed: int = 0,
) -> dict[str, object]:
    """Store one selection of some rows, in this order; return its entry in a record."""
    hashes = [content_hash(text, "x") for text in kept.values()]
    digest = order_free_digest(f"{i} {h}" for i, h in zip(kept, hashes, strict=True))
    head = selections.SelectionHeader(
        *(selection_id, dataset, method, budget, seed, len(kept), {}, "v", digest, "")
    )
    table = pa.table(
        {
            "rank": np.arange(1, len(kept) + 1),
            "instance_id": pa.array(list(kept), pa.string()),
            "content_hash": pa.array(hashes, pa.string()),
            "gain": np.linspace(1.0, 0.5, len(kept)),
            "reason": [f"{selection_id[:4]} kept {i}" for i in kept],
        }
    )
    selections.append(lake, [(head, table)])
    names = ("selection_id", "budget", "seed", "size", "rows_digest")
    return {name: getattr(head, name) for name in names}


def put_record(
    lake: Lake, entries: list[dict[str, object]], *, dataset: str = "d", method: str = "k_center"
) -> int:
    """Record these selections as the current ones of a method; return the lake's snapshot."""
    record = records.Record(
        *(dataset, f"text/subsets/{method}", "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r"),
        {"selections": entries, "shown": entries[0]["selection_id"]},
    )
    records.append(lake, record, json.dumps({}))
    return lake.snapshot()
