"""Changes of a dataset for the benchmarks: a third each inserted, deleted and edited.

A new text is the first half of one review with the second half of another: real words, and in no
store yet.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
REVIEWS = ROOT / "datasets" / "vader_reviews" / "vader_reviews.parquet"


def joined(texts: list[str], count: int, seed: int) -> list[str]:
    """Return `count` texts that are made of halves of the given ones."""
    rng = np.random.default_rng([7, seed])
    pairs = rng.integers(0, len(texts), (count, 2))
    words = [text.split() for text in texts]
    first = [words[i][: max(1, len(words[i]) // 2)] for i in pairs[:, 0]]
    second = [words[j][len(words[j]) // 2 :] for j in pairs[:, 1]]
    return [
        " ".join([*a, *b, f"({seed}.{n})"])
        for n, (a, b) in enumerate(zip(first, second, strict=True))
    ]


def changed(rows: pa.Table, share: float, seed: int) -> pa.Table:
    """Return the rows (id, text, label and others) after a change of a share of them."""
    if share == 0:
        return rows
    rng = np.random.default_rng([3, seed])
    count = rows.num_rows
    if share == 1:
        gone, edited, born = np.empty(0, np.int64), np.arange(count), np.empty(0, np.int64)
    else:
        each = max(1, round(count * share / 3))
        gone, edited = rng.permutation(count)[: 2 * each].reshape(2, each)
        born = rng.permutation(count)[:each]
    new = joined(rows["text"].to_pylist(), len(edited) + len(born), seed)
    texts = np.array(rows["text"].to_pylist(), dtype=object)
    texts[edited] = new[: len(edited)]
    after = rows.set_column(rows.column_names.index("text"), "text", pa.array(texts.tolist()))
    inserted = after.take(pa.array(born))
    ids = [f"{name}.{seed}" for name in inserted["id"].to_pylist()]
    place = rows.column_names.index("id")
    inserted = inserted.set_column(place, "id", pa.array(ids, pa.string()))
    place = inserted.column_names.index("text")
    inserted = inserted.set_column(place, "text", pa.array(new[len(edited) :], pa.string()))
    kept = np.setdiff1d(np.arange(count), gone)
    return pa.concat_tables([after.take(pa.array(kept)), inserted])
