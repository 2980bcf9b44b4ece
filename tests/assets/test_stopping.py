"""The signs for an end of labelling, from rounds as they are stored."""

from pathlib import Path

import numpy as np
import pytest

from assets.text.stopping import signs_of, up_to
from resources.lake import Lake
from resources.store import label_rounds
from resources.store.label_rounds import Round
from sluice.evaluation.stopping import cohen_kappa

IDS = [f"r{i}" for i in range(40)]
SURE, UNSURE = np.array([[0.999, 0.001]] * 3), np.full((3, 2), 0.5)


def told(name: str, changed: int, **more: str) -> Round:
    """A round that says `a` of even and `b` of odd rows, but for the first so many."""
    said = {row: "ab"[(i + (i < changed)) % 2] for i, row in enumerate(IDS)}
    return Round(name, 5, {**said, **more})


def test_three_signs_of_three_agreements() -> None:
    calm = [told(f"c{i}", 0) for i in range(4)]
    signs = signs_of(calm, SURE)
    assert signs["stop"].startswith("3 of 3 signs say stop after 4 rounds")
    assert (signs["kappa_average"], signs["delta_f"]) == (1, 0)
    assert signs_of(calm[:3], SURE)["stop"].startswith("1 of 3"), "too few rounds to tell"
    restless = [*calm[:3], told("d", 4)]
    signs = signs_of(restless, UNSURE)
    assert signs["stop"].startswith("0 of 3")
    a, b = np.arange(40) % 2, (np.arange(40) + (np.arange(40) < 4)) % 2
    assert signs["kappa_average"] == pytest.approx((2 + cohen_kappa(a, b)) / 3)
    assert signs["overall_uncertainty"] == pytest.approx(1)


def test_only_rows_that_all_rounds_have_are_compared() -> None:
    before, after = told("x", 0, new="a"), told("y", 0, other="b")
    assert signs_of([before, after], UNSURE)["kappa_average"] == 1
    apart = [Round("x", 1, {"p": "a"}), Round("y", 2, {"q": "a"})]
    assert "kappa_average" not in signs_of(apart, UNSURE)


def test_rounds_are_kept_once_and_later_ones_left_out(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    rounds = [told("one", 0), told("two", 3)]
    for each in (*rounds, rounds[0]):
        label_rounds.append(lake, "d", each)
    label_rounds.append(lake, "e", rounds[1])
    assert label_rounds.read(lake, "d") == rounds
    assert up_to(label_rounds.read(lake, "d"), rounds[0]) == rounds[:1]
    lake.close()
