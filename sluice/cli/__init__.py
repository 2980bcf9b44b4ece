"""The command line. Commands load what they need when they run, so `--help` is quick."""

from __future__ import annotations

import typer

from sluice.cli.add import add
from sluice.cli.common import SluiceGroup
from sluice.cli.methods import methods
from sluice.cli.select import select

app = typer.Typer(
    cls=SluiceGroup,
    help="Turns raw data into the smallest training set that still trains the best model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("add")(add)
app.command("select")(select)
app.command("methods")(methods)
