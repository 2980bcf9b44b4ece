"""A purge leaves nothing of a dataset in any file of the lake, and nothing else less."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from resources.lake import Lake, LakeError
from resources.store import (
    graphs,
    purging,
    purging_rows,
    records,
    rows,
    scores,
    selections,
    vectors,
)
from resources.store.row_redaction import Mentions
from sluice.cli import app
from sluice.core.digests import content_hash, text_hash
from sluice.graphs.knn import KnnGraph

SHARED = "a text that both datasets have"


def stored(lake: Lake, dataset: str, texts: list[str]) -> None:
    table = pa.table(
        {
            "instance_id": [f"{dataset}-{i}" for i in range(len(texts))],
            "content_hash": [content_hash(text, "x") for text in texts],
            "text_hash": [text_hash(text) for text in texts],
            "text": texts,
            "label": ["x"] * len(texts),
            "split": ["train"] * len(texts),
            "file": ["f"] * len(texts),
        }
    )
    aside = pa.table(
        {
            "instance_id": [f"{dataset}-r"],
            "file": ["f"],
            "row": [9],
            "reason": ["empty_text"],
            "detail": [f"set aside in {dataset}"],
            "text": [""],
            "label": ["x"],
        }
    )
    rows.replace_instances(lake, dataset, table, aside)
    keys = vectors.input_hashes([text_hash(text) for text in texts], "e")
    vectors.append(lake, keys, "e", np.eye(len(texts), 4, dtype=np.float32))
    record = records.Record(dataset, "text/instances", "i", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r")
    records.append(lake, record, f'{{"sample": "{texts[0]}"}}')


def held(folder: Path, needle: str) -> list[Path]:
    """List the files that hold a text, also compressed within Parquet."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and (
            needle.encode() in path.read_bytes()
            or (path.suffix == ".parquet" and needle in str(pq.read_table(path).to_pylist()))
        )
    ]


def test_nothing_of_a_purged_row_is_left(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    secrets = [f"secret sentence {i}" for i in range(30)]
    stored(lake, "gone", [*secrets, SHARED])
    stored(lake, "gone", [*secrets[:20], SHARED])
    stored(lake, "kept", ["an open sentence", SHARED])
    counts = purging.purge(lake, "gone")
    assert counts["contents"] == 31
    assert counts["embeddings"] == 30
    assert purging.known_datasets(lake) == ["kept"]
    assert rows.read_instances(lake, "kept")["text"].to_pylist() == ["an open sentence", SHARED]
    assert not vectors.missing(lake, vectors.input_hashes([text_hash(SHARED)], "e"))
    lake.close()
    assert held(tmp_path, "secret sentence") == held(tmp_path, "set aside in gone") == []
    assert held(tmp_path, SHARED)


def test_the_command_refuses_while_the_folder_is_there(home: Path, tmp_path: Path) -> None:
    (tmp_path / "datasets" / "gone").mkdir()
    lake = Lake()
    stored(lake, "gone", ["secret"])
    done = CliRunner().invoke(app, ["purge", "gone", "--yes"])
    assert done.exit_code == 2
    assert purging.known_datasets(lake) == ["gone"]
    (tmp_path / "datasets" / "gone").rmdir()
    assert CliRunner().invoke(app, ["purge", "gone"], input="n\n").exit_code == 1
    assert purging.known_datasets(lake) == ["gone"]
    assert CliRunner().invoke(app, ["purge", "gone", "--yes"]).exit_code == 0
    assert purging.known_datasets(lake) == []
    assert CliRunner().invoke(app, ["purge", "gone", "--yes"]).exit_code == 2


def chosen(lake: Lake, selection_id: str, contents: dict[str, str]) -> None:
    """Store a selection of the dataset `lives`: contents by id."""
    head = selections.SelectionHeader(
        selection_id, "lives", "m", "10%", 0, len(contents), {}, "v", "d", "after 'lives-9'"
    )
    ids, texts = list(contents), list(contents.values())
    table = pa.table(
        {
            "rank": np.arange(len(ids)),
            "instance_id": ids,
            "content_hash": [content_hash(text, "x") for text in texts],
            "gain": np.ones(len(ids)),
            "reason": [f"Next to {'lives-9'!r}."] * len(ids),
        }
    )
    selections.append(lake, [(head, table)])


def noted(lake: Lake, asset: str, metadata: str = "{}", **details: object) -> None:
    record = records.Record(
        *("lives", asset, "digest", "v", "1", 1, 1, 0, 0, 0.1, "cpu", "r"), details=details
    )
    records.append(lake, record, metadata)


def kept_graph(lake: Lake, name: str, ids: list[str]) -> None:
    vectors_ = np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32)
    vectors_ /= np.linalg.norm(vectors_, axis=1, keepdims=True)
    graph = KnnGraph.build(np.array(ids), vectors_, 2, 1)
    graphs.replace(lake, "lives", name, graph, ids, "p")


