"""Files that are of another kind than their name says, by their first bytes."""

from __future__ import annotations

from sluice.core.errors import DataError

GZIP = b"\x1f\x8b"
_EXCEL = "an Excel workbook", "Save the sheet as CSV (UTF-8) and give that file"
_KINDS: list[tuple[bytes, tuple[str, str]]] = [
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _EXCEL),
    (b"PAR1", ("a Parquet file", "Let its name end in .parquet")),
    (b"ARROW1", ("an Arrow file", "Let its name end in .arrow")),
    (GZIP, ("compressed with gzip", "Let its name end in .csv.gz, or unpack it")),
    (b"BZh", ("compressed with bzip2", "Unpack it first")),
    (b"\xfd7zXZ\x00", ("compressed with xz", "Unpack it first")),
    (b"\x28\xb5\x2f\xfd", ("compressed with zstd", "Unpack it first")),
    (b"7z\xbc\xaf\x27\x1c", ("a 7z archive", "Unpack it first")),
    (b"Rar!\x1a\x07", ("a RAR archive", "Unpack it first")),
    (b"%PDF-", ("a PDF document", "Give the table that it shows as CSV")),
    (b"{\\rtf", ("a document of a word processor", "Save the table as CSV")),
    (b"SQLite format 3\x00", ("an SQLite database", "Export the table as CSV")),
    (b"\x89HDF\r\n", ("an HDF5 file", "Save the table as Parquet or CSV")),
    (b"\x93NUMPY", ("a NumPy array", "Save the table as Parquet or CSV")),
]
_PAGES = (b"<!doctype html", b"<html")
_OFFICE = (
    b"xl/",
    b"[Content_Types].xml",
    b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
)
_LOOKED_AT = 4096


def refuse_foreign(data: bytes, shown: str) -> None:
    """Raise where what should be text is a well-known kind of file that is none.

    Parameters
    ----------
    data : bytes
        The file, or as much of its beginning.
    shown : str
        Its name, for messages.

    Raises
    ------
    DataError
        Says what it is and what to do.
    """
    head = data[:_LOOKED_AT]
    found = next((kind for magic, kind in _KINDS if head.startswith(magic)), None)
    if head.startswith(b"PK\x03\x04"):
        office = any(mark in head for mark in _OFFICE)
        found = _EXCEL if office else ("a zip archive", "Unpack it first")
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith(_PAGES):
        found = "a web page", "Download the file itself, logged in where that is needed"
    elif found is None and _utf_16(head):
        found = "text in UTF-16", "Convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW"
    if found is not None:
        what, remedy = found
        raise DataError(f"{shown} is {what}, not what its name says. {remedy}.")


def _utf_16(head: bytes) -> bool:
    """Whether every other byte is zero: UTF-16 without its mark, which else is no UTF-8."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return False
    pairs = len(head) // 2
    few, many = sorted(head[first : 2 * pairs : 2].count(0) for first in (0, 1))
    return pairs >= 4 and many >= 0.9 * pairs and few <= 0.1 * pairs
