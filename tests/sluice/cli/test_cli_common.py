from __future__ import annotations

import io
import logging
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
import typer
from rich.progress import Progress
from typer.testing import CliRunner

from sluice.cli.shared import common
from sluice.cli.shared.common import ProgressHandler, SluiceGroup, parse_options
from sluice.cli.shared.finding import find_workspace
from sluice.core.errors import ConfigError, DataError
from sluice.core.progress import track

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    monkeypatch.delenv("SLUICE_WORKSPACE", raising=False)


def test_the_nearest_workspace_upward(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "workspace.yaml").touch()
    assert find_workspace(inner) == tmp_path.resolve()
    (tmp_path / "a" / "workspace.yaml").touch()
    assert find_workspace(inner) == (tmp_path / "a").resolve()


def test_no_workspace(tmp_path):
    with pytest.raises(ConfigError, match=r"No workspace.yaml in .* or any folder above it"):
        find_workspace(tmp_path)


def test_the_variable_goes_first(tmp_path, monkeypatch):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "workspace.yaml").touch()
    (tmp_path / "workspace.yaml").touch()
    for value in (tmp_path / "w", tmp_path / "w" / "workspace.yaml"):
        monkeypatch.setenv("SLUICE_WORKSPACE", str(value))
        assert find_workspace(tmp_path) == (tmp_path / "w").resolve()
    monkeypatch.setenv("SLUICE_WORKSPACE", str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=r"SLUICE_WORKSPACE is .* does not exist. Set it to"):
        find_workspace(tmp_path)


def test_options_are_json_or_text():
    pairs = ["a=1", "b=0.5", "c=true", "d=paper", "e=x=y", "f=", "g=null"]
    assert parse_options(pairs) == {
        "a": 1, "b": 0.5, "c": True, "d": "paper", "e": "x=y", "f": "", "g": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["a"], "--option 'a' is not key=value"),
        (["=1"], "is not key=value"),
        (["a b=1"], "is not key=value"),
        (["a=1", "a=2"], "--option a is given twice"),
    ],
)
def test_options_that_are_none(pairs, expected):
    with pytest.raises(ConfigError, match=expected):
        parse_options(pairs)


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=SluiceGroup)

    def fail() -> None:
        raise error

    app.command("fail")(fail)
    app.command("other")(fail)
    return app


def test_known_errors_are_one_message():
    result = CliRunner().invoke(failing(DataError("a.csv [line 3] is bad.")), ["fail"])
    assert result.exit_code == 2
    assert result.stderr == "Error: a.csv [line 3] is bad.\n"
    assert result.stdout == ""


def test_an_interrupt_has_its_own_code():
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert (result.exit_code, result.stderr) == (130, "Interrupted; what was committed is kept.\n")
    result = CliRunner().invoke(failing(KeyboardInterrupt("Stopped [a].")), ["fail"])
    assert (result.exit_code, result.stderr) == (130, "Stopped [a].\n")


