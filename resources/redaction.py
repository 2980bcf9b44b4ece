"""Passwords in connection strings: taken out of whatever a person or a log gets to see.

Both forms that libpq reads are known (`key=value` with its quotes, and a URL), and any URL with a
password, such as MLflow's. What comes out reads on: only the password becomes ``***``.
"""

import re
from typing import TypeVar
from urllib.parse import unquote

HIDDEN = "***"

# Not quoted a value ends at a space, and at the quote that a message puts around the whole.
_VALUE = r"""''(?:\\''|[^'])+''|'(?:\\.|''|[^'\\])*'|(?:\\.|[^\s"\\])+"""
_PAIR = re.compile(
    rf"""(?P<key>\b(?:ssl)?passw(?:or)?d\s*=\s*)(?P<value>{_VALUE})""", re.IGNORECASE | re.DOTALL
)
_IN_QUERY = re.compile(
    r"""(?P<key>[?&](?:ssl)?passw(?:or)?d=)(?P<value>[^&\s'"]*)""", re.IGNORECASE
)
# The password ends at the last @: one within should be escaped, and often is not.
_IN_URL = re.compile(r"""(?P<key>\b[\w+.-]+://[^\s:/@'"]*:)(?P<value>[^\s'"]*)(?=@)""")
_FORMS = (_IN_URL, _IN_QUERY, _PAIR)
_SHORTEST_PART = 3

Caught = TypeVar("Caught", bound=BaseException)


def redacted(text: str, connection: str = "") -> str:
    """Return a text without passwords.

    Parameters
    ----------
    text : str
    connection : str
        A connection string that the text may quote in part: libpq takes the wrong part of one
        that is not escaped for the host's name, and prints it.
    """
    if connection:
        # Within an SQL string every quote is written twice.
        for written in (connection, connection.replace("'", "''")):
            text = text.replace(written, redacted(connection))
    for form in _FORMS:
        text = form.sub(lambda found: found["key"] + HIDDEN, text)
    for secret in sorted(_secrets(connection), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def without_passwords(error: Caught, connection: str = "") -> Caught:
    """Take passwords out of an error and of all that led to it, which logs print too."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        at = left.pop()
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        at.args = tuple(redacted(p, connection) if isinstance(p, str) else p for p in at.args)
        left += [at.__cause__, at.__context__]
    return error


def _secrets(connection: str) -> set[str]:
    """Return the passwords in a connection string, as written and as meant, and their parts."""
    found: set[str] = set()
    for form in _FORMS:
        for match in form.finditer(connection):
            value = match["value"]
            plain = re.sub(r"\\(.)", r"\1", value[1:-1] if value[:1] == "'" else value)
            found |= {value, plain, unquote(value), *re.split(r"[@:/?#]", value)}
    return {secret for secret in found if len(secret) >= _SHORTEST_PART}
