"""Bad files and configurations for `benchmarks.bad_inputs`: valid ones, mutated at random."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
ODD_TEXTS = [
    *("", " ", '"', '""', "'", '"x', 'a "b" c', "a,b", "a;b", "a\tb", "a\nb", "a\rb", "\\", '\\"'),
    *(
        "\0",
        "\x07",
        "\x1b[31m",
        "\u2028",
        "\ufeff",
        "🙂",
        "é",
        "e\u0301",
        "日本語",
        "\u202e",
        "=1+1",
    ),
    *("nan", "NULL", "None", "inf", "-inf", "1e999", "007", "1_000", "true", "2023-13-45"),
    *(
        "'; DROP TABLE instances; --",
        "{",
        "[",
        "[]",
        '{"a": 1}',
        "<script>",
        "%s",
        "{0}",
        "a" * 9999,
    ),
]
ODD_VALUES = [
    *ODD_TEXTS,
    *(None, True, 0, -1, 1.5, 1e308, 2**53 + 1, 2**63, 2**64, 10**30, float("inf"), float("nan")),
    *([], [1, "a"], {}, {"a": [1]}, [[[[1]]]], "\ud800"),
]


def table(rng: random.Random) -> Rows:
    words = [
        "the",
        "a",
        "film",
        "was",
        "good",
        "bad",
        "long",
        "short",
        "plot",
        "acting",
        "never",
        "again",
        "every",
        "time",
    ]
    return [
        {
            "id": f"r{row}",
            "text": " ".join(rng.choices(words, k=rng.randrange(1, 12))) + f" {row}",
            "label": rng.choice(["pos", "neg"]),
            "size": rng.random() * 10,
            "colour": rng.choice(["red", "green", "blue"]),
        }
        for row in range(rng.randrange(20, 60))
    ]


def odd_cells(rng: random.Random, rows: Rows, odd: list[Any]) -> None:
    for _ in range(rng.choice([1, 3, 20])):
        row = rng.choice(rows)
        row[rng.choice(list(row) or ["text"])] = rng.choice(odd)


def odd_names(rng: random.Random, rows: Rows) -> None:
    old, new = rng.choice(["text", "label", "colour", "size"]), rng.choice(ODD_TEXTS)
    for row in rows:
        if old in row:
            row[new] = row.pop(old)


def csv_bytes(rng: random.Random, rows: Rows, delimiter: str = ",") -> bytes:
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.DictWriter(
        out,
        list(rows[0]),
        extrasaction="ignore",
        delimiter=rng.choice(";|") if rng.random() < 0.1 else delimiter,
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]),
        escapechar="\\",
        lineterminator=rng.choice(["\n", "\n", "\n", "\r\n", "\r"]),
    )
    writer.writeheader()
    writer.writerows(rows)
    encoding = rng.choice(["utf-8"] * 12 + ["utf-8-sig", "utf-16", "latin-1", "utf-32"])
    return out.getvalue().encode(encoding, "replace")


def json_bytes(rng: random.Random, rows: Rows) -> bytes:
    if rng.random() < 0.05:
        return json.dumps(rows).encode()
    lines = [json.dumps(row, ensure_ascii=rng.random() < 0.5) for row in rows]
    return (
        rng.choice(["\n"] * 9 + ["\r\n", "\r", ",\n"]).join(lines).encode("utf-8", "surrogatepass")
    )


def chat_bytes(rng: random.Random, rows: Rows) -> bytes:
    role = rng.choice(["user", "human", "User", "tool", 3, None])
    said = [(row.get("text"), row.get("label")) for row in rows]
    chats = [
        [{"role": role, "content": asked}, {"role": "assistant", "content": answer}]
        for asked, answer in said
    ]
    pairs = [{"prompt": asked, "response": answer} for asked, answer in said]
    return json_bytes(rng, rng.choice([pairs, [{"messages": chat} for chat in chats]]))


def tagged_bytes(rng: random.Random, rows: Rows) -> bytes:
    odd = rng.choice([["O", "B-x", "I-x"], ["O", "B-x"], ["O", "B-x", 1], ["O", "x", ""]])
    sentences = [str(row.get("text")).split() for row in rows]
    tagged = [
        {"tokens": words, "tags": rng.choices(odd, k=len(words) + (rng.random() < 0.05))}
        for words in sentences
    ]
    return json_bytes(rng, tagged)


def arrow_table(rng: random.Random, rows: Rows) -> Any:
    import pyarrow as pa

    columns = {}
    for name in rows[0]:
        values = [row.get(name) for row in rows]
        try:
            columns[name.encode("utf-8", "replace").decode()] = pa.array(values)
        except (pa.ArrowException, OverflowError, UnicodeError):
            columns[name.encode("utf-8", "replace").decode()] = pa.array(
                [repr(value) for value in values]
            )
    made = pa.table(columns)
    name, kinds = (
        rng.choice(made.column_names),
        [
            *(
                pa.binary(),
                pa.large_string(),
                pa.string_view(),
                pa.dictionary(pa.int8(), pa.string()),
            ),
            *(pa.float16(), pa.decimal128(20, 3), pa.timestamp("ns"), pa.duration("s"), pa.bool_()),
            *(pa.list_(pa.string()), pa.struct({"a": pa.string()}), pa.null(), pa.binary(4)),
        ],
    )
    kind = rng.choice(kinds)
    for maker in (lambda: made[name].cast(kind, safe=False), lambda: pa.nulls(len(made), kind)):
        try:
            return made.set_column(made.column_names.index(name), name, maker())
        except (pa.ArrowException, ValueError):
            continue
    return made


def parquet_bytes(rng: random.Random, rows: Rows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = pa.BufferOutputStream()
    codec = rng.choice(["none", "snappy", "zstd", "gzip"])
    pq.write_table(
        arrow_table(rng, rows), out, compression=codec, row_group_size=rng.choice([5, 99])
    )
    return out.getvalue().to_pybytes()


def arrow_bytes(rng: random.Random, rows: Rows) -> bytes:
    import pyarrow as pa

    out, made = pa.BufferOutputStream(), arrow_table(rng, rows)
    packed = pa.ipc.IpcWriteOptions(compression=rng.choice([None, "lz4", "zstd"]))
    opened = rng.choice([pa.ipc.new_file, pa.ipc.new_stream])
    with opened(out, made.schema, options=packed) as writer:
        writer.write_table(made)
    return out.getvalue().to_pybytes()


def conll_bytes(rng: random.Random, rows: Rows) -> bytes:
    gap = rng.choice([" ", " ", "\t", "\t", "  ", ""])
    tags = rng.choice([["O", "B-x"], ["O", "B-x"], ["O", "B-x", "I-x"], ["O", "X", ""]])
    blocks = [
        "\n".join(f"{word}{gap}{rng.choice(tags)}" for word in str(row.get("text")).split())
        for row in rows
    ]
    return rng.choice(["\n\n", "\n\n", "\n\t\n", "\n"]).join(blocks).encode("utf-8", "replace")


FILES: dict[str, Callable[[random.Random, Rows], bytes]] = {
    "a.csv": csv_bytes,
    "a.tsv": lambda rng, rows: csv_bytes(rng, rows, "\t"),
    "a.csv.gz": csv_bytes,
    "a.jsonl": json_bytes,
    "chat.jsonl": chat_bytes,
    "tagged.jsonl": tagged_bytes,
    "a.parquet": parquet_bytes,
    "a.arrow": arrow_bytes,
    "a.conll": conll_bytes,
}


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Cut, flip, insert, repeat, or leave as it is."""
    change, at = rng.randrange(9), rng.randrange(len(data) + 1)
    if change == 0:
        return data[:at]
    if change == 1:
        made = bytearray(data)
        for _ in range(rng.choice([1, 2, 10, 100])):
            if made:
                made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
        return bytes(made)
    if change == 2:
        odd = [
            b'"',
            b"\0",
            b"\xff\xfe",
            b"\n",
            b"\r",
            b"[" * 5000,
            b"{" * 300,
            b",",
            b"\xed\xa0\x80",
        ]
        return data[:at] + rng.choice(odd) + data[at:]
    if change == 3:
        return data[:at] + data[at // 2 :] + data[:at]
    if change == 4:
        return (
            rng.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"PK\x03\x04", b"\x1f\x8b", b"PAR1"]) + data
        )
    if change == 5:
        return data[:at] + rng.randbytes(rng.choice([1, 8, 64])) + data[at + 8 :]
    return data


