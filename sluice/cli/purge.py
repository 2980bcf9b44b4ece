"""`sluice purge`: really delete a dataset, or single rows of one, everywhere Sluice keeps them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from sluice.cli.cancel import WAIT_SECONDS
from sluice.cli.shared import workspace
from sluice.cli.shared.common import DatasetName, results
from sluice.core.errors import ConfigError, UnknownNameError

NAMED = 5
MOST_COMPARED = 50_000


def purge(
    dataset: DatasetName,
    ids: Annotated[
        Path | None,
        typer.Option(
            help="Delete only these rows: a UTF-8 file with one id a line. The dataset may live "
            "on; the rows must be gone from its files."
        ),
    ] = None,
    missing_ok: Annotated[
        bool,
        typer.Option(
            "--missing-ok", help="With --ids: go on where the lake holds nothing of an id."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete every row of a dataset whose folder is gone, or rows by id. There is no way back.

    Deleted from the lake with all its snapshots, from Dagster's record of runs, from the
    dataset's page and from the server logs. Time travel to older snapshots ends for all datasets.
    """
    workspace.enter()
    lake, datasets = workspace.resource("lake"), workspace.resource("datasets")
    rows = read_ids(ids) if ids else None
    _check_known(lake, dataset)

    def check() -> None:
        if rows is None:
            _check_folder_gone(datasets, dataset)
        else:
            _check_rows(lake, datasets, dataset, rows, missing_ok=missing_ok)

    def delete() -> dict[str, int]:
        from resources.store import purging, purging_rows

        if rows is None:
            return purging.purge(lake, dataset)
        return purging_rows.purge_rows(lake, dataset, rows)

    check()
    if not yes:
        what = f"{len(rows):,} rows" if rows else "every row, its selections, evaluations and runs"
        typer.confirm(
            f"Delete of {dataset} {what}, and the history of its runs? "
            "Time travel to older snapshots ends for all datasets.",
            abort=True,
        )
    task = _task_of(lake, dataset)
    counts = _purged(lake, dataset, check, delete, whole=rows is None)
    _report(task, dataset, counts, rows)


def read_ids(path: Path) -> list[str]:
    """Read a file with one id a line; blank lines are skipped, repeated ids kept once.

    Raises
    ------
    ConfigError
        Where the file cannot be read, is not UTF-8 or holds no id.
    DataError
        Where it is no regular file, or larger than the limit.
    """
    from sluice.core.bounded import read_bytes

    try:
        lines = read_bytes(path).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 (byte {error.start}). Write it again as UTF-8, one id a line."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror or error}. Give --ids a file with one id a "
            "line."
        ) from None
    ids = [line.removesuffix("\r") for line in lines if line.strip()]
    if not ids:
        raise ConfigError(f"{path} holds no id. Write one id a line.")
    return list(dict.fromkeys(ids))


def _named(ids: list[str]) -> str:
    shown = ", ".join(repr(name) for name in ids[:NAMED])
    return shown + (f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else "")


def _task_of(lake: Any, dataset: str) -> str:
    """Return the task under which the lake knows a dataset; an interrupted purge may forget it."""
    from resources.store import records

    return next((name.split("/")[0] for name in records.latest(lake, dataset)), "TASK")


def _check_known(lake: Any, dataset: str) -> None:
    from resources.store import purging

    known = purging.known_datasets(lake)
    if dataset not in known:
        raise UnknownNameError.of("dataset in the lake", dataset, known)


def _check_folder_gone(datasets: Any, dataset: str) -> None:
    if dataset in datasets.folders():
        raise ConfigError(
            f"The folder {datasets.folder / dataset} is still there, and the next refresh would "
            "bring its rows back. Delete the folder first, then purge; or purge single rows with "
            "--ids."
        )


def _check_rows(
    lake: Any, datasets: Any, dataset: str, ids: list[str], *, missing_ok: bool
) -> None:
    """Refuse what would come back with the next refresh, and what the lake has never held."""
    from resources.store import purging_rows

    there = dataset in datasets.folders()
    if there:
        _check_gone_from_files(datasets, dataset, ids)
    found = purging_rows.standing(lake, dataset, ids)
    if there and found.present:
        raise ConfigError(
            f"{len(found.present):,} of the {len(ids):,} ids are gone from the files of {dataset} "
            f"but not yet from the lake: {_named(found.present)}. Run `sluice run {dataset}`, "
            "then purge; nothing was deleted."
        )
    if found.unknown and not missing_ok:
        raise ConfigError(
            f"The lake holds nothing of {len(found.unknown):,} of the {len(ids):,} ids for "
            f"{dataset}, nor do its older snapshots: {_named(found.unknown)}."
            f"{_nearest(found.unknown, found.known)} Correct them; or, where they are right and "
            "the snapshots that held them have expired, add --missing-ok, which also deletes "
            "every content that no row refers to. Nothing was deleted."
        )


