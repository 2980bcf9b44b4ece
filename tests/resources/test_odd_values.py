"""What is stored under a name, or as a value, is what is read back for it: in every table."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from chosen import put_record, put_rows, put_selection
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.lake import Lake
from resources.store import (
    encoders,
    label_rounds,
    maintenance,
    queries,
    records,
    rewrites,
    rows,
    scores,
    selections,
    tags,
    vectors,
)
from resources.store.encoders import StoredEncoder
from resources.store.label_rounds import Round
from resources.store.purging_rows import purge_rows

# No two are equal, some are but for case; DuckLake compares the least and greatest as text.
ODD = [
    *("pos", "pos_1", "POS", "Net", "net", "ß", "SS", "é", "e\u0301", "I", "ı"),
    *("say \"hi\"", "it's", "'", '"', "'' OR ''=''", "x; DROP TABLE scores; --", "x;y", "--"),
    *('a" + 0 * "out_of_fold/a', "a') FROM scores --", "(SELECT 1)", "?", "$1", ":n", "%s", "{0}"),
    *("NULL", "null", "nan", "true", "0", " lead", "trail ", "\n", "\t", "\\", "\\'", "a\rb"),
    *("日本", "😀", "\ufeff", "\u2028", "\x01", "\x7f", "\U0010ffff", "z" * 70_000, "'" * 5_000),
]  # fmt: skip


def store(lake: Lake, dataset: str, names: list[str]) -> None:
    """Put names wherever one of a user's enters."""
    put_rows(lake, dataset, {name: name for name in names})
    numbers = np.arange(len(names), dtype=np.float64)
    values = {f"out_of_fold/{name}": numbers + 100 * place for place, name in enumerate(names)}
    scores.replace(lake, dataset, names, values, "out_of_fold/")
    entry = put_selection(
        lake, f"{len(dataset):04}aaaa", {n: n for n in names}, dataset=dataset, method=names[0]
    )
    put_record(lake, [entry], dataset=dataset, method=names[0])
    label_rounds.append(lake, dataset, Round(names[0], 1, {name: name for name in names}))
    encoders.append(lake, dataset, StoredEncoder(names[0], names[-1], 1, names[0]))
    tags.append(lake, names, names, names[0], [[name, *names] for name in names])
    rewrites.append(lake, names, names, names, names[0], names)
    vectors.append(lake, names, names[0], np.ones((len(names), 2), np.float32))
    asked = dict.fromkeys(("instance_id", "content_hash", "reason", "strategy"), names)
    queue = {"rank": pa.array(range(len(names))), "gain": numbers, **asked}
    queries.replace(lake, dataset, pa.table(queue))


def check(lake: Lake, dataset: str, names: list[str]) -> None:
    stored = rows.read_instances(lake, dataset)
    assert sorted(stored["text"].to_pylist()) == sorted(names)
    assert stored["text"].to_pylist() == stored["instance_id"].to_pylist()
    for place, name in enumerate(names):
        found = scores.read(lake, dataset, f"out_of_fold/{name}", names)
        assert found.tolist() == [100 * place + i for i in range(len(names))]
    method = names[0]
    record = records.latest(lake, dataset)[f"text/subsets/{method}"]
    kept = selections.rows(lake, record.details["shown"])
    assert kept["instance_id"].to_pylist() == kept["text"].to_pylist() == names
    assert selections.headers(lake, [record.details["shown"]])[0].method == method
    assert label_rounds.read(lake, dataset) == [Round(method, 1, {name: name for name in names})]
    assert encoders.read(lake, dataset, method) == StoredEncoder(method, names[-1], 1, method)
    assert tags.read(lake, names) == {name: [name, *names] for name in names}
    assert rewrites.read(lake, names) == {name: name for name in names}
    assert vectors.read(lake, names).shape == (len(names), 2)
    asked = queries.read(lake, dataset)
    assert asked["instance_id"].to_pylist() == asked["reason"].to_pylist() == names


def test_odd_values_come_back_from_every_table_also_from_files(tmp_path: Path) -> None:
    lake, dataset = Lake(root=str(tmp_path)), ODD[15]
    store(lake, dataset, ODD)
    check(lake, dataset, ODD)
    lake.alone(maintenance.compact)
    check(lake, dataset, ODD)
    gone, left = ODD[::2], ODD[1::2]
    purge_rows(lake, dataset, gone)
    assert scores.read(lake, dataset, f"out_of_fold/{ODD[0]}", left).shape == (len(left),)
    assert set(rows.read_instances(lake, dataset)["instance_id"].to_pylist()) == set(left)
    lake.close()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(root=str(tmp_path_factory.mktemp("lake")))


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.lists(names, min_size=2, max_size=6, unique=True), names)
@settings(max_examples=12, deadline=None)
def test_scores_of_any_classes_and_ids_come_back(lake: Lake, found: list[str], gone: str) -> None:
    ids, dataset = found[::-1], found[0]
    first = {f"out_of_fold/{gone}": np.zeros(len(ids)), gone: np.ones(len(ids))}
    scores.replace(lake, dataset, ids, first)
    values = {f"out_of_fold/{name}": np.arange(len(ids)) + len(name) for name in found}
    scores.replace(lake, dataset, ids, values, "out_of_fold/")
    for method, expected in {**values, gone: np.ones(len(ids))}.items():
        assert scores.read(lake, dataset, method, ids).tolist() == expected.tolist()
    stored = lake.read("SELECT count(*) AS n FROM scores WHERE dataset = ?", [dataset])
    assert stored["n"].to_pylist() == [len(ids) * (len(found) + 1)]
    lake.write(lambda cursor: cursor.execute("DELETE FROM scores"))


@pytest.mark.parametrize("count", [3, 20_000])
def test_scores_with_nul_come_back_and_harm_no_others(tmp_path: Path, count: int) -> None:
    lake, values = Lake(root=str(tmp_path)), np.arange(count, dtype=np.float64)
    ids = [f"i{number}" for number in range(count)]
    odd = ["\0a", "zz\0", *ids[2:]]
    scores.replace(lake, "plain", ids, {"margin": values})
    scores.replace(lake, "odd", odd, {"out_of_fold/a\0b": values, "margin": -values})
    for _ in range(2):
        assert np.array_equal(scores.read(lake, "odd", "out_of_fold/a\0b", odd), values)
        assert np.array_equal(scores.read(lake, "odd", "margin", odd), -values)
        assert np.array_equal(scores.read(lake, "plain", "margin", ids), values)
        lake.alone(maintenance.compact)
    lake.close()
