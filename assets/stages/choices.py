"""Choices: what each chooser decides about items whose gold it does not see, and which is best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from assets.lineage.checking import Check, Finding
from assets.lineage.stage import Outcome, Reading, Run, Stage, digest_of, stage
from resources.store import candidates, choices, rows
from resources.store.choices import ChoiceHeader
from resources.store.records import Record
from sluice.choices.bounds import ADVERSARY, ORACLE
from sluice.choices.contract import NO_ANSWER, Choices, Chooser
from sluice.choices.runner import run as decide
from sluice.choices.tables import Asked, read_tables
from sluice.core.digests import order_free_digest
from sluice.core.progress import track
from sluice.data.config import DatasetConfig
from sluice.evaluation import choices as evaluation
from sluice.evaluation.choices import BOUNDS, CONTROLS, Measured
from sluice.reports.contents import Evidence as ReportSection

COMPARISON = "choices/comparison"
JUDGED = ("validation", "test")
RANKS = 3
"""Candidates of an item that are stored, the chosen one first."""
SHOWN_ROWS = 10
_KEPT = ["item", "split", "content_hash"]


@dataclass(frozen=True)
class ItemTables:
    """How a task reads what is decided.

    Attributes
    ----------
    reads : sequence of str
        Names of the stages that the tables come from.
    read : callable
        Returns items (``item``, ``text``, ``gold``, ``split``, ``content_hash``, and what the task
        adds) and candidates (``item``, ``candidate``, ``source``, ``draw``, ``content``, ``cost``
        and, where it is not the content, ``answer``).
    """

    reads: Sequence[str]
    read: Callable[[Reading], tuple[pa.Table, pa.Table]]


def stored_tables(read: Reading, wanted: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the present rows of a dataset as items, their labels as gold, and their candidates.

    Parameters
    ----------
    read : Reading
    wanted : pyarrow.Table
        item, input_hash: which of the stored candidates.
    """
    present = rows.read_instances(read.lake, read.dataset)
    items = present.select(["instance_id", "text", "label", "split", "content_hash"])
    items = items.rename_columns(["item", "text", "gold", "split", "content_hash"])
    return items, candidates.read(read.lake, read.dataset, wanted)


def choice(method: Chooser, tables: ItemTables) -> Stage:
    """Return the stage `choices/<method>`: it learns from training items and decides the others.

    Parameters
    ----------
    method : Chooser
    tables : ItemTables
    """

    @stage(
        f"choices/{method.name}",
        reads=tables.reads,
        version=method.version,
        tags={"method": method.name},
        table="choices",
        description=(
            f"{method.summary}\n\nFormula: {method.formula}\n\nSource: {method.paper}\n\n"
            f"Cost: {method.cost}"
        ),
        settings=lambda run: {
            "options": options_of(method, run.config),
            "seeds": seeds_of(method, run.config),
        },
        checks=[Check("every_item_decided_once", _decided_once(method, tables))],
    )
    def made(run: Run) -> Outcome:
        return _choose(run, method, tables)

    return made


def seeds_of(method: Chooser, config: DatasetConfig) -> list[int]:
    """Return the seeds of a method; one without randomness decides once."""
    return list(config.seeds) if method.stochastic else [config.seeds[0]]


def options_of(method: Chooser, config: DatasetConfig) -> dict[str, Any]:
    """Return every option of a method as the dataset's configuration sets it."""
    return {**method.options, **config.options.get(method.name, {})}


def _asked(read: Reading, tables: ItemTables) -> tuple[pa.Table, pa.Table, Asked]:
    items, offered = tables.read(read)
    return items, offered, read_tables(items, offered)


def _choose(run: Run, method: Chooser, tables: ItemTables) -> Outcome:
    items, offered, asked = _asked(run, tables)
    splits = np.array(items["split"].to_pylist(), dtype=np.str_)
    is_open = (splits != "train")[asked.places]
    options = options_of(method, run.config)
    versions = {name: run.record(name).data_version for name in tables.reads}
    entries: list[dict[str, Any]] = []
    chosen: list[Choices] = []
    seeds = seeds_of(method, run.config)
    with track(f"choosing by {method.name}", len(seeds)) as advance:
        for seed in seeds:
            made = decide(method, asked, seed, decided=is_open, **options)
            identity = [run.dataset, method.name, method.version, options, seed, versions]
            head = ChoiceHeader(digest_of(identity)[:16], run.dataset, method.name, seed)
            entries.append(_store(run, head, items, offered, asked, made))
            chosen.append(made)
            advance()
    seen = _turnover(run, entries[0]["choice_id"])
    return Outcome(
        content=order_free_digest(f"{entry['seed']} {entry['digest']}" for entry in entries),
        total=sum(len(made.items) for made in chosen),
        new=seen["entered"] + seen["changed"],
        reused=seen["stayed"],
        removed=seen["left"],
        metadata={
            "decided": len(chosen[0].items),
            **{f"accuracy_{split}": entries[0]["accuracy"][split] for split in JUDGED},
            "sources_asked": float(chosen[0].calls.mean()) if len(chosen[0].calls) else 0.0,
            "sample": _sample(chosen[0]),
            "otherwise": dict(seen),
        },
        details={"choices": entries, "shown": entries[0]["choice_id"]},
    )


