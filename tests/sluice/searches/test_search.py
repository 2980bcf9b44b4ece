"""`sluice.search`: problems in Python, limits, traces, and what is wrong with any of them."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sluice
from sluice.core.errors import ConfigError, DataError, UnknownNameError
from sluice.searches import Choice, Problem, Range
from sluice.searches.registry import ProblemReader


def cost(state: dict[str, Any]) -> float:
    return (state["x"] - 3) ** 2 + (state["kind"] == "dear")


PROBLEM = Problem({"x": Range(0, 9, integer=True), "kind": Choice(["dear", "cheap"])}, cost)


def test_the_best_state_and_the_trace_of_all() -> None:
    found = sluice.search(PROBLEM, evaluations=200, seed=0)
    assert (found.objective, found.solution) == (0.0, {"x": 3, "kind": "cheap"})
    assert (found.status, found.bound, len(found.trials)) == ("finished", None, 200)
    assert [trial["step"] for trial in found.trials] == list(range(1, 201))
    assert all(trial["objective"] == cost(trial["state"]) for trial in found.trials)
    rewarded = [trial["objective"] for trial in found.trials if trial["reward"]]
    assert rewarded == sorted(set(rewarded), reverse=True)
    other = sluice.search(PROBLEM, evaluations=200, seed=1)
    assert [t["state"] for t in other.trials] != [t["state"] for t in found.trials]


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=3),
    st.sampled_from(["min", "max"]),
)
@settings(max_examples=40, deadline=None)
def test_a_small_space_is_exhausted(ends: Any, sense: str) -> None:
    space = {f"v{k}": Range(low, low + more, integer=True) for k, (low, more) in enumerate(ends)}
    weights = np.random.default_rng(0).integers(-4, 5, size=len(ends))

    def worth(values: Any) -> float:
        return float(np.dot(weights, values))

    every = [worth(v) for v in product(*(range(low, low + more + 1) for low, more in ends))]
    problem = Problem(space, lambda state: worth(list(state.values())), sense)
    found = sluice.search(problem, evaluations=1200)
    assert found.objective == (min(every) if sense == "min" else max(every))
    assert found.solution is not None
    assert worth(list(found.solution.values())) == found.objective


def test_states_without_an_objective_are_trials() -> None:
    def failing(state: dict[str, Any]) -> Any:
        state["x"] += 100  # its own copy
        if state["kind"] == "dear":
            raise ZeroDivisionError("too dear")
        return {104: None, 105: float("nan"), 106: "six"}.get(state["x"], 107 - state["x"])

    problem = Problem({"x": Range(4, 7, integer=True), "kind": ["dear", "cheap"]}, failing)
    found = sluice.search(problem, evaluations=100)
    assert (found.objective, found.solution) == (0.0, {"x": 7, "kind": "cheap"})
    reasons = {trial["reason"] for trial in found.trials if trial["objective"] is None}
    assert {"ZeroDivisionError: too dear.", "the objective is None"} <= reasons
    assert "the objective is nan" in reasons
    assert any(reason.startswith("TypeError") for reason in reasons)
    assert found.trials[0]["best"] in (None, 0.0)
    hopeless = sluice.search(Problem({"x": Range(0, 1)}, lambda state: None), evaluations=3)
    assert (hopeless.objective, hopeless.solution, hopeless.status) == (None, None, "no solution")
    assert [trial["best"] for trial in hopeless.trials] == [None] * 3


def test_an_interrupt_ends_it_and_the_file_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    seen: list[Any] = []

    def interrupted(state: dict[str, Any]) -> float:
        if len(seen) == 7:
            raise KeyboardInterrupt
        seen.append(state)
        return cost(state)

    with pytest.raises(KeyboardInterrupt):
        sluice.search(Problem(PROBLEM.space, interrupted), evaluations=20, seed=5, resume=file)
    assert len(file.read_text().splitlines()) == 7
    whole = sluice.search(PROBLEM, evaluations=20, seed=5)
    assert sluice.search(PROBLEM, evaluations=20, seed=5, resume=file) == whole
    assert [json.loads(line) for line in file.read_text().splitlines()] == whole.trials
    assert sluice.search(PROBLEM, evaluations=9, seed=5, resume=file).trials == whole.trials[:9]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 8}, "the seed 8, not of random and 0"),
        ({"method": "balans"}, "of the method balans"),
        ({"step": 4}, "is step 4"),
        ({"state": {"y": 1}}, "other variables"),
        ({"objective": float("nan")}, "objective nan"),
    ],
)
def test_a_trace_of_something_else_is_refused(change: dict[str, Any], said: str) -> None:
    trials = sluice.search(PROBLEM, evaluations=3).trials
    with pytest.raises(DataError, match=said):
        sluice.search(PROBLEM, evaluations=5, resume=[{**trials[0], **change}, *trials[1:]])


def test_a_file_that_is_no_trace_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    for notes in ("my notes\nmore\n", "my notes", "{"):
        file.write_text(notes)
        if notes != "{":  # what a killed run may leave
            with pytest.raises(DataError, match=r"Line 1 of .* is no trial"):
                sluice.search(PROBLEM, evaluations=5, resume=file)
            assert file.read_text() == notes
    assert len(sluice.search(PROBLEM, evaluations=5, resume=file).trials) == 5
    with pytest.raises(DataError, match="cannot be written"):
        sluice.search(PROBLEM, evaluations=5, resume=tmp_path / "none" / "trace.jsonl")
    with pytest.raises(DataError, match=r"has no .*step"):
        sluice.search(PROBLEM, evaluations=5, resume=[{"arm": "x"}])


class Own:
    """A caller's own problem."""

    sense, variables, bound = "max", ("route",), 9.0

    def propose(self, rng: np.random.Generator) -> dict[str, Any]:
        return {"route": [int(place) for place in rng.permutation(4)]}

    def evaluate(self, state: Any) -> float:
        return float(np.dot(state["route"], range(4)))


