"""What a caller gives as texts, labels, ids and vectors: the same answer in every task and door."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sluice
from sluice.core.arrays import (
    checked_labels,
    checked_mask,
    checked_vectors,
    number_array,
    one_number_each,
    whole_array,
)
from sluice.core.errors import DataError
from sluice.data.config import DatasetConfig
from sluice.data.ingest.raw import read_raw
from sluice.data.values.one_column import id_array, ids_of, one_column, texts_of, unique_ids
from sluice.data.values.stringify import column_text
from sluice.data.values.targets import label_texts
from sluice.encoders.batches import tokenise
from sluice.graphs.instance_graphs.methods import build
from sluice.graphs.knn import KnnGraph

V = np.random.default_rng(0).normal(size=(6, 3))
TASKS = ("text", "tabular")
AB = list("ababab")


class Lengths:
    """An encoder that shows what it is asked to embed."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts):
        self.seen += texts
        return np.array([[len(text), 1.0, index] for index, text in enumerate(texts)])


class Streamed:
    """A column as polars and others give it: by Arrow's capsules alone."""

    def __init__(self, data: pa.ChunkedArray) -> None:
        self.data = data

    def __arrow_c_stream__(self, requested_schema=None):
        return self.data.__arrow_c_stream__(requested_schema)


def kept(y, task, **more):
    return sluice.select(V, y, task=task, method="random_stratified", budget=4, **more)


MISSING = {
    "None": ["a", "b", "a", "b", "a", None],
    "NaN": ["a", "b", "a", "b", "a", float("nan")],
    "NA": ["a", "b", "a", "b", "a", pd.NA],
    "NaT": [pd.Timestamp(0), pd.Timestamp(1)] * 2 + [pd.Timestamp(0), pd.NaT],
    "blank": ["a", "b", "a", "b", "a", " "],
    "Int64": pd.Series([0, 1, 0, 1, 0, None], dtype="Int64"),
    "Float64": pd.Series([0, 1, 0, 1, 0, None], dtype="Float64"),
    "boolean": pd.Series([True, False, True, False, True, None], dtype="boolean"),
    "string": pd.Series([*"ababa", None], dtype="string"),
    "category": pd.Series([*"ababa", None], dtype="category"),
    "object": pd.Series([*"ababa", None], dtype=object),
    "float": np.array([0.0, 1, 0, 1, 0, np.nan]),
    "NaT64": np.array([0, 1, 0, 1, 0, "NaT"], dtype="datetime64[s]"),
    "masked": np.ma.masked_array([0, 1, 0, 1, 0, 1], mask=[0, 0, 0, 0, 0, 1]),
    "masked words": np.ma.masked_array(AB, mask=[0, 0, 0, 0, 0, 1]),
    "arrow": pa.array([*"ababa", None]),
    "arrow numbers": pa.chunked_array([[0, 1, 0], [1, 0, None]]),
    "arrow codes": pa.array([*"ababa", None]).dictionary_encode(),
    "stream": Streamed(pa.chunked_array([[*"ababa", None]])),
    "decimal": [Decimal(0), Decimal(1)] * 2 + [Decimal(0), Decimal("NaN")],
}
NESTED = {
    "lists": [["a"], ["a", "b"]] * 3,
    "one list": ["a", ["b"], "a", "b", "a", "b"],
    "sets": [{"a"}, {"b"}] * 3,
    "tuples": [("a", 1), ("b", 2)] * 3,
    "dicts": [{"a": 1}] * 6,
    "objects": [object()] * 6,
    "one-hot": np.eye(2)[[0, 1] * 3],
    "frame": pd.DataFrame({"y": AB, "z": AB}),
    "table": pa.table({"y": AB}),
    "dict": {"y": AB},
    "set": set("abcdef"),
    "one text": "ababab",
    "structs": pa.array([{"a": 1}] * 6),
    "arrow lists": pa.array([[1]] * 6),
    "intervals": pd.cut(np.arange(6.0), 2),
    "periods": pd.period_range("2024-01", periods=6, freq="M"),
    "complex": np.ones(6) * 1j,
    "records": np.zeros(6, dtype=[("a", int)]),
    "nothing": 5,
    "surrogate": ["a", "b", "a", "b", "a", "\ud800"],
    "bytes": [b"a", b"b", b"a", b"b", b"a", b"\xff"],
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", sorted(MISSING))
def test_missing_labels_are_refused(kind, task):
    with pytest.raises(DataError, match="y has missing labels, the first in row 5"):
        kept(MISSING[kind], task)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", sorted(NESTED))
def test_what_is_no_label_a_row_is_refused(kind, task):
    with pytest.raises(DataError, match=r"^y |^Row 5 of y"):
        kept(NESTED[kind], task)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        ([[1, 2] * 3, np.array([1, 2] * 3)[:, None], pd.Series([1, 2] * 3, dtype="Int64"),
          pa.array([1, 2] * 3), ["1", "2"] * 3, np.array([1, 2] * 3, object)],
         ["1", "2"]),
        ([AB, [each.encode() for each in AB], np.array(AB), np.array(AB, "S"), pd.Categorical(AB),
          pa.array(AB, pa.string_view()), Streamed(pa.chunked_array([AB])), tuple(AB),
          [" a", "b "] * 3], ["a", "b"]),
        ([[2**53, 2**53 + 1] * 3, [Decimal(2**53), Decimal(2**53 + 1)] * 3,
          [str(2**53), str(2**53 + 1)] * 3], [str(2**53 + 1)]),
        ([[date(2024, 1, 1), datetime(2024, 1, 1, 12)] * 3,
          ["2024-01-01", "2024-01-01T12:00:00"] * 3],
         ["2024-01-01", "2024-01-01T12:00:00"]),
        ([[datetime(2024, 1, 1, 12), datetime(2024, 1, 1, 12, tzinfo=UTC)] * 3],
         ["2024-01-01T12:00:00", "2024-01-01T12:00:00Z"]),
    ],
)  # fmt: skip
def test_labels_are_their_values(kinds, names, task):
    chosen = []
    for y in kinds:
        found = kept(y, task, ids=list("uvwxyz"))
        chosen.append(found.ids.tolist())
        assert {name for name in names if any(repr(name) in why for why in found.reasons)} == set(
            names
        )
    assert all(each == chosen[0] for each in chosen)


