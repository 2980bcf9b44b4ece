"""Weights that stand: when they are kept, when made, and that a half-made folder never counts."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from assets.lineage.cached_model import CachedModel
from assets.lineage.stage import REBUILD_TAG, Run
from assets.tabular.encoder import KEEP_TAG

ROWS = [f"row {i}" for i in range(10)]


def run(folder: Path, before=None, rows=ROWS, settings="s", make=None, **tags: str):
    """Bring weights up to date after a record with some details; return details and verdict."""
    context = SimpleNamespace(run=SimpleNamespace(tags=tags))
    previous = None if before is None else SimpleNamespace(details=before)
    of = Run(None, None, "d", None, context, None, previous)
    weights = CachedModel("tagger", folder, settings, 0.2, "uncertainty.refit_drift")
    return weights.load_or_train(of, rows, make or write)


def write(folder: Path) -> dict[str, int]:
    folder.mkdir()
    (folder / "weights").write_text("whole")
    return {"found": 1}


def never(folder: Path) -> dict[str, int]:
    raise AssertionError("the weights stand")


def test_they_stand_while_few_rows_have_changed(tmp_path: Path) -> None:
    first, why = run(tmp_path)
    assert why == "There is no tagger to keep."
    assert first["found"] == 1
    assert (tmp_path / first["tagger"] / "weights").read_text() == "whole"
    assert run(tmp_path, first, make=never) == (first, "")
    two = [*ROWS[2:], "new 0", "new 1"]
    assert run(tmp_path, first, two, make=never) == (first, ""), "the rows they were made of stay"
    made, why = run(tmp_path, first, [*ROWS[3:], "a", "b", "c"])
    assert why == "30% of its rows have changed, more than uncertainty.refit_drift 0.2."
    assert made["tagger"] != first["tagger"]
    _, why = run(tmp_path, first, ROWS[3:])
    assert why.startswith("30% of its rows"), "rows that are gone have changed, too"
    other, why = run(tmp_path, first, settings="t")
    assert "settings of the training have changed" in why
    assert other["tagger"] != first["tagger"]


def test_a_rebuild_makes_them_anew_unless_it_keeps(tmp_path: Path) -> None:
    first, _ = run(tmp_path)
    again, why = run(tmp_path, first, **{REBUILD_TAG: "true"})
    assert why == "This is a rebuild."
    assert again == first, "the same rows, the same name"
    run(tmp_path, first, make=never, **{REBUILD_TAG: "true", KEEP_TAG: "true"})
    assert [path.name for path in tmp_path.iterdir()] == [first["tagger"]]


def test_a_half_made_folder_never_counts(tmp_path: Path) -> None:
    def killed(folder: Path) -> dict[str, int]:
        write(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, make=killed)
    assert not list(tmp_path.iterdir())
    first, _ = run(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, first, make=killed, **{REBUILD_TAG: "true"})
    assert run(tmp_path, first, make=never) == (first, ""), "the old ones are still whole"
    (tmp_path / first["tagger"]).rename(tmp_path / "gone")
    assert run(tmp_path, first)[1] == "There is no tagger to keep.", "the folder is gone"
