"""A purge leaves nothing of a dataset in any file of the lake, and nothing else less."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from typer.testing import CliRunner

from resources.lake import Lake
from resources.store import purging, records, rows, vectors
from sluice.cli import app
from sluice.data.digests import content_hash, text_hash

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
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"secret sentence" not in content, path
            assert b"set aside in gone" not in content, path
    import pyarrow.parquet as pq

    texts = [
        str(value)
        for path in tmp_path.rglob("*.parquet")
        for value in pq.read_table(path).to_pylist()
    ]
    assert not any("secret" in text or "gone" in text for text in texts)
    assert any(SHARED in text for text in texts)


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
