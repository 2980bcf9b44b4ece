import numpy as np

from benchmarks.noise.data import Rows
from benchmarks.rewriting import SAMPLE, Rewrites, rows_at, sampled


def pool(n):
    ids = np.array([f"r{i:04d}" for i in range(n)])
    test = np.arange(n) % 4 == 0
    return Rows(ids, np.eye(n, 3, dtype=np.float32), [[0, 1]] * n, test, [f"text {i}" for i in ids])


def test_the_sample_is_of_training_rows_and_stands_when_rows_arrive():
    rows = pool(4000)
    mask = sampled(rows)
    assert mask[rows.test].all()
    assert mask[~rows.test].sum() == SAMPLE
    fewer = rows_at(rows, np.arange(4000) < 3900)
    again = set(fewer.ids[sampled(fewer)]) - set(fewer.ids[fewer.test])
    known = set(rows.ids[mask]) - set(rows.ids[rows.test])
    assert known & set(fewer.ids) <= again
    assert rows_at(rows, mask).texts == [f"text {one}" for one in rows.ids[mask]]


def test_a_killed_run_loses_its_half_line_alone(tmp_path):
    rewrites = object.__new__(Rewrites)
    rewrites.path = tmp_path / "rewrites.jsonl"
    assert rewrites.read() == {}
    rewrites.path.write_text('["good", "negative", "bad"]\n["so so", "posi')
    assert rewrites.read() == {("good", "negative"): "bad"}
