"""`sluice cancel`: end the runs of one dataset, wherever they were started."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from sluice.cli.shared import workspace
from sluice.cli.shared.common import DatasetName, results, warn
from sluice.core.errors import UnknownNameError

WAIT_SECONDS = 30


def cancel(
    dataset: DatasetName,
    wait: Annotated[
        int, typer.Option(min=0, help="Seconds to wait until runs in progress have stopped.")
    ] = WAIT_SECONDS,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Afterwards mark runs that do not answer as cancelled, such as those of a machine "
            "that is gone.",
        ),
    ] = False,
) -> None:
    """Cancel a dataset's runs: those in the queue, and those in progress here or in the daemon.

    What they have committed is kept. The sensor leaves the dataset alone until its folder changes
    or somebody runs it.
    """
    workspace.enter()
    from resources import cancelling
    from resources import orphaned_runs as dead_runs

    name, out = escape(dataset), results()
    with workspace.dagster_instance() as instance:
        dead = dead_runs.fail_dead_runs(instance, workspace.resource("lake"))
        runs = cancelling.active_runs(instance, dataset)
        if not runs:
            _check_known(instance, dataset)
            ended = " A run whose process had ended is marked as failed." if dead else ""
            out.print(f"No run of {name} is under way or waiting: nothing to cancel.{ended}")
            return
        done = cancelling.cancel(instance, runs, "Cancelled by `sluice cancel`.")
        going = cancelling.still_going(instance, done.told, wait)
        if force:
            cancelling.give_up(instance, going)
    stopped = len(done.told) - len(going)
    parts = [
        f"{len(done.ended)} that had not begun" if done.ended else "",
        f"{stopped} in progress" if stopped else "",
        f"{len(going)} that gave no answer" if force and going else "",
    ]
    said = ", ".join(filter(None, parts))
    if said:
        out.print(
            f"Cancelled runs of {name}: {said}. What was committed is kept; `sluice run {name}` "
            "or a change of its folder starts again.",
            soft_wrap=True,
        )
    if going and not force:
        warn(
            f"Told to stop, but still going after {wait} s: {', '.join(going)}. A run stops at the "
            "end of the computation that it is in. If its machine or process is gone, "
            f"`sluice cancel {dataset} --force` marks it as cancelled."
        )


def _check_known(instance: Any, dataset: str) -> None:
    from assets.lineages import LINEAGES
    from resources.locks import PARTITION_TAG
    from resources.store import purging

    known = {name for task in LINEAGES for name in instance.get_dynamic_partitions(task)}
    known.update(workspace.folders())
    if dataset in known:
        return
    tags = dict(instance.get_run_tags(tag_keys=[PARTITION_TAG])).get(PARTITION_TAG, set())
    if dataset not in tags and dataset not in purging.known_datasets(workspace.resource("lake")):
        raise UnknownNameError.of("dataset", dataset, sorted(known))