def _files(values: list) -> dict[str, bytes]:
    rows = [json.dumps({"text": f"row {i}", "y": v}) for i, v in enumerate(values)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": [f"row {i}" for i in range(len(values))], "y": values}), sink)
    return {"a.jsonl": "\n".join(rows).encode(), "a.parquet": sink.getvalue().to_pybytes()}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("values", [[2**53, 2**53 + 1, None], ["a", None, "b"], [1.5, None, 2.0]])
def test_files_give_the_labels_that_the_library_takes(values, task, tmp_path):
    column = one_column(values, "y")
    spelt = column_text(column, "y") if task == "text" else label_texts(column, "y")
    assert len(set(spelt.to_pylist())) == 3
    for name, content in _files(values).items():
        (tmp_path / name).write_bytes(content)
        columns = {"label": "y"} | ({"text": "text"} if task == "text" else {})
        config = DatasetConfig.model_validate({"task": task, "files": [name], "columns": columns})
        assert read_raw(tmp_path, config)["label"].to_pylist() == spelt.to_pylist()


FRAME = pd.DataFrame({"text": ["good film", "bad film", "so so"], "label": [1, 0, 1]})


@pytest.mark.parametrize(
    "X",
    [
        FRAME["text"], FRAME["text"].astype("string"), FRAME["text"].astype("category"),
        pd.Index(FRAME["text"]), pa.array(FRAME["text"]), pa.chunked_array([FRAME["text"]]),
        Streamed(pa.chunked_array([FRAME["text"].tolist()])), FRAME["text"].to_numpy(),
        np.array(FRAME["text"].tolist()), (text for text in FRAME["text"]), tuple(FRAME["text"]),
        [text.encode() for text in FRAME["text"]], np.array(FRAME["text"].tolist())[:, None],
    ],
)  # fmt: skip
def test_texts_come_from_any_column(X):
    encoder = Lengths()
    sluice.select(X, method="k_center", budget=1, encoder=encoder)
    assert sorted(encoder.seen) == sorted(FRAME["text"])


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (FRAME, r"DataFrame with the columns 'text', 'label'.*column that is meant, such as X\['t"),
        (FRAME[["text"]], "Give the column that is meant"),
        (pa.table(FRAME), r"such as X\['text'\]"),
        (pa.record_batch(FRAME), r"such as X\['text'\]"),
        (FRAME.to_dict("list"), r"dict with the columns 'text'"),
        (FRAME.to_dict("records"), "Row 0 of X is of type dict"),
        (Streamed(pa.table(FRAME)), "X holds struct"),
        (np.array([["a", "b"]] * 3), r"shape \(3, 2\)"),
        (set(FRAME["text"]), "no order"),
        ("one text", "one text"),
        (b"one text", "one text"),
        (["good", "\ud83d bad"], "Row 1 of X holds half of a surrogate"),
        (np.array(["good", "\ud83d bad"]), "Row 1 of X holds half of a surrogate"),
        (pd.Series(["good", "\ud83d bad"], dtype=object), "Row 1 of X holds half of a surrogate"),
        ([b"good", b"\xff"], "Row 1 of X holds bytes that are not UTF-8"),
        (["a", None], "Row 1 of X is missing"),
        (["a", float("nan")], "Row 1 of X is missing"),
        (pd.Series(["a", None], dtype="string"), "Row 1 of X is missing"),
        (np.ma.masked_array(["a", "b"], mask=[0, 1]), "Row 1 of X is missing"),
        (["a", 3], "Row 1 of X is of type int"),
        (FRAME["label"], "X holds int64 and no texts"),
        (pa.array([1, 2]), "X holds int64 and no texts"),
    ],
)
def test_what_is_no_text_a_row_is_refused(X, says):
    encoder = Lengths()
    with pytest.raises(DataError, match=says):
        sluice.select(X, method="k_center", budget=1, encoder=encoder)
    assert encoder.seen == []
    with pytest.raises(DataError):
        tokenise(None, X, 8)
    with pytest.raises(DataError):
        texts_of(X, "texts")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([1, 2**53, 2**53 + 1], ["1", "9007199254740992", "9007199254740993"]),
        (np.array([1.0, 2.5, 1e22]), ["1", "2.5", "10000000000000000000000"]),
        (pd.Series([1, 2, 3], dtype="Int64"), ["1", "2", "3"]),
        (pa.array([Decimal("1.50"), Decimal("2.00"), Decimal("3.25")]), ["1.5", "2", "3.25"]),
        ([uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)],
         [f"00000000-0000-0000-0000-00000000000{i}" for i in (1, 2, 3)]),
    ],
)  # fmt: skip
def test_ids_are_their_values(ids, found, task):
    y = list("aba")
    got = sluice.select(V[:3], y, task=task, method="random_stratified", budget=3, ids=ids)
    assert sorted(got.ids) == sorted(found)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["a", None, "c"], "Row 1 has no id"), (["a", float("nan"), "c"], "Row 1 has no id"),
        (["a", pd.NA, "c"], "Row 1 has no id"), (["a", " ", "c"], "Row 1 has no id"),
        (np.ma.masked_array([1, 2, 3], mask=[0, 1, 0]), "Row 1 has no id"),
        ([b"\xc3\xa9", b"b", b"c"], "ids holds bytes; decode them"),
        ([b"\xff", b"b", b"c"], "Row 0 of ids holds bytes"), (["a\0", "a", "c"], "row 0 holds the"),
        (["\ud800", "b", "c"], "half of a surrogate"), ("abc", "ids is one text"),
        ({"a", "b", "c"}, "no order"), ([["a"], ["b"], ["c"]], "holds lists"),
        (["a", "b"], "one for each of 3 rows"), (FRAME, "DataFrame"),
        ([1, 1.0, 2], "'1' occurs twice"),
    ],
)  # fmt: skip
def test_what_is_no_id_a_row_is_refused(ids, says, task):
    with pytest.raises(DataError, match=says):
        sluice.select(V[:3], list("aba"), task=task, method="random_stratified", budget=3, ids=ids)


