"""What rows are about: tags of prompts, features of tagged sentences."""

from __future__ import annotations

import numpy as np

from sluice.core.progress import track
from sluice.data.payloads.conversations import read_conversation
from sluice.graphs.key_phrases import key_phrases
from sluice.graphs.tags import TagRows, frequent_tags, tag_rows
from sluice.tasks.caller_rows import Rows
from sluice.tasks.instructions.config import InstructionsConfig


def tags_of_rows(rows: Rows) -> TagRows:
    """Return the tags of conversations: those that they came with, or family and key phrases."""
    read = [read_conversation(text) for text in rows.texts]
    tagging = InstructionsConfig.of(rows.config).tagging
    if any(each.tags is not None for each in read):
        tags = [list(each.tags or ()) for each in read]
    else:
        assert rows.labels is not None
        families = [rows.classes[code] for code in rows.labels.tolist()]
        with track("mining key phrases", len(read)) as advance:
            tags: list[list[str]] = []
            found = key_phrases((r.prompt for r in read), tagging.phrases, tagging.language)
            for family, phrases in zip(families, found, strict=True):
                tags.append([family, *phrases])
                advance()
    names = frequent_tags(tags, tagging.min_rows)
    vectors = rows.embed(names) if names else np.empty((0, 1), np.float32)
    return tag_rows(tags, names, vectors)
