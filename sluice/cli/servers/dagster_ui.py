"""`dagster dev` with a guard in front of its web server: what `sluice serve` starts.

`dagster dev` starts the web server as a process of its own, by the module's name, and that one
makes an ASGI application and serves it. This module stands in for both: as `dev` it starts itself
in the web server's place, as `webserver` it puts the guard around the application. `sluice serve`
asks the server afterwards whether the guard is there.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from sluice.cli.servers.guard import Guard, Rules

NAME = "sluice.cli.servers.dagster_ui"


def dev() -> None:
    """Run `dagster dev` with this module in the place of its web server."""
    command: Any = import_module("dagster._cli.dev")
    start = command.open_ipc_subprocess

    def started(parts: list[str], **options: Any) -> Any:
        at = parts.index("-m") + 1
        if parts[at] == "dagster_webserver":
            parts = [*parts[:at], NAME, "webserver", *parts[at + 1 :]]
        return start(parts, **options)

    command.open_ipc_subprocess = started
    command.dev_command()


def webserver() -> None:
    """Run Dagster's web server with the guard around it."""
    cli: Any = import_module("dagster_webserver.cli")
    create = cli.create_app_from_workspace_process_context

    def guarded(*args: Any, **options: Any) -> Guard:
        return Guard(create(*args, **options), Rules.from_environment())

    cli.create_app_from_workspace_process_context = guarded
    cli.cli(auto_envvar_prefix="DAGSTER_WEBSERVER")


if __name__ == "__main__":
    {"dev": dev, "webserver": webserver}[sys.argv.pop(1)]()
