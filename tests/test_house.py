"""The house: rooms of about fifteen files, no file of over 500 lines, no import in a circle."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sluice", "assets", "resources", "jobs", "sensors")
MOST_MODULES, MOST_LINES = 15, 500
# A room that may be larger, and why.
LARGE = {
    "sluice/subsets/queries": "25 small strategies of one survey, a file each",
    "assets/stages": "until one evaluation serves all tasks",
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
