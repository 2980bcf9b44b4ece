"""Plots for the Dagster UI, where a dataset wants them."""

from collections.abc import Callable

import dagster as dg

from sluice.data.config import DatasetConfig
from sluice.reports.figures import to_markdown


def plots(
    config: DatasetConfig, **draw: Callable[[], bytes]
) -> dict[str, dg.MarkdownMetadataValue]:
    """Draw each plot (a PNG), or none where `dataset.yaml` says `plots: false`."""
    if not config.plots:
        return {}
    return {name: dg.MetadataValue.md(to_markdown(drawn())) for name, drawn in draw.items()}
