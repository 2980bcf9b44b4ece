"""`sluice report`: write the HTML page of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sluice.cli.run import config_of
from sluice.cli.shared import workspace
from sluice.cli.shared.common import DatasetName, results
from sluice.core.errors import ConfigError


def report(
    dataset: DatasetName,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it; default .sluice/reports/NAME.html.")
    ] = None,
) -> None:
    """Write one self-contained HTML page: what was kept, why, and what it trains."""
    workspace.enter()
    from assets.lineage.stage import Reading
    from assets.lineages import lineage_of
    from assets.stages.report import report_path, write_report

    config = config_of(dataset)
    read = Reading(workspace.resource("lake"), lineage_of(config).task, dataset, config)
    path = (out or report_path(dataset)).resolve()
    try:
        write_report(read, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from None
    results().print(f"Report of {escape(dataset)}: {escape(str(path))}", soft_wrap=True)
