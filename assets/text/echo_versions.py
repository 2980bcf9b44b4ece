"""A version of each row for its given label: the nearest other row, or the text rewritten."""

from dataclasses import dataclass

import numpy as np

from assets.lineage.inputs import Rows, read_vectors, vector_keys
from assets.lineage.stage import inputs_of, name_of
from assets.lineage.task import Task
from assets.stages.embeddings import SHARD_ROWS, embed_missing
from assets.text.rewrites import Writing, label_names, rewrite_missing
from resources.lake import Lake
from sluice.core.digests import text_hash
from sluice.core.errors import SluiceError
from sluice.data.config import DatasetConfig
from sluice.encoders.text import TextEncoder
from sluice.noise.nearest_instance import nearest_positions
from sluice.noise.unanswered import Unanswered
from sluice.tasks.text.config import TextConfig
from sluice.tasks.text.label_noise import LabelNoise

START = 160


@dataclass(frozen=True)
class Versions:
    """The version of each row for its given label.

    Attributes
    ----------
    rows : Rows
        The training rows that were looked at.
    keys : list of str or None
        Under which the version's vector is stored; None where there is no version.
    reasons : list of str
        What the version is, or why there is none.
    asked, unanswered : int
        Of a language model: texts of this run, and those that it may answer another time.
    """

    rows: Rows
    keys: list[str | None]
    reasons: list[str]
    asked: int = 0
    unanswered: int = 0


def nearest_versions(lake: Lake, task: Task, dataset: str, train: Rows) -> Versions:
    """Take for each training row the nearest other one of its label."""
    keys = vector_keys(lake, task, dataset, train)
    found = nearest_positions(
        read_vectors(lake, task, dataset, train), train.labels, ids=np.array(train.ids)
    )[:, 0].tolist()
    labels = label_names(train)
    reasons = [
        f"The nearest other row labelled {label} is {train.ids[at]!r}."
        if at >= 0
        else f"Not looked at: no other row is labelled {label}, but for copies of this one."
        for label, at in zip(labels, found, strict=True)
    ]
    return Versions(train, [keys[at] if at >= 0 else None for at in found], reasons)


def rewritten_versions(
    lake: Lake,
    task: Task,
    dataset: str,
    config: DatasetConfig,
    sample: Rows,
    writing: Writing,
    device: str,
) -> Versions:
    """Have the sample rewritten, and embed what comes back as the rows themselves were."""
    said = config.encoder
    encoder = TextEncoder(said.model, said.max_length, said.batch_size, device)
    embeddings = task.key("embeddings")
    recorded = inputs_of(lake, dataset, [embeddings])[name_of(embeddings)].details["encoder"]
    if recorded != encoder.identity:
        raise SluiceError(
            f"The vectors of {dataset} are by another encoder than dataset.yaml names now. "
            f"Materialise {name_of(embeddings)} first, or `sluice run {dataset}`."
        )
    kind = (TextConfig.of(config).label_noise or LabelNoise()).kind
    written = rewrite_missing(lake, writing, sample, kind)
    at = [i for i, text in enumerate(written.said) if isinstance(text, str)]
    texts = [text for text in written.said if isinstance(text, str)]
    keys: dict[int, str] = {}
    if texts:
        embedded = embed_missing(
            *(lake, _in_place(sample.at(at), texts), encoder.identity),
            lambda new: encoder.encode_shards(
                [task.spec.rows.embedded(text) for text in new], SHARD_ROWS
            ),
        )
        keys = dict(zip(at, embedded.hashes, strict=True))
    labels = label_names(sample)
    return Versions(
        sample,
        [keys.get(i) for i in range(len(sample.ids))],
        [_said(one, label) for one, label in zip(written.said, labels, strict=True)],
        written.asked,
        sum(isinstance(one, Unanswered) and one.passing for one in written.said),
    )


def _in_place(rows: Rows, texts: list[str]) -> Rows:
    """Return the rows with other texts."""
    return Rows(
        rows.ids,
        rows.content_hashes,
        [text_hash(text) for text in texts],
        texts,
        rows.labels,
        rows.splits,
        rows.class_names,
    )


def _said(one: str | Unanswered, label: str) -> str:
    if isinstance(one, Unanswered):
        return f"Not looked at: {one.reason}"
    start = one if len(one) <= START else f"{one[:START]}..."
    return f"Rewritten for {label}: {start!r}"
