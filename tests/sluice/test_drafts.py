"""What a killed process leaves is cleared by the next command; what another writes is not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from typer.testing import CliRunner

from sluice.cli import app
from sluice.cli.writers.rows_out import write_table
from sluice.core.drafts import clear_drafts, draft, scratch
from sluice.data.ingest.add import add_dataset
from sluice.data.labels.label_import import put_back

ROWS = pa.table(
    {"id": [f"r{i}" for i in range(40)], "text": [f"row {i} of it" for i in range(40)]}
).append_column("label", pa.array(["a", "b"] * 20))

# Each stops in the midst of what it writes, with `halt` in place of its last step.
HALT = """
import sys, time
from pathlib import Path
def halt(*arguments, **options):
    print("halted", flush=True)
    time.sleep(600)
"""
ADD = """
import sluice.data.ingest.add as add
add.dump_config = halt
add.add_dataset(Path(sys.argv[1]), Path(sys.argv[2]), name="added", text_column="text",
                label_column="label")
"""
EXPORT = """
import pyarrow as pa
from sluice.cli.writers import rows_out
rows_out._write = lambda path, *rest: (path.write_bytes(b"half"), halt())
rows_out.write_table(Path(sys.argv[2]) / "out.csv", pa.table({"a": [1]}))
"""
PUT_BACK = """
import sluice.data.labels.label_import as put_back
put_back._compare = halt
put_back.put_back(Path(sys.argv[2]) / "d", "label", {"deep/rows.csv": {1: "b"}})
"""


@contextmanager
def halted(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script up to where it halts; it is killed with the block."""
    command = [sys.executable, "-c", HALT + script, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "halted"
        try:
            yield process
        finally:
            os.kill(process.pid, signal.SIGKILL)


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.parent.name[:1] != "."]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    pacsv.write_csv(ROWS, path)
    return path


def test_a_killed_add_is_cleared_by_the_next_command_and_one_under_way_is_not(
    home: Path, rows: Path, tmp_path: Path
) -> None:
    root = tmp_path / "datasets"
    with halted(ADD, rows, root):
        (left,) = hidden(root)
        add_dataset(rows, root, name="other", text_column="text", label_column="label")
        assert CliRunner().invoke(app, ["maintain"]).exit_code == 0
        assert hidden(root) == [left]
    assert hidden(root) == [left]
    assert (left / "added" / "rows.csv").exists()
    assert CliRunner().invoke(app, ["maintain"]).exit_code == 0
    assert sorted(path.name for path in root.iterdir()) == ["other"]


def test_a_killed_export_is_cleared_by_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        with halted(EXPORT, "", tmp_path):
            pass
        assert len(hidden(tmp_path)) == 1
    write_table(tmp_path / "out.csv", pa.table({"a": [1]}))
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == '"a"\n1\n'
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o666 & ~mask


def test_labels_that_a_kill_left_half_written_are_cleared(rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "root" / "d"
    (folder / "deep").mkdir(parents=True)
    rows.rename(folder / "deep" / "rows.csv")
    with halted(PUT_BACK, "", tmp_path / "root"):
        pass
    assert len(hidden(folder)) == 1
    put_back(folder, "label", {"deep/rows.csv": {1: "b"}})
    assert hidden(folder) == []
    assert pacsv.read_csv(folder / "deep" / "rows.csv")["label"][0].as_py() == "b"


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".my.draft").mkdir()
    (tmp_path / ".a.12345678.draft").write_text("a file")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / ".b.12345678.draft").symlink_to(outside)
    before = sorted(tmp_path.rglob("*"))
    with draft(tmp_path / "new") as path:
        assert path.name == "new"
        assert not path.exists()
    assert sorted(tmp_path.rglob("*")) == before


def test_many_threads_draft_and_clear_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def write(number: int) -> None:
        target = tmp_path / f"n{number}"
        with draft(target) as path:
            path.mkdir()
            (path / "a").write_text(str(number))
            clear_drafts(tmp_path)
            path.rename(target)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(100)))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"n{i}" for i in range(100))
    assert all((tmp_path / f"n{i}" / "a").read_text() == str(i) for i in range(100))


def test_scratch_is_gone_afterwards() -> None:
    with scratch() as folder:
        assert list(folder.iterdir()) == []
    assert not folder.parent.exists()
