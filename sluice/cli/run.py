"""`sluice run`: carry one dataset through its whole lineage, print the table, serve the UIs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.cli.serve import MlflowPort, Port, Servers
from sluice.cli.shared import workspace
from sluice.cli.shared.common import DatasetName, results, show_progress
from sluice.core.errors import ConfigError, SluiceError, UnknownNameError

if TYPE_CHECKING:
    import dagster as dg
    from rich.console import Console

    from assets.lineage.task import Task
    from sluice.data.config import DatasetConfig


def run(
    dataset: DatasetName,
    rebuild: Annotated[
        bool, typer.Option(help="Compute every stage again, also what did not change.")
    ] = False,
    evaluate: Annotated[
        bool,
        typer.Option(
            help="Afterwards train and measure a model on each subset, for the tasks instructions "
            "and tokens; may take hours, and says how many before it starts."
        ),
    ] = False,
    serve: Annotated[bool, typer.Option(help="Serve both UIs after the table.")] = False,
    port: Port = 3000,
    mlflow_port: MlflowPort = 5000,
) -> None:
    """Bring one dataset up to date, from raw file to champion model."""
    began = time.monotonic()
    root = workspace.enter()
    servers = Servers(root, port, mlflow_port)
    if serve:
        servers.check_ports()
    if evaluate:
        _check_on_demand(dataset)
    with show_progress():
        result, body_seconds = materialise(dataset, rebuild=rebuild)
    _report(dataset, result, time.monotonic() - began, body_seconds)
    if evaluate:
        with show_progress():
            result, body_seconds = materialise(dataset, evaluate=True)
        _report(dataset, result, time.monotonic() - began, body_seconds)
    if serve:
        servers.run()


def _check_on_demand(dataset: str) -> None:
    from assets.lineages import lineage_of

    lineage = lineage_of(config_of(dataset))
    if not lineage.has_on_demand:
        raise ConfigError(
            f"--evaluate is for the tasks instructions and tokens; {dataset} is of the task "
            f"{lineage.task.name}, whose subsets are evaluated in every run. Leave it out."
        )


def config_of(dataset: str) -> DatasetConfig:
    """Return the configuration of a dataset of the workspace.

    Raises
    ------
    ConfigError
        If there is no such dataset, or its dataset.yaml is wrong.
    """
    datasets = workspace.resource("datasets")
    names = datasets.names()
    if dataset in names:
        return datasets.config(dataset)
    if not names:
        raise ConfigError(
            f"There is no dataset {dataset!r}, nor any other, in {datasets.folder}. Make one of a "
            "file with `sluice add FILE`, or set SLUICE_DATASETS to the folder that holds them."
        )
    error = UnknownNameError.of("dataset", dataset, names)
    if (datasets.folder / dataset).is_dir():
        raise UnknownNameError(f"{error} The folder {dataset} has no dataset.yaml.")
    raise error


def materialise(
    dataset: str,
    *,
    rebuild: bool = False,
    evaluate: bool = False,
    keys: list[dg.AssetKey] | None = None,
) -> tuple[dg.ExecuteInProcessResult, float]:
    """Bring a dataset, or some of its assets, up to date; also return the CPU time of bodies.

    Raises
    ------
    KeyboardInterrupt
        If a person stopped it; its text says so.
    """
    import dagster as dg

    from assets.lineage.stage import body_seconds
    from assets.lineages import lineage_of
    from definitions import defs
    from jobs.lineages import EVALUATIONS, REBUILD, REFRESH, job_name
    from resources import orphaned_runs
    from resources.run_watch import PROCESS_TAG, own_process

    config = config_of(dataset)
    lineage = lineage_of(config)
    home = workspace.dagster_instance()
    home.add_dynamic_partitions(lineage.task.name, [dataset])
    orphaned_runs.fail_dead_runs(home, workspace.resource("lake"))
    what = EVALUATIONS if evaluate else REBUILD if rebuild else REFRESH
    whole = lineage.on_demand(config) if evaluate else lineage.wanted(config)
    job = defs.resolve_job_def(job_name(lineage.task.name, what))
    tags = {"sluice/trigger": "command line", PROCESS_TAG: own_process()}
    if keys is None and not evaluate:
        tags |= _state_of(dataset, config)
    try:
        result = job.execute_in_process(
            instance=home,
            partition_key=dataset,
            asset_selection=keys or whole,
            raise_on_error=False,
            # Dagster's own console log would drown the progress; everything is in the run's log.
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=tags,
        )
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        raise stopped(home, dataset) from None
    if not result.success and _was_interrupted(home, result):
        raise stopped(home, dataset)
    return result, body_seconds()


def _state_of(dataset: str, config: DatasetConfig) -> dict[str, str]:
    """Return the tag that tells the sensor of which state of the folder a run was."""
    from jobs.asked_for import DIGEST_TAG
    from sluice.data.ingest.raw import folder_digest

    try:
        folder = workspace.resource("datasets").folder / dataset
        return {DIGEST_TAG: folder_digest(folder, config)}
    except SluiceError:
        # The run says it of the file, and where it stopped.
        return {}


def _was_interrupted(home: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> bool:
    run = home.get_run_by_id(result.run_id)
    if run is not None and run.status.value == "CANCELED":
        return True
    interrupt = "DagsterExecutionInterruptedError"
    return any(
        interrupt in str(event.event_specific_data)
        for event in result.all_events
        if event.is_failure
    )


def stopped(home: dg.DagsterInstance, dataset: str) -> KeyboardInterrupt:
    """Return how a run ends that somebody stopped, here or elsewhere.

    Dagster calls an interrupted run failed, and the sensor would run it again: it is cancelled.
    """
    import dagster as dg

    from resources.locks import PARTITION_TAG
    from resources.run_watch import PROCESS_TAG, own_process

    own = dg.RunsFilter(tags={PARTITION_TAG: dataset, PROCESS_TAG: own_process()})
    (run,) = home.get_runs(own, limit=1) or [None]
    if run is not None and run.status == dg.DagsterRunStatus.CANCELED:
        how = "Cancelled from elsewhere"
    else:
        how = "Stopped"
        if run is not None and run.status != dg.DagsterRunStatus.SUCCESS:
            home.report_run_canceled(run, "Stopped at the command line.")
    return KeyboardInterrupt(f"{how}; what was committed is kept. `sluice run {dataset}` goes on.")


def _report(
    dataset: str, result: dg.ExecuteInProcessResult, seconds: float, body_seconds: float
) -> None:
    if not result.success:
        raise failure_of(dataset, result)
    from assets.lineage.stage import bookkeeping_of
    from assets.lineages import lineage_of

    out = results()
    config = workspace.resource("datasets").config(dataset)
    lineage = lineage_of(config)
    steps = [event.step_key or "" for event in result.get_step_success_events()]
    if any("comparison" in step for step in steps):
        _print_comparison(out, lineage.task, dataset)
    elif lineage.has_on_demand:
        _print_subsets(out, lineage.task, dataset, config)
    counts = [
        event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
    ]
    new = sum(bookkeeping_of(meta)["rows_new"] for meta in counts)
    share = max(0.0, time.process_time() - body_seconds) / time.process_time()
    out.print(
        f"[dim]{dataset}: {len(counts)} assets in {seconds:.1f} s, {new:,} rows computed; "
        f"Dagster's own share and start-up {share:.1%} of this process's CPU time.[/dim]"
    )


def _print_comparison(out: Console, task: Task, dataset: str) -> None:
    from assets.display.results import read_results
    from sluice.reports.tables import result_table

    found = read_results(workspace.resource("lake"), task, dataset)
    out.print(result_table(found.rows, found.all_rows, out.width, found.metric))
    for line in found.sentences:
        out.print(line)


def _print_subsets(out: Console, task: Task, dataset: str, config: DatasetConfig) -> None:
    """Say what was selected, for a task whose subsets are not evaluated in the same run."""
    from rich.table import Table

    from assets.display.results import selected

    table = Table(title="What each method kept", title_justify="left")
    for name in ("method", "budget", "seeds", "rows", "note"):
        table.add_column(name, overflow="fold", justify="right" if name == "rows" else "left")
    for line in selected(workspace.resource("lake"), task, dataset, config):
        table.add_row(*map(str, line))
    out.print(table)
    out.print(
        f"`sluice report {dataset}` shows the rows and why each was kept; `sluice run {dataset} "
        "--evaluate` trains on each subset."
    )


def failure_of(dataset: str, result: dg.ExecuteInProcessResult) -> SluiceError:
    """Return what a failed run is told as: each step that failed, and why."""
    from resources.step_errors import reason

    lines = [f"The refresh of {dataset} failed; what was committed before is kept."]
    for event in result.all_events:
        if event.is_step_failure:
            why = reason(event.step_failure_data.error, str(event.message))
            lines.append(f"  {event.step_key}: {why}")
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.asset_check_evaluation_data
            if not check.passed and check.blocking:
                lines.append(f"  {'/'.join(check.asset_key.path)}: check {check.check_name} failed")
        elif event.is_job_failure and len(lines) == 1:
            # No step began: the lock or the lake could not be had.
            lines.append(f"  {reason(event.job_failure_data.error, str(event.message))}")
    lines.append(f"Mend that and run `sluice run {dataset}` again.")
    return SluiceError("\n".join(lines))
