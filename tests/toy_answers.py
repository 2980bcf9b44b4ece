"""A small task with candidates: sums and products modulo five, and four sources that answer them.

It has no folder of its own in the product: its rows are those of texts, and its stages the shared
ones and one that asks the sources.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import ClassVar

import pyarrow as pa

from assets.lineage.stage import Outcome, Reading, Run, stage
from assets.lineage.task import Lineage, Task
from assets.stages.choices import ItemTables, choice, choice_comparison, stored_tables
from assets.stages.instances import instances
from resources.store import candidates
from resources.store import rows as stored
from sluice.choices.registry import choosers_for
from sluice.core.digests import order_free_digest
from sluice.tasks.contract import Task as Spec
from sluice.tasks.text.config import TextConfig
from sluice.tasks.text.rows import TextFormat


class QuestionFormat(TextFormat):
    """Texts whose labels are answers."""

    classes: ClassVar[bool] = False


Source = Callable[[str], str | None]
ASKED: list[tuple[str, str]] = []
"""Who has been asked what, in this process."""


def right_answer(text: str) -> str:
    left, sign, right = text.split()[2:5]
    return str((int(left) + int(right) if sign == "+" else int(left) * int(right)) % 5)


def chance(text: str, name: str) -> float:
    return int(sha256(f"{name} {text}".encode()).hexdigest()[:8], 16) / 16**8


def skilled(name: str, skill: dict[str, float]) -> Source:
    def answer(text: str) -> str | None:
        ASKED.append((name, text))
        drawn = chance(text, name)
        if drawn > 0.95:
            return None
        right = drawn < skill[text.split()[3]]
        return right_answer(text) if right else str(int(drawn * 1000) % 5)

    return answer


SOURCES: dict[str, Source] = {
    "sums": skilled("sums", {"+": 0.8, "*": 0.1}),
    "products": skilled("products", {"+": 0.2, "*": 0.7}),
    "both": skilled("both", {"+": 0.5, "*": 0.5}),
    "neither": skilled("neither", {"+": 0.1, "*": 0.1}),
}


def questions(numbers: range) -> pa.Table:
    texts = [f"How much {n} {'+' if n % 2 else '*'} {n % 13 + 2} is, modulo five" for n in numbers]
    return pa.table(
        {
            "id": [f"q{n}" for n in numbers],
            "text": texts,
            "label": [right_answer(text) for text in texts],
        }
    )


def wanted(read: Reading) -> pa.Table:
    """Return item, source, text and key of every answer that there must be."""
    present = stored.read_instances(read.lake, read.dataset)

    def pairs() -> Iterator[dict[str, str]]:
        for row in present.to_pylist():
            keys = candidates.candidate_hashes(
                [row["text_hash"]] * len(SOURCES), list(SOURCES), [0] * len(SOURCES)
            )
            for source, key in zip(SOURCES, keys, strict=True):
                item = row["instance_id"]
                yield {"item": item, "source": source, "text": row["text"], "input_hash": key}

    names = ("item", "source", "text", "input_hash")
    return pa.Table.from_pylist(list(pairs()), pa.schema([(name, pa.string()) for name in names]))


@stage(
    "candidates",
    version="1",
    reads=("instances",),
    table="candidates",
    description="What each source answers to each question: those that are missing are asked.",
    settings=lambda run: {"sources": sorted(SOURCES)},
)
def answers(run: Run) -> Outcome:
    needed = wanted(run)
    known = candidates.read(run.lake, run.dataset, needed)
    there = set(zip(known["item"].to_pylist(), known["input_hash"].to_pylist(), strict=True))
    missing = [r for r in needed.to_pylist() if (r["item"], r["input_hash"]) not in there]
    made = [
        {**row, "draw": 0, "content": SOURCES[row["source"]](row["text"]), "cost": 1.0}
        for row in missing
    ]
    fields = [field for field in candidates.SCHEMA if field.name in candidates.SCHEMA.names]
    candidates.append(run.lake, run.dataset, pa.Table.from_pylist(made, pa.schema(fields)))
    now = candidates.read(run.lake, run.dataset, needed)
    content = zip(now["candidate"].to_pylist(), now["content"].to_pylist(), strict=True)
    return Outcome(
        content=order_free_digest(f"{key} {said}" for key, said in content),
        total=now.num_rows,
        new=len(made),
        reused=now.num_rows - len(made),
    )


TABLES = ItemTables(("instances", "candidates"), lambda read: stored_tables(read, wanted(read)))
CHOOSERS = [method for method in choosers_for() if not method.sees_gold]
SPEC = Spec("toy_answers", QuestionFormat(), TextConfig, short_list=())
LINEAGE = Lineage(
    Task(SPEC),
    {
        made.name: made
        for made in [
            instances(SPEC),
            answers,
            *(choice(method, TABLES) for method in CHOOSERS),
            choice_comparison(CHOOSERS, TABLES),
        ]
    },
)
