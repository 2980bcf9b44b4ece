"""`sluice choose`: one method on a file of items and one of candidates, without a workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluice.cli.shared.common import Raw, parse_options, results

if TYPE_CHECKING:
    import pyarrow as pa

    from sluice.choices.contract import Choices

_NUMBERS = {"draw": "int64", "cost": "float64"}


def choose(
    items: Annotated[
        Path,
        typer.Argument(
            help="File of what is decided: item, text, gold (empty where it is to be decided) and "
            "what the task adds. CSV, TSV, JSONL, Parquet or Arrow."
        ),
    ],
    candidates: Annotated[
        Path,
        typer.Argument(
            help="File of what sources answer: item, source, content and, where there are, answer, "
            "draw and cost."
        ),
    ],
    method: Annotated[str, typer.Option(help="A chooser; `sluice methods` lists them.")],
    task: Annotated[str, typer.Option(help="What the items are for.")] = "answers",
    calls: Annotated[
        int | None,
        typer.Option(min=1, help="Sources asked for one item at the most; all if not given."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of methods that use one.", min=0)] = 0,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the method, key=value; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the choices: .parquet, .jsonl or .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the choices as JSON.")] = False,
    raw: Raw = False,
) -> None:
    """Choose an answer for each item of ITEMS without gold, by what is known of the others."""
    from sluice.choices.registry import chooser
    from sluice.choices.runner import check_settings
    from sluice.choices.runner import choose as run
    from sluice.cli.writers.rows_out import check_out, write_table

    options = parse_options(option or []) | ({} if calls is None else {"calls": calls})
    check_settings(chooser(method), seed, options)
    if out is not None:
        check_out(out, items)
        check_out(out, candidates)
    asked, said = _tables(items, candidates)
    chosen = run(asked, said, task=task, method=method, seed=seed, **options)
    table = _written(chosen)
    if out is not None:
        write_table(out, table, raw=raw)
    if as_json:
        typer.echo(json.dumps(table.to_pylist(), indent=2, ensure_ascii=False))
        return
    _show(method, asked.num_rows, chosen, out)


def _tables(items: Path, candidates: Path) -> tuple[pa.Table, pa.Table]:
    """Read both files; the texts of a CSV file are numbers where numbers are meant."""
    from sluice.choices.tables import CANDIDATE_COLUMNS, ITEM_COLUMNS
    from sluice.data.ingest.raw import read_file
    from sluice.data.values.stringify import column_text

    given = [
        read_file(path, needed=needed)
        for path, needed in ((items, ITEM_COLUMNS), (candidates, CANDIDATE_COLUMNS))
    ]
    untyped = [_is_text(path) for path in (items, candidates)]
    read = [
        _of_csv(table, path) if is_csv else table
        for table, path, is_csv in zip(given, (items, candidates), untyped, strict=True)
    ]
    if any(untyped) and all("item" in table.column_names for table in read):
        places = [table.column_names.index("item") for table in read]
        read = [
            table.set_column(place, "item", column_text(table.column(place), "item"))
            for table, place in zip(read, places, strict=True)
        ]
    return read[0], read[1]


def _is_text(path: Path) -> bool:
    from sluice.data.ingest.files import file_kind

    return file_kind(path) not in (".parquet", ".arrow", ".jsonl")


def _of_csv(table: pa.Table, path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as compute

    from sluice.core.errors import DataError

    pc: Any = compute
    for place, name in enumerate(table.column_names):
        column = table.column(place)
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
        try:
            column = column.cast(_NUMBERS.get(name, "string"))
        except pa.ArrowInvalid as error:
            raise DataError(f"{path}: the column {name!r} is no number: {error}.") from None
        table = table.set_column(place, name, column)
    return table


def _written(chosen: Choices) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "item": pa.array(chosen.items),
            "answer": pa.array(chosen.answers, pa.string()),
            "candidate": pa.array(chosen.candidates, pa.int64()),
            "sources": pa.array(map(list, chosen.sources), pa.list_(pa.string())),
            "score": chosen.scores,
            "calls": chosen.calls,
            "reason": pa.array(chosen.reasons, pa.string()),
        }
    )


def _show(method: str, items: int, chosen: Choices, out: Path | None) -> None:
    from collections import Counter

    from sluice.cli.shared.summary import counts_line, summary

    count = len(chosen.items)
    undecided = sum(answer is None for answer in chosen.answers)
    first = Counter(who[0] for who in chosen.sources if who)
    lines = {
        "items": f"{items:,}, {items - count:,} of them with gold",
        "decided": f"{count - undecided:,}; {undecided:,} have no candidate with an answer",
        "sources asked": f"{chosen.calls.mean() if count else 0:.2f} an item",
        "chosen": counts_line(dict(first.most_common())) or "nobody",
        "written to": str(out) if out is not None else "nothing; give --out to write the choices",
    }
    results().print(summary(f"Chosen by {method}", lines))