def make_file(rng: random.Random, folder: Path) -> tuple[Path, dict[str, Any]]:
    name, rows = rng.choice(list(FILES)), table(rng)
    if rng.random() < 0.5:
        odd_cells(rng, rows, ODD_VALUES if name == "a.jsonl" else ODD_TEXTS)
    if rng.random() < 0.2:
        odd_names(rng, rows)
    data = FILES[name](rng, rows)
    data = mutated(rng, data) if rng.random() < 0.4 else data
    if name.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
        data = mutated(rng, data) if rng.random() < 0.4 else data
    other = rng.random() < 0.03
    path = folder / (rng.choice(["a.csv", "a.parquet", "b.JSONL", "ü.tsv"]) if other else name)
    special = rng.randrange(40)
    if special == 0:
        os.mkfifo(path)
    elif special == 1:
        path.symlink_to(rng.choice(["/dev/zero", "/dev/stdin", "/nowhere", path, "/"]))
    elif special == 2:
        with path.open("wb") as out:
            out.write(data)
            out.truncate(rng.choice([10**6, 10**8, 3 * 10**9, 10**12]))
    else:
        path.write_bytes(data)
    return path, options(rng, name)


def options(rng: random.Random, name: str) -> dict[str, Any]:
    tokens = {"task": "tokens", "repair": rng.random() < 0.5}
    texts = {"task": "text", "text_column": "text", "label_column": "label"}
    fitting: dict[str, list[dict[str, Any]]] = {
        "a.conll": [tokens],
        "tagged.jsonl": [tokens],
        "chat.jsonl": [{"task": "instructions"}],
    }
    usual = [
        {**texts, "id_column": rng.choice([None, "id", "size", "colour"])},
        {**texts, "labelling": True},
        {"task": "tabular", "label_column": rng.choice(["label", "colour", "size"])},
    ]
    other = [*usual, tokens, {"task": "instructions"}]
    return rng.choice(fitting.get(name, usual) if rng.random() < 0.9 else other)


