"""Builds instruction data of the package `evals` (MIT): the shipped sample, or the whole pool.

    pip download --no-deps --dest .sluice/evals evals==3.0.1.post1
    python datasets/build_instructions.py .sluice/evals          # datasets/evals_pool
    python datasets/build_instructions.py .sluice/evals --sample # datasets/evals_instructions

The same wheel gives the same rows: they are chosen and ordered by hashes of their content.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.core.digests import digest
from sluice.core.errors import DataError
from sluice.data.config import load_config
from sluice.data.payloads.conversations import (
    Conversation,
    Message,
    conversation_text,
    message_fault,
)
from sluice.data.values.normalise import normalise

HERE = Path(__file__).parent
FOLDER = "evals/registry/data/"

LONG = 60
# The licence of evals names other licences for these (ToMi, for one, is CC BY-NC).
UNFREE = frozenset(
    (
        *("already_said_that", "ballots", "sandbagging", "schelling_point", "text_compression"),
        "theory_of_mind",
    )
)
# Long answers to instructions that steganography brings along, by the set that they are from.
LONG_FORMS = {
    "akoksal/LongForm": "long_form",
    "alespalla/chatbot_instruction_prompts": "chatbot_instruction_prompts",
}
_SPEAKERS = {"example_user": "user", "example_assistant": "assistant"}
# Of the chatbot's prompts only plain requests are taken: others hold jokes and insults.
_REQUEST = re.compile(
    r"(what|how|why|where|which|who|describe|explain|name|generate|create|give|compose|draft|"
    r"suggest|trace|analy[sz]e|please|can you|i need|i am looking)\b",
    re.IGNORECASE,
)
_UNKIND = re.compile(
    r"\b(hate|kill\w*|demons?|racis\w*|black|white|jews?|muslims?|wife|girl|sex\w*|porn\w*|"
    r"fuck\w*|shit|bitch\w*|rape\w*|suicide|think of me)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Rules:
    """Which rows are taken.

    Attributes
    ----------
    families : frozenset of str or None
        The only families that are taken.
    long_forms : frozenset of str or None
        Ids of the only rows of the family long_form that are taken.
    most, fewest : int
        Rows of a family, at most and at least.
    most_short : int
        Rows of a family whose responses have fewer than `LONG` characters on average.
    characters : int
        Longest row.
    """

    families: frozenset[str] | None = None
    long_forms: frozenset[str] | None = None
    most: int = 200
    fewest: int = 20
    most_short: int = 200
    characters: int = 20_000


# The families are by evals' contributors as far as can be seen, without texts from elsewhere; of
# the long forms those that are the beginnings of Wikipedia articles.
SAMPLE = Rules(
    families=frozenset((HERE / "evals_instructions/families.txt").read_text().split()),
    long_forms=frozenset((HERE / "evals_instructions/wikipedia.txt").read_text().split()),
    most=64,
    most_short=12,
    fewest=5,
    characters=700,
)


def records(wheel: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield family and record for every object of every JSONL file of the package."""
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.startswith(FOLDER) and n.endswith(".jsonl")]
        for name in sorted(names):
            family = name.removeprefix(FOLDER).split("/")[0]
            # As text, since some files end their lines as no others do.
            with io.TextIOWrapper(archive.open(name), encoding="utf-8") as stream:
                for line in stream:
                    record = json.loads(line) if line.strip() else None
                    if isinstance(record, dict):
                        yield family, record


def pair_of(family: str, record: dict[str, Any]) -> tuple[str, Conversation] | None:
    """Return a record's family and conversation, or None where it is no usable pair."""
    if family in UNFREE:
        return None
    if record.get("task_type") in LONG_FORMS:
        prompt, ideal = str(record["task_prompt"]), record["task_output"]
        family = LONG_FORMS[record["task_type"]]
        if family == "chatbot_instruction_prompts" and not _is_request(prompt, str(ideal)):
            return None
        given: Any = prompt
    else:
        given, ideal = record.get("input"), record.get("ideal")
    if isinstance(ideal, list):
        ideal = ideal[0] if ideal else None
    if not isinstance(ideal, str) or not isinstance(given, str | list):
        return None
    messages = [*_messages(given), Message("assistant", ideal)]
    if message_fault(messages) is not None or not _is_english(messages):
        return None
    return family, Conversation(tuple(messages))


def _messages(given: str | list[Any]) -> list[Message]:
    """Read the input of an eval: a text, or messages, of which many are all the system's."""
    if isinstance(given, str):
        return [Message("user", given)]
    spoken: list[Message] = []
    for place, each in enumerate(given):
        if not isinstance(each, dict) or not isinstance(each.get("content"), str):
            return []
        role = _SPEAKERS.get(str(each.get("name")), str(each.get("role")))
        # A system message after others, or the last one, asks what a user would.
        if role == "system" and (place == len(given) - 1 or any(m.role != role for m in spoken)):
            role = "user"
        if spoken and spoken[-1].role == role:
            each = {"content": f"{spoken.pop().content}\n\n{each['content']}"}
        spoken.append(Message(role, each["content"]))
    return spoken


