"""Why a language model gave no answer to one conversation, where the others need not end for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Unanswered:
    """A conversation without an answer.

    Attributes
    ----------
    reason : str
        For people, without a key; a service's words in it may quote the text.
    passing : bool
        Whether the same question may be answered at another time: the service was busy or away.
    """

    reason: str
    passing: bool = False


class Attempter(Protocol):
    """Whatever answers conversations one by one: a `LocalWriter` or an `Endpoint`."""

    def attempt(self, conversations: Sequence[Messages]) -> list[str | Unanswered]:
        """Return an answer, or why there is none, for each conversation, in their order."""
        ...
