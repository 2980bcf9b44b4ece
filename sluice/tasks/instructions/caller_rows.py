"""Rows of the task instructions: conversations in any of the forms that files hold."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.payloads.conversations import (
    NO_FAMILY,
    embedded_text,
    message_fault,
    quality_fault,
    read_conversation,
)
from sluice.data.readers.columns import require_columns
from sluice.data.values.normalise import normalise
from sluice.data.values.one_column import one_column, texts_of
from sluice.data.values.stringify import column_text
from sluice.tasks.caller_rows import (
    Rows,
    arrow_table,
    class_codes,
    content_names,
    given_labels,
    given_names,
)
from sluice.tasks.instructions.config import InstructionsConfig
from sluice.tasks.instructions.conversation_rows import conversation_rows


@dataclass(frozen=True)
class ConversationRows(Rows):
    """Prompts with responses; the labels are their families."""

    reads: ClassVar[frozenset[str]] = frozenset({"encoder", "language_model", "validation"})

    @classmethod
    def take(
        cls,
        X: Any,
        y: Iterable[Hashable] | None,
        ids: Sequence[Hashable] | None,
        config: DatasetConfig,
        **given: Any,
    ) -> Self:
        """Take conversations, see `sluice.select`."""
        texts, families = conversation_texts(X, config)
        if y is not None:
            families = given_labels(column_text(one_column(y, "y"), "y").to_pylist(), len(texts))
        for row, text in enumerate(texts):
            read = read_conversation(text)
            fault = message_fault(read.messages) or quality_fault(read.quality)
            if fault is not None:
                raise DataError(f"Row {row} of X ({fault[0]}): {fault[1]}")
        names = given_names(ids, len(texts))
        if names is None:
            names = content_names(texts, families)
        labels, classes = class_codes(families, len(texts))
        places = np.arange(len(texts), dtype=np.int64)
        return cls(config, names, places, texts, labels, classes, ids is not None, **given)

    def read(self, text: str) -> str:
        """Return what the encoder reads of a row: prompt and response."""
        return embedded_text(text)

    def place(self, text: str) -> str:
        """Return what places a row in a split by its hash: its prompt."""
        return normalise(read_conversation(text).prompt)


def conversation_texts(X: Any, config: DatasetConfig) -> tuple[list[str], list[str]]:
    """Write conversations as texts, and name their families.

    Parameters
    ----------
    X : DataFrame, Table, list of dict or list of str
        In a form of `sluice.tasks.instructions.forms`, or texts that
        `sluice.data.payloads.conversations.conversation_text` wrote.
    config : DatasetConfig
        Whose columns are read, where it names any.

    Raises
    ------
    DataError
        X is none of these, shows no form or several, or holds no row.
    """
    rows: Any = X if hasattr(X, "columns") or not isinstance(X, Iterable) else list(X)
    if isinstance(rows, list) and rows and all(isinstance(row, str) for row in rows):
        texts = texts_of(rows, "X")
        return _read_again(texts), [NO_FAMILY] * len(texts)
    table = arrow_table(rows)
    columns = InstructionsConfig.of(config).columns
    named = [columns.family] if columns.family is not None else []
    require_columns([*named, *columns.beside], table.column_names, "X")
    texts: list[str] = conversation_rows(table, columns, "X").to_pylist()
    if columns.family is None:
        return texts, [NO_FAMILY] * len(texts)
    spelt = column_text(table.column(columns.family), f"X: the column {columns.family!r}")
    return texts, [(name or "").strip() or NO_FAMILY for name in spelt.to_pylist()]


def _read_again(texts: list[str]) -> list[str]:
    for row, text in enumerate(texts):
        try:
            read_conversation(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(
                f"Row {row} of X is a text and no conversation; give dicts with prompt and "
                "response, with instruction and output, or with messages, or texts that "
                "sluice.data.payloads.conversations.conversation_text wrote."
            ) from None
    return texts
