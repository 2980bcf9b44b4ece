"""What shows or names given rows within texts and JSON values, and how to take it out.

Stages keep samples of rows with their texts in `records.metadata`, as Dagster serialises it, and
messages quote ids as Python's `repr` does.
"""

import json
import re
from collections.abc import Collection
from typing import Any

MASK = "'(purged)'"

# Overlapping, so that an apostrophe before a quoted id does not hide it.
_QUOTED = re.compile(r"(?=('[^'\n]*'|\"[^\"\n]*\"))")
_SOURCES = {"id", "source", "target"}


class Mentions:
    """Takes the mentions of some rows out of values.

    Parameters
    ----------
    ids : collection of str
        Ids of the rows.
    """

    def __init__(self, ids: Collection[str]) -> None:
        self._ids = frozenset(ids)
        self._quoted = {repr(name) for name in self._ids}
        # Ids that the pattern cannot find: those with a quote within.
        self._odd = [name for name in self._quoted if "'" in name[1:-1] or '"' in name[1:-1]]

    def out_of_text(self, text: str) -> str:
        """Return a message with every quoted id of these rows masked."""
        if "'" not in text and '"' not in text:
            return text
        for quoted in {*_QUOTED.findall(text)} & self._quoted:
            text = text.replace(quoted, MASK)
        for quoted in self._odd:
            text = text.replace(quoted, MASK)
        return text

    def out_of_json(self, text: str) -> str:
        """Return serialised JSON without the table rows and list entries of these rows.

        A text that is no JSON is treated as a message; one that mentions none is returned as is.
        """
        try:
            value = json.loads(text)
        except ValueError:
            return self.out_of_text(text)
        without = self._without(value, "")
        return text if without == value else json.dumps(without, sort_keys=True)

    def _without(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: self._without(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self._without(part, key) for part in value if not self._is_of(part, key)]
        if not isinstance(value, str):
            return value
        if _names_rows(key) and value in self._ids:
            return MASK.strip("'")
        return self.out_of_text(value)

    def _is_of(self, part: Any, key: str) -> bool:
        """Whether an entry of a list is one of these rows, or the id of one."""
        if isinstance(part, str):
            return _names_rows(key.removesuffix("s")) and part in self._ids
        if not isinstance(part, dict):
            return False
        fields = part.get("data", part) if part.get("__class__") == "TableRecord" else part
        return isinstance(fields, dict) and any(
            isinstance(value, str) and value in self._ids and _names_rows(name)
            for name, value in fields.items()
        )


def _names_rows(key: str) -> bool:
    return key in _SOURCES or key.endswith("_id")
