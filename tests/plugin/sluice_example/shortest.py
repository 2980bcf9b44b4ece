"""A chooser: the candidate of fewest characters."""

import numpy as np

from sluice.choices.contract import Chooser, Ranking


def decide(fitted, questions, seed):
    pool = questions.ask()
    texts = [content or "" for content in pool.contents["content"].to_pylist()]
    lengths = np.array([len(text) for text in texts])
    usable = np.flatnonzero(pool.answer >= 0)
    order = usable[np.lexsort((usable, lengths[usable], pool.item[usable]))]
    answered = np.isin(np.arange(len(questions.items)), pool.item[order])
    reasons = ["It is the shortest." if each else "Nobody answers." for each in answered]
    return Ranking(order, np.ones(len(order)), -lengths[order].astype(np.float64), reasons)


CHOOSER = Chooser(
    name="shortest",
    decide=decide,
    version="1",
    summary="The candidate of fewest characters.",
    formula="argmin len(content)",
    paper="an example",
    cost="m log m",
)
