"""The house: rooms of about fifteen files, no file of over 500 lines, no import in a circle."""

import pkgutil
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sluice", "assets", "resources", "jobs", "sensors")
PROJECT = (ROOT / "pyproject.toml").read_text()
MOST_MODULES, MOST_LINES = 16, 500
# A room that may be larger, and why.
LARGE = {"sluice/subsets/queries": "25 small strategies of one survey, a file each"}
# A line that speaks of a task beside the task itself, and why.
SPEAKING = {
    "same = config.task == task.name": "the suite of tasks compares what two places call one",
    "made in SELECTORS.values() if task in made.tasks": "a method says what it is for",
    "one.tasks or task in one.tasks": "a chooser says what it is for",
    "SCORES.items() if task.name in score.tasks": "a score says what it is for",
    "if task in (None, *of_": "each kind of method has tasks of its own",
    "if config.task == task and asked_for": "a dataset may have been given to another task since",
}


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_no_import_goes_in_a_circle() -> None:
    """Function-level imports count, those for types alone do not."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)
    found = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert sum(map(len, found.values())) > 1500
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_rooms_have_about_fifteen_files_and_files_one_idea() -> None:
    rooms: dict[str, int] = {}
    for path in sources():
        assert len(path.read_text().splitlines()) <= MOST_LINES, path
        if path.name != "__init__.py" and path.relative_to(ROOT).parts[0] in ("sluice", "assets"):
            room = path.parent.relative_to(ROOT).as_posix()
            rooms[room] = rooms.get(room, 0) + 1
    assert {room for room, count in rooms.items() if count > MOST_MODULES} == set(LARGE)


def test_a_task_knows_itself_and_nobody_else_knows_it() -> None:
    compares = re.compile(r"task(\.name)? ?(==|!=|in) ")
    loops = re.compile(r"\bfor (\w+, )?task in ")
    tasks = {path.name for path in (ROOT / "sluice" / "tasks").iterdir() if path.is_dir()}
    heard: set[str] = set()
    for path in sources():
        parts = path.relative_to(ROOT).parts
        if parts[:2] == ("sluice", "tasks") or (parts[0] == "assets" and parts[1] in tasks):
            continue
        for line in path.read_text().splitlines():
            if compares.search(loops.sub("", line)):
                found = [reason for reason in SPEAKING if reason in line]
                assert found, f"{path.relative_to(ROOT)}: {line.strip()}"
                heard.update(found)
    assert heard == set(SPEAKING)


def test_every_name_that_a_text_points_at_is_there() -> None:
    """Dotted names in backquotes, of docstrings, comments and guides, can be imported."""
    texts = [path.read_text() for path in sources()]
    guides = [(ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md")]
    guides += [path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))]
    pointer = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)(?:\([^`]*)?`")
    names = {name for text in texts + guides for name in pointer.findall(text)}
    assert len(names) > 90
    # groups of entry points and loggers are texts in the code, and models have names of their own
    said = re.compile(r'"(sluice\.\w+)"')
    others = {name for text in [*texts, PROJECT] for name in said.findall(text)}
    assert not {name for name in names - others if not name.endswith(".NAME") and not there(name)}


def there(name: str) -> bool:
    """Whether a name can be imported, or is an attribute that every object of a class has."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        owner, _, attribute = name.rpartition(".")
        return "." in owner and attribute in getattr(
            pkgutil.resolve_name(owner), "__annotations__", {}
        )
    return True