def _check_gone_from_files(datasets: Any, dataset: str, ids: list[str]) -> None:
    from sluice.data.ingest.raw import read_raw
    from sluice.data.ingest.validation import screen

    config = datasets.config(dataset)
    screened = screen(read_raw(datasets.folder / dataset, config), config)
    produced = {row.instance_id for row in screened.kept}
    produced |= {rejection.row.instance_id for rejection in screened.rejected}
    still = [name for name in ids if name in produced]
    if still:
        raise ConfigError(
            f"{len(still):,} of the {len(ids):,} ids are still in the files of "
            f"{datasets.folder / dataset}, and the next refresh would bring them back: "
            f"{_named(still)}. Remove them from the file, run `sluice run {dataset}`, then purge; "
            "nothing was deleted."
        )


def _nearest(unknown: list[str], known: list[str]) -> str:
    from difflib import get_close_matches

    if len(known) > MOST_COMPARED:
        return ""
    near = {match for name in unknown[:3] for match in get_close_matches(name, known, 1, 0.7)}
    return f" Nearest: {_named(sorted(near))}." if near else ""


def _purged(
    lake: Any,
    dataset: str,
    check: Callable[[], None],
    delete: Callable[[], dict[str, int]],
    *,
    whole: bool,
) -> dict[str, int]:
    """Delete everywhere, the lake last: as long as it knows the rows, a purge can be repeated."""
    from assets.lineages import LINEAGES
    from assets.stages.report import report_path
    from resources import orphaned_runs as dead_runs
    from resources import run_history
    from resources.locks import hold
    from resources.paths import home
    from sluice.core.drafts import clear_drafts

    with workspace.dagster_instance() as instance:
        dead_runs.fail_dead_runs(instance, lake)
        if whole:
            _end_runs(instance, dataset)
        _check_no_run(dataset, run_history.under_way(instance, dataset))
        with hold(lake, dataset, "sluice purge"):
            # The lock may have been waited for, and the files may have changed meanwhile.
            check()
            counts = {"runs": run_history.forget(instance, dataset)}
            run_history.remove_tick_logs(instance, dataset)
            run_history.empty_server_logs(home() / "logs")
            # Also the half page that a killed run leaves, in the form of today and of before.
            clear_drafts(report_path(dataset).parent)
            for suffix in (".html", ".part"):
                report_path(dataset).with_suffix(suffix).unlink(missing_ok=True)
            counts |= delete()
            if whole:
                for task in LINEAGES:
                    instance.delete_dynamic_partition(task, dataset)
    return counts


def _end_runs(instance: Any, dataset: str) -> None:
    """End the runs of a dataset whose folder is gone: nobody can want them."""
    from resources import cancelling

    runs = cancelling.active_runs(instance, dataset)
    done = cancelling.cancel(instance, runs, "The dataset's folder is gone, and it is purged.")
    cancelling.still_going(instance, done.told, WAIT_SECONDS)


def _check_no_run(dataset: str, runs: list[str]) -> None:
    if runs:
        raise ConfigError(
            f"Run {runs[0]} of {dataset} is under way or waiting. Let it end, or end it with "
            f"`sluice cancel {dataset}` (with --force if it does not answer), then purge; nothing "
            "was deleted."
        )


def _report(task: str, dataset: str, counts: dict[str, int], rows: list[str] | None) -> None:
    name, out = escape(dataset), results()
    what = f"{len(rows):,} rows of {name}" if rows else name
    out.print(f"Purged {what}: " + ", ".join(f"{n:,} {t}" for t, n in counts.items() if n))
    if rows:
        out.print(f"Its page is gone too; the next `sluice run {name}` writes it again.")
    out.print(
        "What stays: its models and runs in MLflow (ids, labels and digests of kept rows, no "
        "texts; a model's weights were trained on them, and beside a table's lies its encoder, "
        "with categories and ranges of the rows): delete the experiment and the model "
        f"sluice.{task}.{name} there, and train anew. Exports and pages that you wrote elsewhere, "
        "and backups, are yours to delete."
    )
