"""`sluice serve`: the Dagster UI with its daemon and the MLflow UI, on loopback, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Annotated

import typer

from sluice.cli import workspace
from sluice.cli.common import results
from sluice.errors import SluiceError

HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 40


class _Stop(Exception):
    """Somebody asked to stop."""


class Servers:
    """The two UIs as child processes."""

    def __init__(self, root: Path, port: int, mlflow_port: int) -> None:
        self.root = root
        self.addresses = {
            "Dagster UI": f"http://{HOST}:{port}",
            "MLflow UI": f"http://{HOST}:{mlflow_port}",
        }
        self.ports = {"Dagster UI": port, "MLflow UI": mlflow_port}
        # The links between the two UIs follow the ports.
        os.environ["SLUICE_DAGSTER_URL"] = self.addresses["Dagster UI"]
        os.environ["SLUICE_MLFLOW_URL"] = self.addresses["MLflow UI"]

    def check_ports(self) -> None:
        """Refuse to start where a port is taken.

        Raises
        ------
        SluiceError
        """
        options = {"Dagster UI": ("--port", "SLUICE_PORT")}
        for name, port in self.ports.items():
            with socket.socket() as probe:
                # As servers bind: a port in TIME_WAIT is free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError:
                    option, variable = options.get(name, ("--mlflow-port", "SLUICE_MLFLOW_PORT"))
                    raise SluiceError(
                        f"Port {port} on {HOST}, for the {name}, is in use. End the program that "
                        f"uses it, or choose another with {option} N or {variable}=N; "
                        "nothing was started."
                    ) from None

    def run(self) -> None:
        """Start both, print their addresses, and stop both on Ctrl-C or SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        out = results()
        started: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name in self.ports:
                started[name] = self._start(name)
            out.print("Starting the two UIs ...")
            for name, process in started.items():
                self._wait_until_up(name, process)
                out.print(f"  {name}: [bold]{self.addresses[name]}[/bold]")
            out.print("The raw-data sensor is running. Ctrl-C stops everything.")
            self._watch(started)
        except _Stop:
            out.print("Stopping ...")
        finally:
            _end(list(started.values()))
        out.print("Stopped.")

    def _command(self, name: str) -> list[str]:
        port = str(self.ports[name])
        if name == "Dagster UI":
            # Makes the tables under a lock, as `tracking.client` does those of MLflow.
            workspace.dagster_instance().dispose()
            return [
                *(sys.executable, "-m", "dagster", "dev", "-w", str(self.root / "workspace.yaml")),
                *("-h", HOST, "-p", port),
            ]
        tracking = workspace.resource("tracking")
        tracking.client()
        uri = str(tracking.tracking_uri)
        return [
            *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri),
            *("--host", HOST, "--port", port, "--workers", "1"),
        ]

    def _log(self, name: str) -> Path:
        from resources.paths import home

        folder = Path(home()) / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name.split()[0].lower()}.log"

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = self._command(name)
        path = self._log(name)
        path.write_bytes(b"")
        log: IO[bytes]
        # Appending: a log that is emptied while the server runs would else begin with NUL bytes.
        with path.open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we end the whole group.
            return subprocess.Popen(
                command, cwd=self.root, stdout=log, stderr=log, start_new_session=True
            )

    def _wait_until_up(self, name: str, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(self.addresses[name], timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        raise SluiceError(
            f"The {name} did not come up at {self.addresses[name]}; its log is {self._log(name)}."
        )

    def _watch(self, started: dict[str, subprocess.Popen[bytes]]) -> None:
        while True:
            for name, process in started.items():
                if process.poll() is not None:
                    raise SluiceError(f"The {name} ended by itself; its log is {self._log(name)}.")
            time.sleep(0.5)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stop


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    # From here on a second Ctrl-C must not leave servers behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, until - time.monotonic()))
        # Whatever of the group is left, such as a run in its own process, goes too.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        process.wait()


def serve(
    port: Annotated[int, typer.Option(envvar="SLUICE_PORT", help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[
        int, typer.Option(envvar="SLUICE_MLFLOW_PORT", help="Port of the MLflow UI.")
    ] = 5000,
) -> None:
    """Serve the Dagster UI and the MLflow UI on loopback until Ctrl-C."""
    servers = Servers(workspace.enter(), port, mlflow_port)
    servers.check_ports()
    servers.run()
