from __future__ import annotations

import os
import re

from sluice.data.config import DatasetConfig, dump_config
from sluice.data.ingest.raw import folder_digest, folder_stamp


def test_the_digest_follows_content_names_and_configuration(tmp_path):
    settings = DatasetConfig.model_validate(
        {"task": "text", "files": ["*.csv"], "columns": {"text": "t", "label": "y"}}
    )
    (tmp_path / "dataset.yaml").write_text(dump_config(settings))
    (tmp_path / "a.csv").write_text("t,y\nx,1\n")
    first = folder_digest(tmp_path)
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert folder_digest(tmp_path, settings) == first
    (tmp_path / "README.md").write_text("not of the dataset")
    os.utime(tmp_path / "a.csv", (1, 1))
    assert folder_digest(tmp_path) == first
    seen = {first}
    (tmp_path / "a.csv").write_text("t,y\nx,2\n")
    seen.add(folder_digest(tmp_path))
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    seen.add(folder_digest(tmp_path))
    (tmp_path / "dataset.yaml").write_text(dump_config(settings) + "# changed\n")
    seen.add(folder_digest(tmp_path))
    assert len(seen) == 4


def test_the_stamp_follows_names_sizes_and_times(tmp_path):
    stamps = {folder_stamp(tmp_path / "gone")}
    assert folder_stamp(tmp_path) in stamps
    path = tmp_path / "sub" / "a.csv"
    path.parent.mkdir()
    path.write_text("1")
    os.utime(path, (1, 1))
    stamps.add(folder_stamp(tmp_path))
    path.write_text("2")
    os.utime(path, (2, 2))
    stamps.add(folder_stamp(tmp_path))
    path.write_text("22")
    os.utime(path, (2, 2))
    stamps.add(folder_stamp(tmp_path))
    assert len(stamps) == 4
    (tmp_path / ".a.csv.part").write_text("half")
    assert folder_stamp(tmp_path) in stamps
