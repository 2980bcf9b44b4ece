"""The suite of readers of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from sluice.core.bounded import digests_of_reads
from sluice.core.errors import DataError
from sluice.data.readers.contract import Reader

TEXTS = ["plain", "with, comma; and \ttab", 'a "quoted" word', "héllo → 世界", "007", " spaced "]
Write = Callable[[Path, pa.Table], None]


def check_reader(reader: Reader, write: Write) -> None:
    """Check that a reader of files keeps its contract.

    Every row in the order of the file with its texts as they are, of bytes that are noted; just
    the columns that are asked for; and, where a file is broken, has no row or lacks a column, an
    error that names it.

    Parameters
    ----------
    reader : Reader
    write : callable
        ``write(path, table)`` writes a table of texts as the reader reads it.

    Raises
    ------
    AssertionError
        It does not, and how.
    """
    for suffix in reader.suffixes:
        _expect(suffix == suffix.lower() and suffix[:1] == ".", f"{suffix!r} is no suffix.")
        with TemporaryDirectory() as folder:
            _check(reader, write, Path(folder) / f"rows{suffix}")


def _check(reader: Reader, write: Write, path: Path) -> None:
    table = pa.table({"text": TEXTS, "label": [str(i % 2) for i in range(len(TEXTS))]})
    write(path, table)
    with digests_of_reads() as noted:
        found = _read(reader, path, None)
    _expect(path in noted, "it does not read the file by `sluice.core.bounded.read_bytes`.")
    _expect(set(found.column_names) >= {"text", "label"}, "it loses a column.")
    for name in ("text", "label"):
        values = [str(value) for value in found[name].to_pylist()]
        _expect(values == table[name].to_pylist(), f"it changes texts: {values}.")
    part = _read(reader, path, ["label"])
    _expect("label" in part.column_names, "it does not read the column that is asked for.")
    _expect(part.num_rows == len(TEXTS), "it loses rows where some columns are read.")
    _expect_error(lambda: _read(reader, path, ["absent"]), "absent", "a column that is not there")
    write(path, table.slice(0, 0))
    _expect_error(lambda: _read(reader, path, None), path.name, "a file without rows")
    for broken in (b"\x00\x01\x02\xff" * 7, b'\xff\xfe"', b"PAR1 and no more"):
        path.write_bytes(broken)
        _expect_error(lambda: _read(reader, path, ["text"]), path.name, "a broken file")


def _read(reader: Reader, path: Path, columns: list[str] | None) -> pa.Table:
    more = (None, ["text", "label"] if columns is None else columns) if reader.delimited else ()
    return reader.read(path, str(path), columns, *more)


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def _expect_error(read: Callable[[], pa.Table], named: str, of: str) -> None:
    try:
        read()
    except DataError as error:
        _expect(named in str(error), f"of {of} it says {str(error)!r}, which names no {named!r}.")
    else:
        raise AssertionError(f"{of} is no error to it.")
