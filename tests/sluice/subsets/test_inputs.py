"""Inputs of other packages: made of rows alone, known by their version, and refused in words."""

from dataclasses import replace

import numpy as np
import pytest

import sluice
from assets.lineage.inputs import input_settings, selector_reads
from assets.lineages import LINEAGES
from sluice.core.errors import DataError
from sluice.data.config import checked_config
from sluice.subsets import inputs
from sluice.subsets.contract import Picks, Selector
from sluice.subsets.inputs import Input
from sluice.subsets.registry import SELECTORS


def core(pool, budget, seed):
    order = np.argsort(-pool.others["first"], kind="stable")[:budget]
    return Picks(order, pool.others["first"][order], [f"First {i}." for i in order])


FIRST = Input(
    "first",
    "give vectors",
    lambda value, ids, method: np.asarray(value, np.float64),
    lambda value, at: value[at],
    lambda rows, options: rows.vectors()[:, 0],
    version="7",
    embedded=True,
)
METHOD = Selector(
    *("by_first", core, "1", frozenset({"first"}), frozenset({"text"}), False, True, False),
    *("s", "f", "p", "c"),
)
ROWS = np.array([[0.6, 0.8], [0.8, 0.6], [0.0, 1.0]])


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(SELECTORS, METHOD.name, METHOD)


def registered(monkeypatch, made):
    monkeypatch.setattr(inputs, "_others", lambda: {made.key: made})


def test_it_is_made_of_the_rows(monkeypatch):
    registered(monkeypatch, FIRST)
    kept = sluice.select(ROWS, ["a", "b", "a"], method=METHOD.name, budget=2)
    assert kept.ids.tolist() == [1, 0]


def test_what_nobody_makes_is_said_in_words():
    with pytest.raises(DataError, match=r"Nobody makes the input 'first'.*sluice\.inputs"):
        sluice.select(ROWS, ["a", "b", "a"], method=METHOD.name, budget=2)


def test_vectors_are_asked_for_beforehand(monkeypatch):
    registered(monkeypatch, replace(FIRST, embedded=False))
    with pytest.raises(DataError, match="embedded=True"):
        sluice.select(ROWS, ["a", "b", "a"], method=METHOD.name, budget=2)


@pytest.mark.parametrize(("embedded", "read"), [(True, ["embeddings"]), (False, [])])
def test_a_lineage_depends_on_its_version_and_on_what_it_reads(monkeypatch, embedded, read):
    registered(monkeypatch, replace(FIRST, embedded=embedded))
    task = LINEAGES["text"].task
    columns = {"text": "t", "label": "l"}
    config = checked_config({"task": "text", "files": ["a.csv"], "columns": columns}, "")
    assert selector_reads(task, METHOD, config) == ["instances", *read]
    assert input_settings(METHOD, config) == {"input:first": "7"}
    assert input_settings(SELECTORS["k_center"], config) == {}
