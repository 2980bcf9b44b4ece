"""A selector: the longest texts, by an input of this package."""

import numpy as np

from sluice.subsets.contract import Picks, Selector


def core(pool, budget, seed):
    lengths = pool.others["lengths"]
    # The pool is sorted by id: a stable sort breaks ties by id.
    order = np.argsort(-lengths, kind="stable")[:budget]
    reasons = [f"It has {lengths[i]} characters." for i in order.tolist()]
    return Picks(order, lengths[order].astype(np.float64), reasons)


SELECTOR = Selector(
    name="longest_texts",
    core=core,
    version="1",
    needs=frozenset({"lengths"}),
    tasks=frozenset({"text", "notes"}),
    stochastic=False,
    nested=True,
    class_floor=False,
    summary="The texts of most characters.",
    formula="argmax len(x)",
    paper="an example",
    cost="n log n",
)
