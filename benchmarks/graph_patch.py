"""The exact kNN graph after a change: patched, built anew, and searched anew by FAISS Flat.

A change of a share of the rows is a third each inserted, deleted and edited (another vector
under the same id). A cell is checked against a build of the new state, bit for bit, or beyond
50,000 rows against an exact search of 2,000 sampled rows.

``python -m benchmarks.graph_patch --rows 50000`` from the root of the repository.
"""

from __future__ import annotations

from benchmarks.side_by_side import clustered_vectors, cpu_seconds, record

# isort: split
import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from sluice.graphs.exact_rows import search_rows
from sluice.graphs.knn import KnnGraph, id_ranks

LENGTH, K, SLACK, SEED, UPDATES = 384, 15, 15, 0, 20
SHARES = (0.001, 0.01, 0.1)
WHOLE_CHECK, SAMPLE = 50_000, 2_000


class Cell(NamedTuple):
    """CPU seconds of each round, the last round's peak memory and its result."""

    seconds: list[float]
    memory: list[int]
    result: Any


class State(NamedTuple):
    """Ids, ascending, their vectors, and the ids that are not as they were."""

    ids: NDArray[np.str_]
    vectors: NDArray[np.float32]
    changed: NDArray[np.str_]


def change(state: State, share: float, pool: NDArray[np.float32], number: int) -> State:
    """Return the state after a change of `share` of its rows; new vectors come from `pool`."""
    rng = np.random.default_rng([SEED, number])
    each = round(len(state.ids) * share / 3)
    deleted, edited = rng.permutation(len(state.ids))[: 2 * each].reshape(2, each)
    fresh = pool[rng.permutation(len(pool))[: 2 * each]]
    # new ids fall between the old ones
    beside = state.ids[rng.permutation(len(state.ids))[:each]]
    inserted = np.array([f"{name[:6]}.{number}" for name in beside])
    inserted = np.setdiff1d(inserted, state.ids)
    vectors = state.vectors.copy()
    vectors[edited] = fresh[:each]
    ids = np.concatenate([np.delete(state.ids, deleted), inserted])
    vectors = np.concatenate(
        [np.delete(vectors, deleted, axis=0), fresh[each : each + len(inserted)]]
    )
    order = np.argsort(ids)
    return State(ids[order], vectors[order], np.concatenate([state.ids[edited], inserted]))


def build(state: State) -> KnnGraph:
    return KnnGraph.build(state.ids, state.vectors, K, SLACK, device="cpu")


def check(graph: KnnGraph, state: State) -> str:
    """Compare the published columns with an exact search, and say with which."""
    if len(graph) <= 1.1 * WHOLE_CHECK:
        other, rows = build(state), np.arange(len(graph))
        lists, weights, how = other.neighbours, other.weights, "equals a build, bit for bit"
    else:
        rows = np.sort(np.random.default_rng(SEED).permutation(len(graph))[:SAMPLE])
        lists, weights = search_rows(state.vectors, id_ranks(state.ids), rows, K)
        how = f"equals an exact search of {SAMPLE} sampled rows, bit for bit"
    assert np.array_equal(graph.neighbours[rows], lists), "the neighbours differ"
    assert np.array_equal(graph.weights[rows], weights), "the weights differ"
    return how


def updates(graph: KnnGraph, state: State, pool: NDArray[np.float32]) -> dict[str, Any]:
    """Patch the graph with one change of 1 % after another."""
    seconds, searched, touched = [], [], []
    for number in range(1, UPDATES + 1):
        state = change(state, 0.01, pool, number)
        new = state
        spent, (graph, counts) = cpu_seconds(
            lambda graph=graph, new=new: graph.patch_counted(*new, device="cpu")
        )
        assert not counts.built
        seconds.append(round(spent, 3))
        searched.append(counts.searched)
        touched.append(counts.touched)
    left = np.count_nonzero(graph.lists >= 0, axis=1) - K
    return {
        "cpu_seconds_of_each_update": seconds,
        "median_of_the_first_and_last_five": [
            statistics.median(seconds[:5]),
            statistics.median(seconds[-5:]),
        ],
        "lists_searched_again_in_each": searched,
        "lists_touched_in_each": touched,
        "slack_left_mean_and_least": [round(float(left.mean()), 1), int(left.min())],
        "after_the_last": check(graph, state),
    }


