"""No name or value of a user's becomes part of a statement."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.sql import identifier, literal
from sluice.core.errors import DataError

STATEMENT = re.compile(
    r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE|CREATE|ALTER|ATTACH|CALL|LOAD|SET|COPY|PRAGMA"
    r"|FROM|JOIN|WHERE|VALUES|ORDER BY|GROUP BY)\b"
)
FOLDERS = ("assets", "benchmarks", "jobs", "resources", "sensors", "sluice")
# What is put into statements as it is: text of our own, told by its file and its source.
OURS = {
    # names and types of `resources.schema`, numbers of a checked type, and what is quoted there
    ("resources/lake.py", "table"),
    ("resources/lake.py", "columns"),
    ("resources/lake.py", "column"),
    ("resources/lake.py", "options"),
    ("resources/lake.py", "self.threads"),
    # numbers of snapshots, question marks, and parts of statements that are made beside them
    ("resources/store/history.py", "said"),
    ("resources/store/history.py", "joined"),
    ("resources/store/maintenance.py", "at"),
    ("resources/store/maintenance.py", "numbers"),
    ("resources/store/purging.py", "deleted_rows(lake, 'records')"),
    ("resources/store/purging.py", "mine"),
    ("resources/store/purging_rows.py", "place"),
    ("resources/store/purging_rows.py", "source"),
    ("resources/store/records.py", "marks"),
    # tables, columns and settings of constants beside them
    ("resources/sqlite_files.py", "what"),
    ("resources/moved_artifacts.py", "table"),
    ("resources/moved_artifacts.py", "column"),
    ("resources/store/graphs.py", "sql"),
    ("resources/store/repeats.py", "table"),
    ("resources/store/repeats.py", "keys"),
    ("resources/store/repeats.py", "order"),
    ("resources/store/superseded.py", "'records'"),
    ("resources/store/superseded.py", "'dataset, asset'"),
    ("resources/store/superseded.py", "table"),
    ("resources/store/superseded.py", "where"),
    ("resources/store/superseded.py", "old"),
    ("resources/store/keyed.py", "table"),
    ("resources/store/keyed.py", "column"),
    ("resources/store/keyed.py", "columns"),
    ("resources/store/keyed.py", "least"),
    ("resources/store/keyed.py", "sql"),
    ("resources/store/scores.py", "named"),
}


def of_ours(file: str, value: ast.expr) -> bool:
    """Whether a part of a statement is a constant, quoted, or one of `OURS`."""
    if isinstance(value, ast.Name) and value.id.lstrip("_").isupper():
        return True
    if isinstance(value, ast.Call) and ast.unparse(value.func) in ("identifier", "literal"):
        return True
    return (file, ast.unparse(value)) in OURS


def faults(file: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            said = "".join(p.value for p in node.values if isinstance(p, ast.Constant))
            parts = [p.value for p in node.values if isinstance(p, ast.FormattedValue)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            said = node.left.value if isinstance(node.left, ast.Constant) else ""
            parts = [node.right]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "format":
            said = ast.unparse(node.func.value)
            parts = [*node.args, *(word.value for word in node.keywords)]
        else:
            continue
        if STATEMENT.search(str(said)):
            for part in parts:
                if not of_ours(file, part):
                    yield f"{file}:{node.lineno}: {ast.unparse(part)}"


def test_no_statement_is_made_of_what_is_not_quoted(root: Path) -> None:
    found = [
        fault
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
        for fault in faults(path.relative_to(root).as_posix(), path.read_text())
    ]
    assert found == []


def test_the_guard_sees_every_way_to_put_a_value_in() -> None:
    ways = [
        'cursor.execute(f"SELECT {name}")',
        "sql = f\"DELETE FROM scores WHERE method = '{name}'\"",
        'cursor.execute("SELECT " + name)',
        'cursor.execute("SELECT x FROM %s" % name)',
        'cursor.execute("SELECT {} FROM x".format(name))',
    ]
    assert [len(list(faults("x.py", way))) for way in ways] == [1] * len(ways)
    quoted = 'cursor.execute(f"SELECT {COLUMNS}, {identifier(a)} FROM x WHERE y = {literal(b)}")'
    assert list(faults("x.py", quoted)) == []


names = st.text(
    st.one_of(
        st.sampled_from("\"'`;\\%_?$:{}[]()-/* \t\n\r"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    min_size=1,
)


@given(names, names)
@settings(max_examples=150, deadline=None)
def test_what_is_quoted_is_one_name_and_one_text(name: str, text: str) -> None:
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {literal(text)} AS {identifier(name)}")
        assert [column[0] for column in found.description or []] == [name]
        assert found.fetchall() == [(text,)]


@pytest.mark.parametrize("quote", [identifier, literal])
def test_a_name_with_nul_is_refused(quote) -> None:
    with pytest.raises(DataError, match=r"'a\\x00b' holds a NUL character"):
        quote("a\0b")
