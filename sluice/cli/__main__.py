"""`python -m sluice.cli` is `sluice`."""

from sluice.cli import app

app()