ODD_YAML = [
    *("2023-13-45", "!!int abc", "!!float x", "!!binary '%'", "!!set {a, b}", "!!omap [a: 1]", "~"),
    *(
        "9" * 5000,
        "0x" + "f" * 4000,
        "-1",
        "1e999",
        ".nan",
        ".inf",
        "1:99:99",
        "0b2",
        "''",
        "[]",
        "{}",
    ),
    *("[" * 3000 + "]" * 3000, "{a: " * 2000 + "1" + "}" * 2000, "&a [*a]", "&a {x: *a}", "*b"),
    *(
        "&b {<<: [*b]}",
        "!!python/object/apply:os.system [ls]",
        '"\\0"',
        '"\\uD800"',
        "'\\x'",
        "? x",
    ),
    *("[" + ",".join(map(str, range(n))) + "]" for n in (100, 30_000)),
    *("|\n    text\n", ">", "%", "@", "`", "- a", "\t", "!x y", "!!timestamp x", "a" * 100_000),
    "\n"
    + "".join(f"    s{i}: &s{i} [" + ",".join([f"*s{i - 1}"] * 9) + "]\n" for i in range(1, 9)),
    "{s0: &s0 [1,2,3], "
    + ", ".join(f"s{i}: &s{i} [*s{i - 1}, *s{i - 1}]" for i in range(1, 40))
    + "}",
]


def make_config(rng: random.Random, folder: Path) -> None:
    from sluice.data.config.dataset_config import DatasetConfig

    lines = {"task": "text", "files": "[a.csv]", "columns": "{text: text, label: label}"}
    for _ in range(rng.choice([0, 1, 1, 2])):
        lines[rng.choice([*DatasetConfig.model_fields, "colums", "1", "[a]"])] = rng.choice(
            ODD_YAML
        )
    data = "".join(f"{key}: {value}\n" for key, value in lines.items()).encode()
    path, special = folder / "dataset.yaml", rng.randrange(25)
    if special == 0:
        os.mkfifo(path)
    elif special == 1:
        path.symlink_to(rng.choice(["/dev/zero", "/nowhere", path, "/"]))
    elif special == 2:
        path.mkdir()
    elif special == 3:
        with path.open("wb") as out:
            out.truncate(rng.choice([10**7, 10**12]))
    else:
        path.write_bytes(mutated(rng, data) if rng.random() < 0.3 else data)
    (folder / "a.csv").write_text("text,label\n" + "".join(f"t {i},{i % 2}\n" for i in range(30)))
