"""The errors that a person sees: each says what is wrong, where, and what to do."""

from __future__ import annotations

from difflib import get_close_matches

_LONGEST = 8000


def printable(text: str) -> str:
    """Return a text as UTF-8 can hold it: names of files may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters, without its middle: a cell may hold a book."""
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end - 3]}...{text[-end:]}"


class SluiceError(Exception):
    """Base of every error that Sluice raises on purpose; its text is meant to be read."""

    def __str__(self) -> str:
        return printable(shortened(super().__str__(), _LONGEST))


def reason_of(error: BaseException) -> str:
    """Return what went wrong in words: of our own errors their text, of others with their kind."""
    text = " ".join(str(error).split())[:2000]
    if isinstance(error, SluiceError):
        return str(error)
    return f"{type(error).__name__}{': ' if text else ''}{text}."


class DataError(SluiceError):
    """A raw file or its content cannot be used as it stands."""


class ConfigError(SluiceError):
    """A `dataset.yaml` or an option is wrong."""


class BudgetError(ConfigError):
    """A budget is not a number, not positive, or larger than the pool."""


class UnknownNameError(ConfigError):
    """A name (of a task, a selector, a column) that does not exist."""

    @classmethod
    def of(cls, kind: str, name: str, known: list[str]) -> UnknownNameError:
        """Build the message with the nearest names.

        Parameters
        ----------
        kind : str
            What the name should have been, for example ``"selector"``.
        name : str
            The name as given.
        known : list of str
            Every name that exists.
        """
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        there = f"Known: {', '.join(sorted(known))}." if known else "There is none yet."
        return cls(f"Unknown {kind} {name!r}.{hint} {there}")