def _store(
    run: Run, head: ChoiceHeader, items: pa.Table, offered: pa.Table, asked: Asked, made: Choices
) -> dict[str, Any]:
    """Store one choice and its outcomes; return its entry in the record."""
    names = [str(item) for item in made.items]
    known = {row["item"]: row for row in items.select(_KEPT).to_pylist()}
    hashes = [known[name]["content_hash"] for name in names]
    splits = [known[name]["split"] for name in names]
    ids = offered["candidate"].to_pylist()
    ranked = [
        {
            "item": names[row["item"]],
            "content_hash": hashes[row["item"]],
            "rank": row["rank"],
            "candidate": ids[row["candidate"]],
            "weight": row["weight"],
            "score": row["score"],
            "reason": made.reasons[row["item"]] if row["rank"] == 1 else "",
        }
        for row in made.ranking.to_pylist()
        if row["rank"] <= RANKS
    ]
    ranked += [
        {"item": names[k], "content_hash": hashes[k], "rank": 1, "reason": made.reasons[k]}
        for k, row in enumerate(made.candidates)
        if row is None
    ]
    right = evaluation.judged(asked, made).tolist()
    outcomes = [
        {"split": split, "instance_id": name, "right": float(value)}
        for split, name, value in zip(splits, names, right, strict=True)
        if split in JUDGED
    ]
    choices.append(
        run.lake,
        head,
        pa.Table.from_pylist(ranked, choices.RANKED),
        pa.Table.from_pylist(outcomes, choices.JUDGED),
    )
    chosen = ((n, h, r and ids[r]) for n, h, r in zip(names, hashes, made.candidates, strict=True))
    by_split = {
        split: [r for part, r in zip(splits, right, strict=True) if part == split]
        for split in JUDGED
    }
    return {
        "choice_id": head.choice_id,
        "seed": head.seed,
        "items": len(names),
        "digest": order_free_digest(" ".join(map(str, parts)) for parts in chosen),
        "calls": float(made.calls.mean()) if len(made.calls) else 0.0,
        "cost": evaluation.cost_of(asked, made),
        "accuracy": {s: float(np.mean(r)) if r else None for s, r in by_split.items()},
    }


def _turnover(run: Run, choice_id: str) -> Mapping[str, int]:
    """Count what is decided otherwise than at the last time, and what entered and left."""
    before = run.previous.details["shown"] if run.previous else ""
    found = choices.compare(run.lake, before, choice_id)["change"].to_pylist()
    return {change: found.count(change) for change in choices.CHANGES}


def _sample(made: Choices) -> dg.MetadataValue:
    parts = zip(made.items, made.answers, made.sources, made.reasons, strict=True)
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "item": str(item),
                    "answer": answer or "",
                    "asked": ", ".join(who),
                    "reason": reason,
                }
            )
            for (item, answer, who, reason), _ in zip(parts, range(SHOWN_ROWS), strict=False)
        ]
    )


def _decided_once(method: Chooser, tables: ItemTables) -> Callable[[Reading], Finding]:
    def look(read: Reading) -> Finding:
        """Every item that is not learnt from has one decision, by a candidate of its own."""
        items, offered = tables.read(read)
        splits = zip(items["item"].to_pylist(), items["split"].to_pylist(), strict=True)
        wanted = {item for item, split in splits if split != "train"}
        pairs = set(zip(offered["item"].to_pylist(), offered["content"].to_pylist(), strict=True))
        shown = read.record(f"choices/{method.name}").details["shown"]
        found = choices.rows(read.lake, shown).to_pylist()
        strange = [
            row["item"]
            for row in found
            if row["answer"] is not None and (row["item"], row["answer"]) not in pairs
        ]
        decided = {row["item"] for row in found}
        holds = decided == wanted and len(found) == len(wanted) and not strange
        shown_counts = {"decided": len(found), "wanted": len(wanted), "strange": strange[:10]}
        return Finding(holds, shown_counts)

    return look


def choice_comparison(methods: Sequence[Chooser], tables: ItemTables) -> Stage:
    """Return the stage `choices/comparison`: all choosers, their controls and bounds on one page.

    Parameters
    ----------
    methods : sequence of Chooser
        Those that have a stage.
    tables : ItemTables
    """

    @stage(
        COMPARISON,
        reads=[*tables.reads, *(f"choices/{method.name}" for method in methods)],
        version="2",
        table="outcomes",
        description=(
            "Each chooser on validation and test items beside random, the best single source, the "
            "majority, the best and the worst possible choice. Validation says which is taken, "
            "test is reported: intervals by a bootstrap over items and seeds, paired where two are "
            "compared, claims corrected for their number (Holm)."
        ),
        checks=[
            Check("nobody_above_the_oracle", _nobody_above),
            Check("nobody_below_random", _nobody_below, blocking=False),
        ],
    )
    def made(run: Run) -> Outcome:
        found = {split: _evidence(run, methods, tables, split) for split in JUDGED}
        return _compared(found)

    return made


