"""What other packages register is found, and what is wrong with one of them is said."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from sluice.choices.registry import choosers_for
from sluice.core import registry
from sluice.core.errors import ConfigError, UnknownNameError
from sluice.subsets.contract import Selector

GROUP = "sluice.choosers"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    registry._registered.cache_clear()
    registry._said.cache_clear()
    yield
    registry._registered.cache_clear()


def install(folder: Path, name: str, entries: str, code: str = "", group: str = GROUP) -> None:
    """Lay down a package as an installer does."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entries}\n")


def test_ours_come_first_and_then_others_by_name(tmp_path: Path) -> None:
    ours = registry.names(GROUP)
    assert "majority" in ours
    code = "from dataclasses import replace\nfrom sluice.choices.majority import CHOOSER\n"
    code += 'ONE = replace(CHOOSER, name="zz", tasks=frozenset({"quiz"}))\n'
    install(tmp_path, "other-choosers", "zz = other_choosers:ONE\naa = other_choosers:ONE", code)
    registry._registered.cache_clear()
    assert registry.names(GROUP) == [*ours, "aa", "zz"]
    assert "other_choosers" not in sys.modules, "nothing is imported to be named"
    assert registry.load(GROUP, "zz").name == "zz"
    assert [method.name for method in choosers_for("quiz")] == [*ours, "zz", "zz"]
    assert [method.name for method in choosers_for("answers")] == ours
    del sys.modules["other_choosers"]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown chooser 'majorty'. Did you mean majority"):
        registry.load(GROUP, "majorty")
    install(tmp_path, "broken-one", "broken = broken_one:X", "import no_such_module")
    install(tmp_path, "twice-one", "majority = twice_one:X")
    registry._registered.cache_clear()
    with pytest.raises(ConfigError, match=r"by sluice as .* and by twice-one as twice_one:X"):
        registry.names(GROUP)
    (tmp_path / "twice_one-1.0.dist-info" / "entry_points.txt").write_text("")
    registry._registered.cache_clear()
    assert "broken" in registry.names(GROUP)
    with pytest.raises(ConfigError, match="broken of broken-one cannot be loaded"):
        registry.load(GROUP, "broken")
    with pytest.warns(UserWarning, match="broken of broken-one cannot be loaded"):
        assert "broken" not in [method.name for method in choosers_for("answers")]


def test_where_sluice_is_not_installed_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: ())
    with pytest.raises(ConfigError, match="make setup"):
        registry.names(GROUP)
    assert registry.names("sluice.problems") == []


def test_what_is_of_another_kind_is_left_out_and_said_once(tmp_path: Path) -> None:
    ours = registry.names("sluice.selectors")
    install(tmp_path, "no-kind", "number = no_kind:X", "X = 3", group="sluice.selectors")
    registry._registered.cache_clear()
    with pytest.warns(UserWarning, match="number of no-kind is a int and no Selector"):
        assert [name for name, _ in registry.each("sluice.selectors", Selector)] == ours
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(registry.each("sluice.selectors", Selector))) == len(ours)
    assert registry.is_ours("sluice.selectors", "margin")
    assert not registry.is_ours("sluice.selectors", "number")


NO_LEARNER = """
from dataclasses import replace
from sluice.tasks.text import TASK
X = replace(TASK, name="odd", schedule="nightly_odd")
"""


@pytest.mark.parametrize("code", ["import no_such_module", NO_LEARNER], ids=["broken", "unlearnt"])
def test_a_task_that_does_not_work_leaves_the_others_their_lineages(
    tmp_path: Path, root: Path, code: str
) -> None:
    install(tmp_path, "odd-one", "odd = odd_one:X", code, "sluice.tasks")
    asked = "import definitions; print(sorted(definitions.LINEAGES))"
    path = os.pathsep.join([str(tmp_path), str(root)])
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "SLUICE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert "['instructions', 'tabular', 'text', 'tokens']" in done.stdout, done.stderr
    assert done.stderr.count("The task odd has no lineage") == 1