def measured(work: Callable[[], Any]) -> tuple[float, list[int], Any]:
    """CPU seconds, peak resident MiB of this process (and what it held before), result."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    held = _resident("VmRSS")
    seconds, result = cpu_seconds(work)
    return seconds, [_resident("VmHWM"), held], result


def _resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) // 1024


def kernels() -> dict[str, str]:
    """Which BLAS kernels FAISS and numpy run."""
    owners = {"faiss": "faiss", "numpy": "numpy"}
    return {
        owner: f"{pool['internal_api']} {pool['version']} {pool['architecture']}"
        for owner, word in owners.items()
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and f"/{word}" in pool["filepath"]
    }


def timed(rounds: int, sides: dict[str, Callable[[], Any]]) -> dict[str, Cell]:
    """Run all sides in turn, `rounds` times."""
    cells = {name: Cell([], [], None) for name in sides}
    for number in range(1, rounds + 1):
        for name, work in sides.items():
            spent, memory, result = measured(work)
            cells[name] = Cell([*cells[name].seconds, round(spent, 3)], memory, result)
            print(f"round {number}, {name}: {spent:.3f} CPU s, {memory} MiB", flush=True)
    return cells


def summary(cells: dict[str, Cell], states: dict[str, State]) -> dict[str, Any]:
    """Each side beside our build and FAISS, the patches checked."""
    middle = {name: statistics.median(cell.seconds) for name, cell in cells.items()}
    facts: dict[str, Any] = {
        "peer": f"FAISS Flat (faiss.knn, inner product, k + 1 = {K + 1}, all rows)",
        "our_build": f"{middle['build']:.2f} CPU s, {middle['build'] / middle['FAISS']:.2f} times "
        f"FAISS's {middle['FAISS']:.2f}; rounds: {cells['build'].seconds}",
    }
    for name, state in states.items():
        graph, counts = cells[name].result
        facts[name] = (
            f"{middle[name]:.3f} CPU s, {middle[name] / middle['build']:.2%} of our build, "
            f"{middle[name] / middle['FAISS']:.2%} of FAISS; {counts.searched} lists searched "
            f"again, {counts.touched} touched; {check(graph, state)}; rounds: {cells[name].seconds}"
        )
        print(f"{name}: {facts[name]}", flush=True)
    memory = [f"{name} {cell.memory[0]} ({cell.memory[1]})" for name, cell in cells.items()]
    facts["peak memory of the process in MiB (held before)"] = ", ".join(memory)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side, interleaved")
    options = parser.parse_args()
    rows, rounds = options.rows, options.rounds

    every = clustered_vectors(rows + rows // 5, LENGTH, seed=SEED)
    vectors, pool = every[:rows], every[rows:]
    state = State(np.array([f"{row:06d}" for row in range(rows)]), vectors, np.array([], str))
    states = {f"patch of {share:.1%}": change(state, share, pool, 0) for share in SHARES}
    build(State(state.ids[:3000], vectors[:3000], state.changed))  # the libraries load: not counted
    graphs: list[KnnGraph] = []  # of the last build

    def built() -> KnnGraph:
        graphs[:] = [build(state)]
        return graphs[0]

    sides: dict[str, Callable[[], Any]] = {"build": built}
    for name, new in states.items():
        sides[name] = lambda new=new: graphs[0].patch_counted(*new, device="cpu")
    sides["FAISS"] = lambda: faiss.knn(vectors, vectors, K + 1, metric=faiss.METRIC_INNER_PRODUCT)
    cells = timed(rounds, sides)
    facts = summary(cells, states)
    seconds = cells["patch of 1.0%"].seconds, cells["FAISS"].seconds
    del cells, states, sides, new
    facts[f"{UPDATES} successive patches of 1 %"] = updates(graphs[0], state, pool)
    facts |= {
        "blas_kernels": kernels(),
        "data": f"{rows} x {LENGTH}, 200 low-rank Gaussian clusters, unit norm; synthetic; k {K}, "
        f"slack {SLACK}, seed {SEED}",
        "command": f"python -m benchmarks.graph_patch --rows {rows} --rounds {rounds}",
    }
    title = (
        f"The exact kNN graph of {rows} x {LENGTH} after a change of 1 %: sluice's patch against "
        "a new search by FAISS Flat"
    )
    record(f"graph_patch_{rows}", title, seconds, facts, ["numpy", "faiss-cpu"])


if __name__ == "__main__":
    main()