def test_masked_vectors_are_never_read_below_the_mask():
    masked = np.ma.masked_array(V, mask=np.zeros_like(V, dtype=bool))
    masked[3] = np.ma.masked
    rows = list(masked)
    whole = np.ma.masked_array([0, 1, 0, 1, 0, 1], mask=[0, 0, 0, 1, 0, 0])
    ids = list("uvwxyz")
    for given in (masked, masked.astype(np.float32), (masked * 9).astype(int)):
        with pytest.raises(DataError, match="Row 3 of X"):
            sluice.select(given, budget=6, ids=ids)
    for given in (masked, rows, pd.DataFrame(V).mask(masked.mask)):
        for check in (
            lambda each: checked_vectors("Vectors", each, dtype=np.float32),
            lambda each: checked_vectors("Vectors", each),
            lambda each: KnnGraph.build(ids, each),
            lambda each: build("minibatch", ids, each, None, seed=0),
        ):
            with pytest.raises(DataError):
                check(given)
    assert np.isnan(one_number_each("Scores", whole)[3])
    assert np.isnan(one_number_each("Scores", pa.array([0, 1, 0, None, 0, 1]))[3])
    for check in (
        lambda: checked_labels(whole, 6),
        lambda: checked_mask("Mask", whole.astype(bool), 6),
        lambda: whole_array("Labels", whole),
        lambda: unique_ids(np.ma.masked_array(ids, mask=whole.mask), 6),
        lambda: number_array("Numbers", ["1", "2"]),
        lambda: number_array("Numbers", np.array(["1", None], dtype=object)),
        lambda: number_array("Numbers", V * 1j),
        lambda: id_array([None, "a"]),
    ):
        with pytest.raises(DataError):
            check()
    assert number_array("Numbers", pd.Series([1, None], dtype="Int64")).tolist()[0] == 1


