from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sluice.core.errors import DataError
from sluice.data.config import load_config
from sluice.data.ingest.instances import prepare
from sluice.data.ingest.raw import read_raw
from sluice.data.payloads.conversations import Message

SCRIPT = Path(__file__).parents[3] / "datasets" / "build_instructions.py"
_spec = importlib.util.spec_from_file_location("build_instructions", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
module = importlib.util.module_from_spec(_spec)
sys.modules["build_instructions"] = module
_spec.loader.exec_module(module)


def spoken(*pairs: tuple[str, str], name: str | None = None) -> list[dict[str, str]]:
    return [{"role": role, "content": text} | ({"name": name} if name else {})
            for role, text in pairs]  # fmt: skip


def wheel(folder: Path, families: dict[str, list[object]], ending: str = "\n") -> Path:
    path = folder / "evals-3.0.1.post1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for family, rows in families.items():
            lines = ending.join(json.dumps(row) for row in rows)
            archive.writestr(f"evals/registry/data/{family}/samples.jsonl", lines)
        archive.writestr("evals/registry/data/a/notes.txt", "no rows")
    return path


def sums(count: int) -> list[object]:
    return [{"input": spoken(("system", "Add."), ("user", f"{i} + 1")), "ideal": str(i + 1)}
            for i in range(count)]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "roles", "prompt"),
    [
        ("Hi", "u", "Hi"),
        (spoken(("system", "Hi")), "u", "Hi"),
        (spoken(("system", "a"), ("user", "b")), "su", "a|b"),
        (spoken(("system", "a"), ("system", "b"), ("user", "c")), "su", "a\n\nb|c"),
        (spoken(("system", "a"), ("system", "b")), "su", "a|b"),
        (spoken(("user", "a"), ("system", "b")), "u", "a\n\nb"),
        (spoken(("system", "s"), ("user", "a"), ("user", "b")), "su", "s|a\n\nb"),
        (
            spoken(("system", "s"))
            + spoken(("system", "a"), name="example_user")
            + spoken(("system", "b"), name="example_assistant")
            + spoken(("user", "c")),
            "suau",
            "s|a|b|c",
        ),
    ],
)
def test_inputs_become_turns(given, roles, prompt):
    family, row = module.pair_of("f", {"input": given, "ideal": ["yes", "no"]})
    assert family == "f"
    assert "".join(m.role[0] for m in row.messages) == roles + "a"
    assert "|".join(m.content for m in row.messages[:-1]) == prompt
    assert row.messages[-1] == Message("assistant", "yes")


@pytest.mark.parametrize(
    "record",
    [
        {"input": "a"},
        {"ideal": "a"},
        {"input": "a", "ideal": []},
        {"input": "a", "ideal": ""},
        {"input": "a", "ideal": 3},
        {"input": [], "ideal": "a"},
        {"input": ["a"], "ideal": "a"},
        {"input": spoken(("user", "a"), ("assistant", "b")), "ideal": "c"},
        {"input": "Что это?", "ideal": "Да"},
    ],
)
def test_what_is_no_pair_is_left_out(record):
    assert module.pair_of("f", record) is None


def test_unfree_families_are_left_out():
    assert module.pair_of("theory_of_mind", {"input": "a", "ideal": "b"}) is None


def test_long_forms():
    row = {"task_prompt": "Who?", "task_output": "One.", "task_type": "akoksal/LongForm"}
    assert module.pair_of("steganography", row)[0] == "long_form"
    assert module.pair_of("steganography", row | {"task_type": "lighteval/mmlu"}) is None
    chat = row | {"task_type": "alespalla/chatbot_instruction_prompts"}
    asked = chat | {"task_prompt": "Describe soup.", "task_output": "Soup is warm. " * 9}
    assert module.pair_of("steganography", asked)[0] == "chatbot_instruction_prompts"
    for change in ({"task_output": "Warm."}, {"task_prompt": "I hate soup."},
                   {"task_prompt": "Describe how to kill."}):  # fmt: skip
        assert module.pair_of("steganography", asked | change) is None


def test_a_pool_is_built_and_usable(tmp_path):
    made = wheel(tmp_path, {"sum": sums(60), "few": sums(5), "x-exams-qa": sums(60)})
    folder = tmp_path / "pool"
    assert module.build(made, module.Rules(most=50, most_short=40), folder) == (40, 1)
    config = load_config(folder)
    prepared = prepare(read_raw(folder, config), config)
    assert prepared.instances.num_rows == 40
    assert set(prepared.instances["label"].to_pylist()) == {"sum"}


def test_order_and_line_ends_do_not_matter_and_rows_are_taken_once(tmp_path):
    built = []
    for place, (rows, end) in enumerate([(sums(60), "\n"), (sums(60)[::-1] + sums(3), "\r")]):
        folder = tmp_path / str(place)
        folder.mkdir()
        rules = module.Rules(most_short=30)
        assert module.build(wheel(folder, {"sum": rows}, end), rules, folder / "p") == (30, 1)
        built.append(pq.read_table(folder / "p" / "p.parquet"))
    assert built[0].equals(built[1])


def test_a_larger_pool_holds_the_smaller(tmp_path):
    ids = []
    for most in (20, 30):
        module.build(
            wheel(tmp_path, {"sum": sums(60)}), module.Rules(most_short=most), tmp_path / "p"
        )
        ids.append(set(pq.read_table(tmp_path / "p" / "p.parquet")["id"].to_pylist()))
    assert ids[0] < ids[1]


def test_at_the_command_line(tmp_path):
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "Get it with `pip download --no-deps" in result.stderr
    with pytest.raises(DataError, match="is no wheel of evals"):
        module.find_wheel(tmp_path / "gone.whl")
    made = wheel(tmp_path, {})
    assert module.find_wheel(tmp_path) == module.find_wheel(made) == made
