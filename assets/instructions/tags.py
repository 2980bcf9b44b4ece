"""What each prompt is about: its family and key phrases, or the tags of the user's own column."""

from collections import Counter
from collections.abc import Iterator

import dagster as dg
import numpy as np

from assets.lineage.inputs import Rows, read_rows, reads_input
from assets.lineage.stage import Outcome, Reading, Run, digest_of, stage
from assets.stages.embeddings import SHARD_ROWS, Shard, embed_missing, text_encoder
from resources.lake import Lake
from resources.store import tags, vectors
from sluice.core.digests import digest, order_free_digest, text_hash
from sluice.core.progress import track
from sluice.data.payloads.conversations import messages_text, read_conversation
from sluice.graphs.key_phrases import WORDS, key_phrases
from sluice.graphs.tags import TagRows, frequent_tags, tag_rows
from sluice.tasks.instructions.config import InstructionsConfig, Tagging

VERSION = "1"
SHARD_PROMPTS = 500
MOST_SHOWN = 30


@stage(
    "tags",
    reads=("instances",),
    resources=("compute",),
    kinds=("duckdb", "huggingface"),
    version=VERSION,
    table="tags",
    description=(
        "Tags of the training rows, the vertices of MIG's label graph: the family and the key "
        "phrases of the prompt (YAKE, Campos et al., 2020), or the column that "
        "`dataset.yaml` names; those of fewer rows than `tagging.min_rows` are left out. "
        "Each tag is embedded by the sentence encoder. Phrases are kept under a digest of the "
        "messages, so a prompt is mined once."
    ),
    settings=lambda run: {
        "tagging": _tagging(InstructionsConfig.of(run.config).tagging),
        "encoder": text_encoder(run.config).identity,
        "column": InstructionsConfig.of(run.config).columns.tags,
    },
    only_read=True,
)
def tagged(run: Run) -> Outcome:
    """Mine the prompts that have no tags yet, and embed the tags."""
    lake, config = run.lake, InstructionsConfig.of(run.config)
    train = read_rows(lake, run.dataset).of("train")
    mined = _mine_missing(lake, config, train)
    of_rows, names, left_out = _tags_of(lake, config, train)
    active = text_encoder(config, run.device)

    def shards(texts: list[str]) -> Iterator[Shard]:
        active.load()
        yield from active.encode_shards(texts, SHARD_ROWS)

    if names:
        embed_missing(lake, _as_rows(names), active.identity, shards)
    counts = Counter(tag for row in of_rows for tag in set(row))
    untagged = sum(not set(row) & set(names) for row in of_rows)
    pairs = zip(train.ids, of_rows, strict=True)
    return Outcome(
        content=order_free_digest(f"{row} {sorted(set(t))}" for row, t in pairs),
        total=len(train.ids),
        new=mined,
        reused=len(train.ids) - mined,
        metadata={
            "tags": len(names),
            "tags_of_too_few_rows": left_out,
            "rows_without_a_tag": untagged,
            "most_frequent": dg.MetadataValue.table(
                [
                    dg.TableRecord({"tag": tag, "rows": count})
                    for tag, count in counts.most_common(MOST_SHOWN)
                ]
            ),
        },
        device=run.device,
    )


@reads_input("tags", stage="tags")
def read_tags(read: Reading, train: Rows) -> TagRows:
    """Read the tags of the training rows, and the vector of each tag."""
    lake, config = read.lake, InstructionsConfig.of(read.config)
    of_rows, names, _ = _tags_of(lake, config, train)
    rows = _as_rows(names)
    keys = vectors.input_hashes(rows.text_hashes, text_encoder(config).identity)
    found = vectors.read(lake, keys) if names else np.empty((0, 1), np.float32)
    return tag_rows(of_rows, names, found)


def _tagging(settings: Tagging) -> dict[str, object]:
    # Digests know the key by the name that it had.
    found = settings.model_dump()
    return {"phrases": found.pop("phrases"), "fewest_rows": found.pop("min_rows"), **found}


def _tagger(config: InstructionsConfig) -> str:
    return digest(VERSION, "yake", str(WORDS), str(config.tagging.phrases), config.tagging.language)


def _keys(config: InstructionsConfig, train: Rows) -> tuple[list[str], list[str]]:
    texts = [text_hash(messages_text(text)) for text in train.texts]
    return texts, tags.tag_hashes(texts, _tagger(config))


def _mine_missing(lake: Lake, config: InstructionsConfig, train: Rows) -> int:
    """Mine the prompts that have no phrases yet, shard by shard; none where a column has tags."""
    if config.columns.tags is not None:
        return 0
    texts, keys = _keys(config, train)
    there = tags.read(lake, keys)
    todo = [i for i, key in enumerate(keys) if key not in there]
    with track("mining key phrases", len(todo)) as advance:
        for begin in range(0, len(todo), SHARD_PROMPTS):
            part = todo[begin : begin + SHARD_PROMPTS]
            prompts = [read_conversation(train.texts[i]).prompt for i in part]
            found = list(key_phrases(prompts, config.tagging.phrases, config.tagging.language))
            chosen = [keys[i] for i in part]
            tags.append(lake, chosen, [texts[i] for i in part], _tagger(config), found)
            advance(len(part))
    return len(todo)


def _tags_of(
    lake: Lake, config: InstructionsConfig, train: Rows
) -> tuple[list[list[str]], list[str], int]:
    """Return the tags of each row, those that count, and how many are of too few rows."""
    if config.columns.tags is not None:
        of_rows = [list(read_conversation(text).tags or ()) for text in train.texts]
    else:
        _, keys = _keys(config, train)
        there = tags.read(lake, keys)
        families = [train.class_names[code] for code in train.labels.tolist()]
        of_rows = [[family, *there[key]] for family, key in zip(families, keys, strict=True)]
    every = {tag for row in of_rows for tag in row}
    names = frequent_tags(of_rows, config.tagging.min_rows)
    return of_rows, names, len(every) - len(names)


def _as_rows(names: list[str]) -> Rows:
    """Let tags be embedded as rows are."""
    hashes = [digest_of(["tag", name]) for name in names]
    return Rows(
        ids=list(names),
        content_hashes=hashes,
        text_hashes=[text_hash(name) for name in names],
        texts=list(names),
        labels=np.zeros(len(names), np.int64),
        splits=["train"] * len(names),
        class_names=(),
    )
