"""Models of a workspace that was moved or copied are found, and new ones are kept, where it is."""

import shutil
from pathlib import Path

import pytest

from resources import registry
from resources.tracking import CHALLENGER, Tracking


def registered(tracking: Tracking, files: Path) -> None:
    with tracking.run("sluice.text.d", "r", {}) as run:
        run.artifact(files, "model")
        registry.register(tracking, "sluice.text.d", run, {})


@pytest.mark.parametrize("old_stays", [True, False])
def test_models_move_with_the_workspace(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old_stays: bool
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "config.json").write_text('{"id2label": {"0": "a"}}')
    registered(Tracking(), files)
    old, new = home / "sluice", tmp_path / "moved" / "sluice"
    shutil.copytree(old, new)
    before = sorted(old.rglob("*"))
    if not old_stays:
        shutil.rmtree(old)
    monkeypatch.setenv("SLUICE_HOME", str(new))
    tracking = Tracking()
    found = registry.find(tracking, "sluice.text.d", CHALLENGER)
    assert found is not None
    assert found.class_names() == ["a"]
    assert found.folder.is_relative_to(new)
    registered(tracking, files)
    again = registry.find(tracking, "sluice.text.d", CHALLENGER)
    assert again is not None
    assert (again.version, again.folder.is_relative_to(new)) == ("2", True)
    assert (sorted(old.rglob("*")) if old.exists() else before) == before
    # A place that was chosen stays.
    chosen = Tracking(artifact_root=str(tmp_path / "chosen"))
    with chosen.run("sluice.text.e", "r", {}) as run:
        run.artifact(files, "model")
    assert (tmp_path / "chosen" / "sluice.text.e").is_dir()
    place = Tracking().client().get_experiment_by_name("sluice.text.e").artifact_location
    assert place == str(tmp_path / "chosen" / "sluice.text.e")
