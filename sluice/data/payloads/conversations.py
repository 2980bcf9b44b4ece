"""A row of the task instructions: a conversation that ends with a response, as one text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ROLES = ("system", "user", "assistant")
UNREADABLE = "unreadable"
"""The role of what holds no message that can be read."""
UNREAD_PARTS = "unread parts"
"""The role of a message that holds one of `PARTS`."""
PARTS = (
    *("tool_calls", "tool_call_id", "function_call", "functions", "tools", "images", "image"),
    *("audio", "video", "refusal", "reasoning_content", "name", "weight"),
)
"""Parts of a message that say what its text does not: whose it is, what it calls or shows."""
NO_FAMILY = "all"
"""The family of rows that have none."""
SHOWN_PART = 120


@dataclass(frozen=True)
class Message:
    """What one side said.

    Attributes
    ----------
    role : str
        One of `ROLES`; another name in a row that cannot be used.
    content : str
    """

    role: str
    content: str


@dataclass(frozen=True)
class Conversation:
    """Messages, the last of which is the response.

    Attributes
    ----------
    messages : tuple of Message
    tags : tuple of str or None
        What the row is about, by its user's own column; ascending; None without such a column.
    quality : float, str or None
        Its user's own score; a text where the cell held no number of at least 0; None without such
        a column.
    """

    messages: tuple[Message, ...]
    tags: tuple[str, ...] | None = None
    quality: float | str | None = None

    @property
    def prompt(self) -> str:
        """All but the last message, as one text."""
        return "\n\n".join(message.content for message in self.messages[:-1])

    @property
    def response(self) -> str:
        """The last message; empty where there is none."""
        return self.messages[-1].content if self.messages else ""

    @property
    def mappings(self) -> list[dict[str, str]]:
        """The messages as chat templates take them: ``role`` and ``content``."""
        return [{"role": each.role, "content": each.content} for each in self.messages]


def conversation_text(conversation: Conversation) -> str:
    """Write a conversation as one JSON text, in one way.

    Keys in the order messages, tags, quality, the latter two only where they are not None; no
    spaces; characters as they are. Equal conversations give equal texts.
    """
    whole: dict[str, Any] = {"messages": conversation.mappings}
    if conversation.tags is not None:
        whole["tags"] = list(conversation.tags)
    if conversation.quality is not None:
        whole["quality"] = conversation.quality
    return _json(whole)


def read_conversation(text: str) -> Conversation:
    """Read what `conversation_text` wrote. Cost: about 5 microseconds.

    Raises
    ------
    ValueError
        The text is no such JSON; the text of an instance always is.
    """
    whole = json.loads(text)
    messages = tuple(Message(each["role"], each["content"]) for each in whole["messages"])
    tags = whole.get("tags")
    return Conversation(messages, None if tags is None else tuple(tags), whole.get("quality"))


def messages_text(text: str) -> str:
    """Return the part of a row that a language model reads: its messages, as JSON.

    What depends on the model alone, such as a loss, is kept under a digest of this, so that new
    tags or another quality never make it anew.
    """
    return _json(read_conversation(text).mappings)


def embedded_text(text: str) -> str:
    """Return what the sentence encoder reads of a row: the prompt, a new line, the response."""
    conversation = read_conversation(text)
    return f"{conversation.prompt}\n{conversation.response}"


def shown_conversation(text: str, most: int = SHOWN_PART) -> str:
    """Return a row for people, on one line: ``"Name a prime. → 7"``.

    Parameters
    ----------
    text : str
        As `conversation_text` writes it.
    most : int
        Characters of the prompt and of the response that are shown; the rest becomes ``…``. Of the
        prompt the end is shown, where the question is.
    """
    conversation = read_conversation(text)
    prompt, response = (" ".join(t.split()) for t in (conversation.prompt, conversation.response))
    if len(prompt) > most:
        prompt = "…" + prompt[len(prompt) - most + 1 :]
    if len(response) > most:
        response = response[: most - 1] + "…"
    return f"{prompt} → {response}"


def message_fault(messages: Sequence[Message]) -> tuple[str, str] | None:
    """Return why messages are no conversation to learn from, and what to do, or None.

    One is: a system message or none, then user and assistant in turns, from a user to an
    assistant, none of them blank.

    Returns
    -------
    tuple of str or None
        Reason (unreadable_messages, unread_parts, no_prompt, no_response or mixed_roles) and
        detail.
    """
    roles = [message.role for message in messages]
    if UNREADABLE in roles:
        return "unreadable_messages", (
            "The cell is no list of messages of text, each with role and content (or from and "
            "value); a content in parts is one text alone, no image and no second text. Correct "
            "it, or name the right columns."
        )
    unread = [message for message in messages if message.role == UNREAD_PARTS]
    if unread:
        found = [repr(part) for part in PARTS if f'"{part}"' in unread[0].content]
        return "unread_parts", (
            f"A message has {' and '.join(found) or 'parts'} beside its text, which Sluice does "
            "not read. Write what is meant into the text, or remove these parts."
        )
    strange = [role for role in roles if role not in ROLES]
    if strange:
        return "mixed_roles", (
            f"A message has the role {strange[0]!r}; Sluice reads system, user and assistant "
            "(ShareGPT: system, human and gpt). Rename the role or remove the message."
        )
    spoken = messages[1:] if roles[:1] == ["system"] else messages
    if not spoken:
        return "no_response", "There is no response. Fill it in, or remove the row."
    for place, message in enumerate(spoken):
        expected = "user" if place % 2 == 0 else "assistant"
        if message.role != expected:
            return _out_of_turn(message.role, expected, place)
    if spoken[-1].role != "assistant":
        return "mixed_roles", (
            "The last message is the user's, so there is no response to it. Add the assistant's "
            "answer, or remove the message."
        )
    for message in spoken:
        if not message.content.strip():
            reason = "no_prompt" if message.role == "user" else "no_response"
            return reason, f"A message of the {message.role} is empty. Fill it in."
    return None


def _out_of_turn(role: str, expected: str, place: int) -> tuple[str, str]:
    if place == 0 and role == "assistant":
        return "no_prompt", "No message of a user comes before the response. Add the prompt."
    return "mixed_roles", (
        f"A message of the {role} stands where one of the {expected} should. Let user and "
        "assistant take turns, after at most one system message at the beginning."
    )


def quality_fault(quality: float | str | None) -> tuple[str, str] | None:
    """Return why a quality is none, as reason (bad_quality) and detail, or None."""
    if isinstance(quality, str):
        return "bad_quality", (
            f"The quality is {quality or 'missing'}, and not a number of at least 0. Correct it."
        )
    return None


def read_quality(value: object) -> float | str:
    """Return a cell of quality as a number of at least 0, or as a text that says what it is."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value)
    try:
        number = float(str(value))
    except ValueError:
        return str(value).strip()
    if not math.isfinite(number):
        return str(number)
    # Adding 0.0 makes -0.0 the same number as 0.0.
    return number + 0.0 if number >= 0 else f"{number:g}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