def _evidence(
    read: Reading, methods: Sequence[Chooser], tables: ItemTables, split: str
) -> dict[str, Measured]:
    """Return what every chooser did on the items of one split that have a gold answer."""
    items, _, asked = _asked(read, tables)
    mine = np.array(items["split"].to_pylist(), dtype=np.str_)[asked.places] == split
    is_open = mine & (asked.pool.gold != NO_ANSWER)
    if not is_open.any():
        return {}
    outcomes: dict[str, evaluation.Outcome] = {}
    for method in methods:
        entries = read.record(f"choices/{method.name}").details["choices"]
        right = [choices.outcomes(read.lake, entry["choice_id"], split) for entry in entries]
        outcomes[method.name] = evaluation.Outcome(
            np.array(right, dtype=np.bool_),
            *(float(np.mean([entry[name] for entry in entries])) for name in ("calls", "cost")),
        )
    order = np.argsort(asked.places[is_open], kind="stable")
    # Stored outcomes come by id, those made here in the order of the items.
    by_id = np.argsort(np.array(asked.names, dtype=np.str_)[is_open][order], kind="stable")
    for bound in (ORACLE, ADVERSARY):
        made = evaluation.outcome_of(bound, asked, is_open, {}, [0])
        outcomes[bound.name] = evaluation.Outcome(made.right[:, by_id], made.calls, made.cost)
    return evaluation.compared(outcomes)


def _nobody_above(read: Reading) -> Finding:
    """No chooser is right on a test item of which no source is."""
    names = read.record(COMPARISON).details["above_oracle"]
    return Finding(not names, {"above_the_oracle": names})


def _nobody_below(read: Reading) -> Finding:
    """No chooser is surely worse on test than a source drawn at random."""
    names = read.record(COMPARISON).details["below_random"]
    return Finding(not names, {"below_random": names})


def _compared(found: Mapping[str, Mapping[str, Measured]]) -> Outcome:
    tested, validated = found["test"], found["validation"]
    names = [name for name in validated if name not in BOUNDS]
    best = max(names, key=lambda name: validated[name].accuracy.mean, default="")
    lines = [_line(name, validated, tested) for name in tested]
    claimed = [
        f"{one.method} beats {control}"
        for one in tested.values()
        for control, against in one.against.items()
        if against.is_claimed
    ]
    sentences = [
        f"{best or 'No chooser'} is best on validation.",
        f"On test {'; '.join(claimed)}." if claimed else "On test no chooser beats a control.",
    ]
    return Outcome(
        content=digest_of(lines),
        total=len(lines),
        new=len(lines),
        metadata={
            "table": dg.MetadataValue.table(
                [dg.TableRecord(dict(zip(COLUMNS, line, strict=True))) for line in lines]
            ),
            "said": " ".join(sentences),
        },
        details={
            "columns": list(COLUMNS),
            "rows": lines,
            "sentences": sentences,
            "chosen": best,
            "above_oracle": evaluation.above_oracle(tested) if tested else [],
            "below_random": evaluation.below_random(tested) if tested else [],
        },
    )


def section(record: Record) -> ReportSection:
    """Return what a dataset's page says of its choices."""
    said = record.details
    return ReportSection(
        title="Which answers are chosen",
        sentences=[
            *said["sentences"],
            "Brackets are 95 % intervals by a bootstrap over items and seeds, paired where two are "
            "compared; a star is a claim that holds for all comparisons at once (Holm). The oracle "
            "and the adversary see the gold: nothing chosen from these answers can be better than "
            "the one, or, where it answers, worse than the other.",
        ],
        columns=said["columns"],
        rows=said["rows"],
    )


COLUMNS = (
    *("chooser", "validation", "test", "sources asked", "cost"),
    *(f"minus {name}" for name in CONTROLS),
)


def _line(
    name: str, validated: Mapping[str, Measured], tested: Mapping[str, Measured]
) -> list[str]:
    one = tested[name]
    level = one.accuracy
    over = [one.against.get(control) for control in CONTROLS]
    return [
        name,
        f"{validated[name].accuracy.mean:.3f}" if name in validated else "",
        f"{level.mean:.3f} [{level.low:.3f}, {level.high:.3f}]",
        f"{one.calls:.2f}",
        f"{one.cost:.4g}",
        *(
            ""
            if against is None
            else f"{against.difference.mean:+.3f} [{against.difference.low:+.3f}, "
            f"{against.difference.high:+.3f}]{' *' if against.is_claimed else ''}"
            for against in over
        ),
    ]