def test_a_masked_cell_of_a_table_is_missing():
    X = np.ma.masked_array(V, mask=np.zeros_like(V, dtype=bool))
    X[3, 0] = np.ma.masked
    plain = V.copy()
    plain[3, 0] = np.nan
    call = {"y": AB, "task": "tabular", "method": "k_medoids", "budget": 4}
    assert sluice.select(X, **call).ids.tolist() == sluice.select(plain, **call).ids.tolist()


def test_columns_of_mixed_values_are_their_values():
    mixed = [1, 2.5, "x", True, None, b"y", Decimal("1.0"), date(2024, 1, 1), 2**70]
    frame = pd.DataFrame({"a": pd.Series(mixed, dtype=object), "b": range(9)})
    from sluice.tasks.tabular.caller_rows import table_rows

    texts, _ = table_rows(frame)
    assert [json.loads(text)["a"] for text in texts] == [
        1, 2.5, "x", True, None, "y", 1, "2024-01-01", 2**70,
    ]  # fmt: skip
    assert table_rows(frame.to_dict("records"))[0] == texts
    narrow = np.array([[0.1, 1.0]], dtype=np.float32)
    assert table_rows(narrow)[0] == ['{"x0":0.1,"x1":1}']
    assert ids_of(pd.Series([np.uint64(2**64 - 1)]), 1).tolist() == [str(2**64 - 1)]


def test_bins_of_pandas_are_refused_in_words():
    X = pd.DataFrame({"age": pd.cut(np.arange(12.0), 3), "z": range(12)})
    with pytest.raises(DataError, match=r"'age' of X holds .*not one text or number a row"):
        sluice.select(X, [0, 1] * 6, task="tabular", method="k_medoids", budget=4)


class Tensor:
    """An array of another library: it gives itself to numpy, or says why not."""

    ndim, shape = 2, V.shape

    def __init__(self, values: np.ndarray | None) -> None:
        self.values = values

    def __array__(self, dtype=None, copy=None):
        if self.values is None:
            raise RuntimeError("requires grad")
        return self.values


@pytest.mark.parametrize("task", TASKS)
def test_arrays_of_other_libraries_are_vectors_and_tables(task):
    wanted = sluice.select(V, AB, task=task, method="k_center" if task == "text" else "k_medoids",
                           budget=3).ids.tolist()  # fmt: skip
    method = "k_center" if task == "text" else "k_medoids"
    for X in (Tensor(V), V.astype(object) if task == "text" else Tensor(V)):
        assert sluice.select(X, AB, task=task, method=method, budget=3).ids.tolist() == wanted
    with pytest.raises(DataError, match="requires grad"):
        sluice.select(Tensor(None), AB, task=task, method=method, budget=3)


@pytest.mark.parametrize("task", TASKS)
def test_texts_of_numpy_and_sparse_columns_are_columns(task):
    texts = np.dtypes.StringDType(na_object=None)
    for y in (np.array(AB, texts), pd.Series(AB)):
        assert kept(y, task).ids.tolist() == kept(AB, task).ids.tolist()
    sparse = pd.arrays.SparseArray([0, 1] * 3)
    assert kept(sparse, task).ids.tolist() == kept([0, 1] * 3, task).ids.tolist()
    for y in (np.array([*AB[:-1], None], texts), pd.arrays.SparseArray([0, 1, np.nan] * 2)):
        with pytest.raises(DataError, match="missing labels"):
            kept(y, task)


def test_sparse_frames_are_tables():
    plain = pd.get_dummies(pd.Series(list("abcabc")))
    sparse = pd.get_dummies(pd.Series(list("abcabc")), sparse=True)
    picked = [
        sluice.select(X, AB, task="tabular", method="k_medoids", budget=3).ids.tolist()
        for X in (plain, sparse)
    ]
    assert picked[0] == picked[1]


@pytest.mark.parametrize("X", [pd.Series(range(6)), pa.array(range(6)), [{"\ud800": 1}] * 6])
def test_what_is_no_table_is_refused_in_words(X):
    with pytest.raises(DataError, match=r"no table|no text"):
        sluice.select(X, AB, task="tabular", method="k_medoids", budget=3)


def test_instants_that_no_calendar_reaches_are_refused():
    # Arrow writes 10**16 seconds and 10**16 milliseconds alike.
    far = pa.chunked_array([pa.array([10**16], pa.timestamp("s"))])
    for read in (column_text, label_texts):
        with pytest.raises(DataError, match="no calendar"):
            read(far, "ids")
    with pytest.raises(DataError, match="no calendar"):
        sluice.select(pa.table({"a": far}), ["a"], task="tabular", method="k_medoids", budget=1)


@pytest.mark.parametrize("kind", [pa.decimal32(5, 2), pa.decimal64(12, 2)])
def test_narrow_decimals_are_ids(kind):
    found = column_text(pa.chunked_array([pa.array([Decimal("1.50"), None], kind)]), "ids")
    assert found.to_pylist() == ["1.5", None]