def test_any_object_with_the_methods_is_a_problem(tmp_path: Path) -> None:
    found = sluice.search(Own(), evaluations=300, resume=tmp_path / "trace")
    assert (found.objective, found.solution, found.bound) == (14.0, {"route": [0, 1, 2, 3]}, 9.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Range(2, 1), "no range"),
        (lambda: Range(0, float("inf")), "no range"),
        (lambda: Range("a", 2), "no range"),  # pyright: ignore
        (lambda: Range(0.5, 2, integer=True), "no whole number"),
        (lambda: Choice([]), "no values"),
        (lambda: Choice("abc"), "no values"),
        (lambda: Choice([1, 1]), "twice"),
        (lambda: Choice([(1, 2)]), "no text, number or truth"),  # pyright: ignore
        (lambda: Problem({}, cost), "names no variable"),
        (lambda: Problem({"x": (0, 1)}, cost), r"space has \(0, 1\) at 'x'"),
        (lambda: Problem({"x": Range(0, 1)}, 3), "objective is 3"),  # pyright: ignore
        (lambda: sluice.search(Problem(PROBLEM.space, cost, "least")), "sense is 'least'"),
        (lambda: sluice.search(3), "a int without sense, variables"),  # pyright: ignore
        (lambda: sluice.search(PROBLEM, evaluations=0), "evaluations is 0"),
        (lambda: sluice.search(PROBLEM, evaluations=True), "evaluations is True"),
        (lambda: sluice.search(PROBLEM, seconds=-1), "seconds is -1"),
        (lambda: sluice.search(PROBLEM, seed=-1), "seed is -1"),
        (lambda: sluice.search(PROBLEM, arms=3), "Unknown option of random 'arms'"),
    ],
)
def test_what_is_wrong_is_named(make: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_files_are_read_by_who_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownNameError, match="Unknown search 'balans'"):
        sluice.search(PROBLEM, method="balans")
    file = tmp_path / "Model.MPS.gz"
    with pytest.raises(DataError, match="There is no file"):
        sluice.search(file)
    file.write_text("x")
    with pytest.raises(DataError, match=r"No reader for .*Model\.MPS\.gz.*problems: none"):
        sluice.search(str(file))
    readers = {
        "plain": ProblemReader("plain", [".gz"], lambda path: Own()),
        "mps": ProblemReader("mps", [".mps", ".mps.gz"], lambda path: PROBLEM),
    }
    monkeypatch.setattr("sluice.searches.registry.each", lambda group: readers.items())
    assert sluice.search(file, evaluations=50).objective == 0.0
    other = tmp_path / "model.lp"
    other.write_text("x")
    with pytest.raises(DataError, match=r"plain \(\.gz\); mps \(\.mps, \.mps\.gz\)"):
        sluice.search(other)
