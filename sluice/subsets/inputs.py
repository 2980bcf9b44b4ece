"""What methods may need of rows: an object for each, that checks it and takes rows of it.

The pool, the shell around every method, `sluice.select` and the lineage loop over these. Another
package registers one by an entry point of the group ``sluice.inputs``; a method then reads it
as ``pool.others[KEY]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.core import registry
from sluice.core.arrays import number_array
from sluice.core.errors import DataError

if TYPE_CHECKING:
    from sluice.subsets.contract import Ask, Selector

GROUP = "sluice.inputs"
"""Group of entry points of further inputs."""


@dataclass(frozen=True)
class InputRows:
    """Rows that an input is made of, in ascending order of id.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
    texts : sequence of str, length n
        As the row format of the task writes them.
    labels : ndarray of int64, shape (n,), or None
    class_names : tuple of str
    vectors : callable
        Returns what the encoder makes of the rows, shape (n, d).
    """

    ids: NDArray[np.str_]
    texts: Sequence[str]
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    vectors: Callable[[], NDArray[np.float32]]


Check = Callable[[Any, "NDArray[np.str_]", "Selector"], Any]
"""``check(value, ids, method) -> value`` with the dtype of the contract, or DataError."""
Take = Callable[[Any, NDArray[np.int64]], Any]
"""``take(value, positions) -> value`` of some of the rows, in the order of the positions."""
Make = Callable[[InputRows, Mapping[str, Any]], Any]
"""``make(rows, options of the method) -> value``."""


@dataclass(frozen=True)
class Input:
    """One kind of input.

    Attributes
    ----------
    key : str
        As `Selector.needs` names it; before a colon where there are several of it by name.
    remedy : str
        What to do where it is missing, after a colon.
    check, take : callable
        See `Check` and `Take`.
    make : callable or None
        See `Make`; None where it is computed elsewhere, by a stage or by `sluice.api.inputs`.
    version : str
        Of `make`: changes whenever the same rows may give another value.
    embedded : bool
        Whether `make` asks for vectors, so that a lineage embeds the rows first.
    """

    key: str
    remedy: str
    check: Check
    take: Take
    make: Make | None = None
    version: str = "1"
    embedded: bool = False


def inputs() -> Mapping[str, Input]:
    """Return every input by its key: Sluice's own, and those of other packages."""
    return {**_OWN, **_others()}


def made_input(need: str) -> Input:
    """Return an input that is made of rows alone, by what a method needs.

    Raises
    ------
    DataError
        Nobody makes it.
    """
    found = inputs().get(need)
    if found is None or found.make is None:
        raise DataError(
            f"Nobody makes the input {need!r} of rows. Install the package that registers it "
            f"(entry points {GROUP}), or correct what the method needs."
        )
    return found


def make_input(need: str, rows: InputRows, options: Mapping[str, Any]) -> Any:
    """Make an input of rows, see `made_input`."""
    made = made_input(need)
    assert made.make is not None
    if not made.embedded:
        rows = replace(rows, vectors=_no_vectors)
    return made.make(rows, options)


def _no_vectors() -> NDArray[np.float32]:
    raise DataError(
        "An input asks for vectors without having said so: give its Input embedded=True."
    )


@cache
def _others() -> Mapping[str, Input]:
    return {made.key: made for _, made in registry.each(GROUP, Input)}


def _embeddings(rows: Any, ids: NDArray[np.str_], _: Selector) -> NDArray[np.float32]:
    n = len(ids)
    rows = np.ascontiguousarray(number_array("Embeddings", rows), dtype=np.float32)
    if rows.ndim != 2 or len(rows) != n or not rows.shape[1]:
        raise DataError(
            f"Embeddings have shape {rows.shape}; give one vector for each of {n} rows."
        )
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise DataError(f"The embedding of row {row} is not finite; leave that row out.")
    return rows


def _labels(labels: Any, ids: NDArray[np.str_], _: Selector) -> NDArray[np.int64]:
    codes = number_array("Labels", labels)
    if codes.shape != ids.shape or codes.dtype.kind not in "iu" or codes.min() < 0:
        raise DataError(
            f"Labels have shape {codes.shape} and type {codes.dtype}; give a class code from 0 "
            f"upwards for each of {len(ids)} rows."
        )
    return codes.astype(np.int64)


def _graph(graph: Any, ids: NDArray[np.str_], _: Selector) -> Any:
    if not np.array_equal(graph.ids, ids):
        raise DataError(
            "The graph is not over the pool's ids in the pool's order; build it from them."
        )
    return graph


def _scores(
    scores: Mapping[str, Any], ids: NDArray[np.str_], method: Selector
) -> dict[str, NDArray[np.float64]]:
    checked = {
        name: number_array(f"The scores {name!r}", values).astype(np.float64, copy=False)
        for name, values in scores.items()
    }
    for name, values in checked.items():
        finite = method.sets_aside or np.isfinite(values).all()
        if values.shape != ids.shape or not finite:
            raise DataError(
                f"The score {name!r} has shape {values.shape} or values that are not finite; give "
                f"one finite number for each of {len(ids)} rows."
            )
    return checked


def _fitting(what: str) -> Check:
    def check(given: Any, ids: NDArray[np.str_], _: Selector) -> Any:
        if len(given) != len(ids):
            raise DataError(
                f"The pool's {what} are of {len(given)} rows; give those of its {len(ids)} rows."
            )
        return given

    return check


def _taken(value: Any, at: NDArray[np.int64]) -> Any:
    return value.of(at)


def _rows(value: NDArray[Any], at: NDArray[np.int64]) -> NDArray[Any]:
    return value[at]


def _as_given(value: Any, *_: Any) -> Any:
    return value


def _asks(asks: Mapping[str, Ask], taken: NDArray[np.int64]) -> dict[str, Ask]:
    """Let a core that knows the taken rows ask a pool that knows them in its own order."""

    def asked_in(ask: Ask) -> Ask:
        def asked(positions: NDArray[np.int64], *others: Any) -> NDArray[np.float64]:
            return ask(taken[positions], *others)

        return asked

    return {name: asked_in(ask) for name, ask in asks.items()}


_OWN: Mapping[str, Input] = {
    made.key: made
    for made in (
        Input("embeddings", "give vectors, or texts and an encoder", _embeddings, _rows),
        Input("labels", "give labels (y)", _labels, _rows),
        Input(
            "graph",
            "build the kNN graph of the rows",
            _graph,
            lambda graph, at: graph.permuted(at),
        ),
        Input(
            "scores",
            "compute the score {name!r}",
            _scores,
            lambda scores, at: {name: values[at] for name, values in scores.items()},
        ),
        Input("tags", "give each row its tags", _fitting("tags"), _taken),
        Input("features", "give each row its features", _fitting("features"), _taken),
        Input(
            "influence",
            "compute the influence of the rows on validation rows",
            _fitting("influence"),
            _taken,
        ),
        Input(
            "teacher",
            "let models teach that have not seen the rows (sluice.scores.teacher)",
            _fitting("teacher's answers"),
            _taken,
        ),
        Input("asks", "give a function for {name!r}", _as_given, _asks),
        # Of queries: these two are checked against each other, see `queries.checks`.
        Input("labelled", "give the rows that have a label", _as_given, _as_given),
        Input("answers", "give what a model trained on the labelled rows says", _as_given, _taken),
    )
}