def test_rows_go_with_every_content_they_ever_had(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    texts = [f"open sentence {i}" for i in range(9)]
    for version in ("first secret", "second secret"):
        stored(lake, "lives", [*texts, version, SHARED])
        if version == "first secret":
            # The selection of another row keeps the content that this row has had since.
            chosen(lake, "aaaa", {"lives-9": version, "lives-0": "open sentence 0"})
    kept_graph(lake, "old", [f"lives-{i}" for i in range(10)])
    kept_graph(lake, "new", [f"lives-{i}" for i in range(9)])
    scores.replace(lake, "lives", ["lives-8", "lives-9"], {"s": np.ones(2)})
    stored(lake, "lives", texts)
    stored(lake, "other", [SHARED])
    noted(lake, "text/scores/s")
    noted(lake, "text/graphs/old")
    noted(lake, "text/subsets/m", shown="aaaa")
    noted(lake, "text/subsets/n", shown="bbbb")
    (tmp_path / "data" / "main" / "contents" / "killed.parquet").write_bytes(b"secret")

    found = purging_rows.standing(lake, "lives", ["lives-9", "lives-10", "lives-1", "nobody"])
    assert found.present == ["lives-1"]
    assert found.unknown == ["nobody"]
    counts = purging_rows.purge_rows(lake, "lives", ["lives-9", "lives-10"])
    # The shared text leaves the contents of this dataset; its vector stays for the other's.
    assert counts["contents"] == 3
    assert counts["embeddings"] == 2
    assert counts["graphs"] == 10
    assert (counts["scores"], counts["subsets"]) == (1, 1)
    head = selections.headers(lake, ["aaaa"])[0]
    assert (head.size, head.note) == (1, "after '(purged)' 1 of its rows purged.")
    assert selections.rows(lake, "aaaa")["text"].to_pylist() == ["open sentence 0"]
    assert graphs.read(lake, "lives", "new", 2, 1) is not None
    assert rows.read_instances(lake, "lives")["text"].to_pylist() == texts
    assert not vectors.missing(lake, vectors.input_hashes([text_hash(SHARED)], "e"))
    digests = {name: r.input_digest for name, r in records.latest(lake, "lives").items()}
    assert digests == {
        "text/instances": "i",
        "text/scores/s": "",
        "text/graphs/old": "",
        "text/subsets/m": "",
        "text/subsets/n": "digest",
    }
    # The history that knew the rows has ended.
    assert purging_rows.standing(lake, "lives", ["lives-9"]).unknown == ["lives-9"]
    lake.close()
    for needle in ("secret", "lives-9", "lives-10"):
        assert held(tmp_path, needle) == []


def test_an_interrupted_purge_can_be_asked_again(tmp_path: Path) -> None:
    lake = Lake(root=str(tmp_path))
    stored(lake, "gone", ["secret"])
    lake.write(lambda cursor: cursor.execute("DELETE FROM records"))
    lake.write(lambda cursor: cursor.execute("DELETE FROM instances"))
    assert purging.known_datasets(lake) == ["gone"]
    purging.purge(lake, "gone")
    assert purging.known_datasets(lake) == []
    assert held(tmp_path, "secret") == []


def test_what_shows_a_row_is_taken_out_of_metadata() -> None:
    import dagster as dg

    def shown(ids: list[str], message: str) -> str:
        records_ = [dg.TableRecord({"instance_id": i, "size": i, "text": f"t {i}"}) for i in ids]
        return dg.serialize_value(
            {
                "sample": dg.MetadataValue.table(records_),
                "nested": dg.MetadataValue.json({"ids": ids, "rows": [{"id": i} for i in ids]}),
                "said": dg.MetadataValue.text(message),
            }
        )

    mentions = Mentions(["7", "it's", "b"])
    before = shown(["7", "8", "b"], "Don't: '7' equals \"it's\", 7 rows, 'bb'.")
    after = mentions.out_of_json(before)
    assert dg.deserialize_value(after) == dg.deserialize_value(
        shown(["8"], "Don't: '(purged)' equals '(purged)', 7 rows, 'bb'.")
    )
    untouched = shown(["8"], "nothing")
    assert mentions.out_of_json(untouched) is untouched
    assert mentions.out_of_json("no JSON of 'b'") == "no JSON of '(purged)'"
    assert json.loads(mentions.out_of_json('{"selection_id": "b", "budget": "7"}')) == {
        "selection_id": "(purged)",
        "budget": "7",
    }


def test_a_reader_that_keeps_the_log_is_named_and_takes_it_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(root=str(tmp_path))
    stored(lake, "gone", ["secret sentence, too few rows for a file"])
    stored(lake, "kept", ["an open sentence"])
    # Another process: SQLite's locks do not hold between two libraries in one process.
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN'); c.execute('SELECT count(*) FROM ducklake_table').fetchone()\n"
        "print('reading', flush=True); sys.stdin.read()\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "catalog.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline().strip() == "reading"
    monkeypatch.setattr("resources.sqlite_files.BUSY_SECONDS", 0.3)
    with pytest.raises(LakeError, match="another process keeps the catalogue"):
        purging.purge(lake, "gone")
    reader.communicate("")
    lake.close()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"secret sentence" not in path.read_bytes(), path
    assert rows.read_instances(lake, "kept").num_rows == 1