def _is_request(prompt: str, response: str) -> bool:
    """Whether a chatbot's row is a plain request with a long answer, and nothing unkind."""
    if _REQUEST.match(prompt) is None or len(response) < 100:
        return False
    return _UNKIND.search(f"{prompt} {response}") is None


def _is_english(messages: Iterable[Message]) -> bool:
    """Whether hardly a character is foreign (ours: at most one in fifty)."""
    text = " ".join(message.content for message in messages)
    return sum(not character.isascii() for character in text) <= 0.02 * len(text)


def choose(pairs: Iterable[tuple[str, Conversation]], rules: Rules) -> list[dict[str, Any]]:
    """Choose the rows: each prompt and response once, of each family those of the least hashes.

    Returns
    -------
    list of dict
        ``id``, ``family``, ``messages``; by id.
    """
    families: defaultdict[str, dict[str, tuple[str, Conversation]]] = defaultdict(dict)
    seen: set[str] = set()
    for family, conversation in pairs:
        if rules.families is not None and family not in rules.families:
            continue
        # Exams in other languages have instructions in English and few foreign letters.
        if family.endswith("-exams-qa") or _characters(conversation) > rules.characters:
            continue
        text = conversation_text(conversation)
        same = digest(normalise(conversation.prompt), normalise(conversation.response))
        if same not in seen:
            seen.add(same)
            families[family][digest("evals", text)] = text, conversation
    rows: list[dict[str, Any]] = []
    for family, found in families.items():
        if len(found) < rules.fewest:
            continue
        lengths = [len(conversation.response) for _, conversation in found.values()]
        most = rules.most if sum(lengths) >= LONG * len(lengths) else rules.most_short
        for hashed in sorted(found)[:most]:
            row = {"id": f"{family}-{hashed[:12]}", "family": family}
            rows.append(row | {"messages": found[hashed][1].mappings})
    if rules.long_forms is not None:
        rows = [r for r in rows if r["family"] != "long_form" or r["id"] in rules.long_forms]
    return sorted(rows, key=lambda row: row["id"])


def _characters(conversation: Conversation) -> int:
    return sum(len(message.content) for message in conversation.messages)


def write(rows: list[dict[str, Any]], folder: Path) -> Path:
    """Write rows as Parquet, and a dataset.yaml where there is none; return the Parquet file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{folder.name}.parquet"
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    schema = pa.schema(
        [("id", pa.string()), ("family", pa.string()), ("messages", pa.list_(message))]
    )
    hidden = folder / f".{path.name}"
    pq.write_table(pa.Table.from_pylist(rows, schema), hidden, compression="zstd")
    hidden.replace(path)
    if not (folder / "dataset.yaml").exists():
        (folder / "dataset.yaml").write_text(
            "# yaml-language-server: $schema=../dataset.schema.json\n"
            "# Prompts and answers of the package evals; see ../build_instructions.py.\n"
            f"task: instructions\nfiles: [{path.name}]\n"
            "columns: {messages: messages, family: family, id: id}\n",
            encoding="utf-8",
        )
    load_config(folder)
    return path


def find_wheel(given: Path) -> Path:
    """Return the wheel that a path names, or the one in the folder that it names.

    Raises
    ------
    DataError
        There is none.
    """
    found = sorted(given.glob("evals-*.whl")) if given.is_dir() else [given]
    if len(found) != 1 or not zipfile.is_zipfile(found[0]):
        raise DataError(
            f"{given} is no wheel of evals and holds not exactly one. Get it with `pip download "
            f"--no-deps --dest {given} evals==3.0.1.post1`."
        )
    return found[0]


def build(wheel: Path, rules: Rules, folder: Path) -> tuple[int, int]:
    """Build a dataset of a wheel; return the numbers of its rows and of its families."""
    pairs = (pair for pair in (pair_of(f, r) for f, r in records(wheel)) if pair is not None)
    rows = choose(pairs, rules)
    write(rows, folder)
    return len(rows), len({row["family"] for row in rows})


def main() -> None:
    """Read the arguments, build, and say what was built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the wheel of evals, or the folder that holds it")
    parser.add_argument("--sample", action="store_true", help="the shipped sample, not the pool")
    chosen = parser.parse_args()
    folder = HERE / ("evals_instructions" if chosen.sample else "evals_pool")
    rules = SAMPLE if chosen.sample else Rules()
    try:
        rows, families = build(find_wheel(chosen.wheel), rules, folder)
    except DataError as error:
        raise SystemExit(str(error)) from None
    print(f"{rows:,} rows of {families} families written to {folder}.")


if __name__ == "__main__":
    main()
