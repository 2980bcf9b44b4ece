"""CSV files against Python's strict reader: the same rows, or a refusal with the place."""

import csv
import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.raw import rows_of
from sluice.data.readers.csv_dialect import refuse_broken
from sluice.data.readers.csv_file import read_csv
from sluice.data.readers.reading_warnings import warnings_of

PIECES = [
    '"',
    '""',
    ",",
    ";",
    "\n",
    "\r\n",
    "\r",
    "a",
    "b c",
    "é",
    "\\",
    '\\"',
    "\0",
    " ",
    "\u2028",
]


def strictly(content: str, delimiter: str) -> list[list[str]] | None:
    """Rows of two values by Python's `csv`, or None where it refuses them."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [record for record in reader if record]
    except csv.Error:
        return None
    return rows if rows and all(len(row) == 2 for row in rows) else None


def ours(content: bytes, name: str = "a.csv", delimiter: str | None = None) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        table = read_csv(path, str(path), None, delimiter)
    return [list(row.values()) for row in table.to_pylist()]


def escaping(data: bytes, delimiter: str) -> bool:
    """Whether the file is refused because backslashes seem to escape its quotes."""
    try:
        refuse_broken(data, delimiter, 2, "")
    except DataError as error:
        return "escapes quotes by a backslash" in str(error)
    return False


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example('"\r",x\r"",y')
@example("\n\na,b\r\r\nc,d\n\n")
def test_any_content_gives_the_rows_of_the_strict_reader_or_none(body):
    content = "t,y\n" + body
    expected = strictly(body, ",")
    if expected is None:
        with pytest.raises(DataError):
            ours(content.encode(), delimiter=",")
        return
    if escaping(content.encode(), ","):
        assert '\\"' in body
        return
    assert ours(content.encode(), delimiter=",") == expected


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.lists(st.sampled_from(PIECES), max_size=5).map("".join)] * 2),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.booleans(),
    st.sampled_from(["csv", "tsv", "csv.gz"]),
)
def test_what_csv_writes_is_read_back(rows, delimiter, end, quoting, mark, suffix):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([("t", "y"), *rows])
    assume(quoting == csv.QUOTE_ALL or strictly(out.getvalue(), delimiter) is not None)
    data = ("\ufeff" * mark + out.getvalue()).encode()
    content = gzip.compress(data) if suffix == "csv.gz" else data
    assume(not escaping(data.removeprefix("\ufeff".encode()), delimiter))
    found = ours(content, f"a.{suffix}", delimiter)
    # With few quotes Python leaves a lone carriage return as it is, which then ends a line.
    expected = strictly(out.getvalue(), delimiter)
    assert expected is not None
    assert found == expected[1:]
    if quoting == csv.QUOTE_ALL:
        assert found == [list(row) for row in rows]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.tsv",
            't\ty\nplain\tp\n"Lovely\tp\nmid\tn\n"Awful\tn\nlast\tp\n',
            "a.tsv, line 5, column 2: the value that begins in line 3 goes on with 'A' behind the",
        ),
        ("b.csv", 't,y\r"a"b,p\r', "b.csv, line 2, column 4: the value that begins in line 2"),
        ("c.csv", 't,y\nx,"p" \n', "c.csv, line 2, column 6: the value that begins in line 2"),
        ("d.csv", 't,y\n"say \\"hi\\" ok",p\n', "d.csv, line 2, column 8: the value"),
        ("e.csv", 't,y\n"é\nb","never\nx,y\n', "e.csv, line 3, column 4: a quote is opened"),
        ("f.csv", '"t"x,y\na,b\n', "f.csv, line 1, column 4: the value"),
        ("g.csv", 't,y\na,b\n"c,d\ne,f"\n', "g.csv, line 3: 1 values where the header has 2"),
        ("h.csv", 't,y\n"a \\"",p\nb,",",n\n', "h.csv"),
        ("i.csv", "t,t\na,b\n", "i.csv has 2 columns named 't'"),
    ],
)
def test_where_it_breaks_is_said(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content.encode())
    with pytest.raises(DataError) as caught:
        read_csv(tmp_path / name, name, None)
    assert str(caught.value).startswith(expected)


def test_cells_of_several_lines_stay_whole():
    rows = ours(b't,y\r\n"one\r\ntwo\rthree\n""four"", five",p\r\n5" disk,n\r\n\r\n')
    assert rows == [['one\r\ntwo\rthree\n"four", five', "p"], ['5" disk', "n"]]


def test_a_backslash_before_a_quote_swallows_no_line():
    # Well-formed with doubled quotes, too: one value would hold three lines.
    rows = b't,y\n"a \\"",p\nb,"\\""\nc,"d"\n'
    with pytest.raises(DataError):
        ours(rows)
    assert ours(b't,y\n"C:\\",p\n"D:\\",n\n') == [["C:\\", "p"], ["D:\\", "n"]]


def test_a_line_end_in_a_cell_survives_wherever_it_lies(monkeypatch):
    # Arrow loses the second half of one on which two of its blocks meet.
    monkeypatch.setattr("sluice.data.readers.csv_file._BLOCK", 64)
    for width in range(40):
        rows = [["x" * width, "p"], ["a\r\nb\rc\nd", "n"], ["y" * width, "p\r\n"]] * 4
        lines = ["t,y", *(f'"{t}","{y}"' for t, y in rows)]
        assert ours("\r\n".join(lines).encode()) == rows
        plain = [["x" * width, "p"], ["yz", ""]] * 8
        assert ours("\r\n".join(["t,y", *map(",".join, plain)]).encode()) == plain


ROWS = [(str(i), f"row {i} words", ("pos", "neg")[i % 2]) for i in range(8)]
LINES = [("20", "Lovely one", "pos"), ("21", "middle", "neg"), ("22", "nice", "neg")]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_rows_between_two_stray_quotes_are_not_one_value(delimiter, end, order) -> None:
    """The first opens a value of text and the second closes one, so the file is well-formed."""
    stray = [list(line) for line in LINES]
    stray[0][1] = '"' + stray[0][1]
    stray[-1][1] += '"'
    lines = [("id", "text", "label"), *ROWS, *stray]
    content = end.join(delimiter.join(line[i] for i in order) for line in lines)
    with pytest.raises(DataError, match=r"line 10: .* takes in 2 lines behind it"):
        ours(content.encode(), delimiter=delimiter)


def test_two_lines_of_one_value_that_look_like_rows_are_told(tmp_path: Path) -> None:
    content = "text,label\nplain,pos\nother,neg\n" + '"Lovely,pos\nnice",neg\n'
    (tmp_path / "a.csv").write_text(content)
    config = DatasetConfig.model_validate(
        {"task": "text", "files": ["a.csv"], "columns": {"text": "text", "label": "label"}}
    )
    rows = rows_of({"a.csv": tmp_path / "a.csv"}, config)
    assert rows.num_rows == 3
    assert [w.split(":")[0] for w in warnings_of(rows)] == ["lines_in_values"]


@pytest.mark.parametrize(
    "text", ["one, two\nthree", "one\ntwo\nthree", "a, b\nc, d\ne", "4,5\nand more", "x\r\ny,z"]
)
def test_texts_of_several_lines_are_texts(text: str) -> None:
    content = io.StringIO(newline="")
    csv.writer(content).writerows([("text", "label"), ("plain", "pos"), (text, "neg")])
    assert ours(content.getvalue().encode()) == [["plain", "pos"], [text, "neg"]]


def test_a_header_without_a_line_end_is_a_file_without_rows() -> None:
    for content in (b"text,label", b"text,label\n", b'"text","label"', b"\n\ntext,label\r\n"):
        with pytest.raises(DataError, match="holds a header and no row"):
            ours(content)


@pytest.mark.parametrize("row", ['"x;a', '"a"b;a', "x;a;b"])
def test_a_file_that_is_surely_semicolons_says_where_it_breaks(tmp_path: Path, row: str) -> None:
    (tmp_path / "a.csv").write_text(f"t;y\nx;a\n{row}\n")
    with pytest.raises(DataError, match=r"a\.csv, line 3"):
        read_csv(tmp_path / "a.csv", "a.csv", ["t", "y"])
