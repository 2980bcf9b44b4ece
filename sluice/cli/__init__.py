"""The command line. Commands load what they need when they run, so `--help` is quick."""

from __future__ import annotations

import typer

from sluice.cli.add import add
from sluice.cli.cancel import cancel
from sluice.cli.choose import choose
from sluice.cli.diff import diff
from sluice.cli.export import export
from sluice.cli.labels import label_queue, labels
from sluice.cli.maintain import maintain
from sluice.cli.methods import methods
from sluice.cli.predict import predict
from sluice.cli.purge import purge
from sluice.cli.report import report
from sluice.cli.run import run
from sluice.cli.search import search
from sluice.cli.select import select
from sluice.cli.serve import serve
from sluice.cli.shared.common import SluiceGroup

app = typer.Typer(
    cls=SluiceGroup,
    help="Turns raw data into the smallest training set that still trains the best model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("add")(add)
app.command("select")(select)
app.command("choose")(choose)
app.command("search")(search)
app.command("methods")(methods)
app.command("run")(run)
app.command("cancel")(cancel)
app.command("serve")(serve)
app.command("export")(export)
app.command("label-queue")(label_queue)
app.command("labels")(labels)
app.command("diff")(diff)
app.command("report")(report)
app.command("predict")(predict)
app.command("maintain")(maintain)
app.command("purge")(purge)