def test_an_error_that_nobody_thought_of_is_one_message_and_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    bug = failing(ZeroDivisionError("a bug\nand more \udcff"))
    result = CliRunner().invoke(bug, ["fail"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ZeroDivisionError: a bug\nSluice did not foresee this")
    (log,) = (tmp_path / "logs").glob("error-*.log")
    assert str(log) in result.stderr
    assert "Traceback" in log.read_text()
    assert "Traceback" not in result.output
    monkeypatch.setenv("SLUICE_TRACEBACK", "1")
    assert "Traceback" in CliRunner().invoke(bug, ["fail"]).output
    # Where no log can be written it lies among the temporary files.
    monkeypatch.setenv("SLUICE_HOME", str(log))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    assert str(tmp_path / "elsewhere" / "error-") in CliRunner().invoke(bug, ["fail"]).stderr


def test_a_reader_that_has_gone_is_no_error():
    result = CliRunner().invoke(failing(BrokenPipeError()), ["fail"])
    assert (result.exit_code, result.output) == (141, "")
    command = [sys.executable, "-m", "sluice", "methods"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as methods:
        methods.stdout.close()
        assert methods.stderr.read() == b""
    assert methods.returncode == 141


def swallowing(times: int) -> typer.Typer:
    """Return a command that goes on after so many interrupts, as libraries do."""
    app = typer.Typer(cls=SluiceGroup)

    def stubborn() -> None:
        for _ in range(times):
            try:
                signal.raise_signal(signal.SIGTERM if times == 1 else signal.SIGINT)
                time.sleep(20)
            except BaseException:
                logging.getLogger("a.library").exception("caught")
                weakref.finalize(set(), lambda: sys.exit())
        time.sleep(20)

    app.command("stubborn")(stubborn)
    app.command("other")(stubborn)
    return app


def test_an_interrupt_that_a_library_swallows_comes_again(monkeypatch, capfd):
    monkeypatch.setattr("sluice.cli.shared.endings.AGAIN_SECONDS", 0.2)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    result = CliRunner().invoke(swallowing(1), ["stubborn"])
    assert result.exit_code == 130
    assert result.stderr == "Interrupted; what was committed is kept.\n"
    assert "Traceback" not in capfd.readouterr().err
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


INTERRUPTED_AT = """
import os, signal, sys

AT = sys.argv[1]

class Finder:
    def find_spec(self, name, path, target=None):
        if name == AT:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
signal.signal(signal.SIGINT, signal.default_int_handler)
from sluice.__main__ import main

sys.argv = ["sluice", "report", "nothing"]
main()
"""


@pytest.mark.parametrize("module", ["typer", "dagster", "numpy"])
def test_an_interrupt_of_any_import_is_one_line(module):
    """Before the command line is there, and while a command loads what it needs."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT, module], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.startswith("Interrupted")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_nothing_that_python_does_after_the_end_changes_how_a_command_ended():
    """Threads of Arrow that meet an interpreter which is being taken down abort the process."""
    code = """
import atexit, os, sys
import sluice.cli
from sluice.__main__ import main

class Last:
    def __del__(self):
        os.abort()

def command():
    atexit.register(print, "at the end")
    sys.exit(3)

last = Last()
sluice.cli.app = command
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (3, "at the end\n", "")


def test_bars_follow_the_records():
    logger = logging.getLogger("sluice.progress")
    bars = Progress(console=common.Console(file=io.StringIO()))
    handler, level = ProgressHandler(bars), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with track("embedding", 4, every=0) as advance:
            advance(3)
            (task,) = bars.tasks
            assert (task.description, task.completed, task.total) == ("embedding", 3, 4)
        assert task.completed == 4
        with track("graph", 2, every=0) as advance:
            advance()
        assert [task.description for task in bars.tasks] == ["embedding", "graph"]
        logger.info("said without numbers")
        assert len(bars.tasks) == 2
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_progress_goes_to_standard_error_and_stops(capsys):
    logger = logging.getLogger("sluice.progress")
    before = list(logger.handlers)
    with common.show_progress(), track("embedding", 2, every=0) as advance:
        advance()
    captured = capsys.readouterr()
    assert "embedding: 1 of 2" in captured.err
    assert captured.out == ""
    assert logger.handlers == before


def test_importing_the_command_line_loads_nothing_heavy():
    heavy = ["numpy", "pyarrow", "pydantic", "torch", "sklearn", "duckdb", "dagster", "mlflow"]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import sluice.cli;"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert out.stdout == "[]\n"


def test_a_terminal_gets_bars(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    logger = logging.getLogger("sluice.progress")
    before = list(logger.handlers)
    with common.show_progress():
        (handler,) = [each for each in logger.handlers if each not in before]
        assert isinstance(handler, ProgressHandler)
        with track("embedding", 2, every=0) as advance:
            advance(2)
    assert "embedding" in capsys.readouterr().err
    assert logger.handlers == before
