"""A small dataset of tagged sentences, and a run of its lineage."""

from pathlib import Path

import yaml
from lineage import Ran, run_lineage
from tiny_bert import tiny_bert

from resources.datasets import Datasets

NAME = "notes"
PEOPLE = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Mary Shelley", "Isaac Newton")
PLACES = ("London", "New York", "Lake Geneva", "Cambridge", "Rome")
TEMPLATES = (
    "{person} moved to {place} in the spring .",
    "The train from {place} was late again .",
    "Everybody admired the letters of {person} .",
    "Nothing happened on that quiet day , number {number} .",
)


def sentences() -> list[list[tuple[str, str]]]:
    """Eighty sentences, a quarter of them without a span, none twice."""
    made = []
    for number in range(80):
        filled = {"person": PEOPLE[number % 5], "place": PLACES[number // 5 % 5]}
        words: list[tuple[str, str]] = []
        for part in TEMPLATES[number // 20].split():
            kind = part.strip("{}")
            if part == "{number}":
                words.append((str(number), "O"))
            elif part.startswith("{"):
                named = filled[kind].split()
                words += [(w, f"{'I' if i else 'B'}-{kind}") for i, w in enumerate(named)]
            else:
                words.append((part, "O"))
        made.append([(f"{number}.", "O"), *words])
    return made


def write(content: list[list[tuple[str, str]]], extra: str = "", **changes: object) -> None:
    folder = Datasets().folder / NAME
    folder.mkdir(exist_ok=True)
    blocks = ("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in content)
    (folder / "notes.conll").write_text("\n".join(blocks) + extra)
    config = {
        "task": "tokens",
        "files": ["notes.conll"],
        "budgets": [0.25],
        "chosen_budget": 0.25,
        "seeds": [0],
        "graph": {"k": 5, "slack": 5},
        "plots": False,
        **changes,
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(config))


def ran(**options: object) -> Ran:
    done = run_lineage(NAME, **options)
    assert done.success, "\n".join(done.errors.values())
    return done


def tiny(folder: Path) -> dict[str, object]:
    """Settings with which a run takes seconds: an encoder of two layers, and an epoch."""
    model = folder / "bert"
    if not model.exists():
        tiny_bert(model)
    return {
        "encoder": {"model": str(model), "max_length": 60},
        "training": {"epochs": 1, "max_length": 60},
    }
