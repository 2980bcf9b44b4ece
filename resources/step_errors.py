"""What is told of a failed step: the error that a stage raised, in its own words."""

import re

from dagster_shared.error import SerializableErrorInfo

# How Dagster writes down an error of ours: the class, then the text that is meant to be read.
_OWN = re.compile(r"^(?:sluice|resources|assets)[\w.]*: ")


def reason(error: SerializableErrorInfo | None, otherwise: str) -> str:
    """Return why a step failed, without what Dagster wraps around it.

    What led to an error of ours is left out: its text says what to do, that of a library does not.

    Parameters
    ----------
    error : SerializableErrorInfo or None
    otherwise : str
        What is said where no error was recorded.
    """
    while error is not None and error.cause is not None and _is_of_dagster(error):
        error = error.cause
    if error is None:
        return otherwise
    return _OWN.sub("", error.message.strip(), count=1)


def _is_of_dagster(error: SerializableErrorInfo) -> bool:
    return (error.cls_name or "").startswith("Dagster")
