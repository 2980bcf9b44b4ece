"""The only two ways for a name or a value to become part of a statement.

Everything else is a bound parameter or a column of a registered Arrow table. `identifier` is for
names of tables and columns, `literal` for the few places where DuckDB takes constants only.
"""

from sluice.core.errors import DataError


def identifier(name: str) -> str:
    """Return a name of a table or column, quoted so that it is nothing else.

    Raises
    ------
    DataError
        The name holds a NUL character, at which the catalogue would end it.
    """
    return '"' + _whole(name).replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a constant, quoted so that it is nothing else.

    Raises
    ------
    DataError
        As `identifier`.
    """
    return "'" + _whole(text).replace("'", "''") + "'"


def _whole(text: str) -> str:
    if "\0" in text:
        raise DataError(
            f"{text!r} holds a NUL character, which the lake cannot keep. Take it out of the name."
        )
    return text
