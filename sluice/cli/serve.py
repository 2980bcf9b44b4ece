"""`sluice serve`: the Dagster UI with its daemon and the MLflow UI, on loopback, until Ctrl-C.

Beyond loopback only the Dagster UI can be bound, and asks for a token; MLflow has none.
"""

from __future__ import annotations

import errno
import os
import secrets
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

from sluice.cli.shared import workspace
from sluice.cli.shared.common import results
from sluice.core.errors import ConfigError, SluiceError

HOST = "127.0.0.1"
LOOPBACK_NAMES = (HOST, "localhost", "[::1]")
HTTPS_PORT = 443
FORBIDDEN = 403
SHORTEST_TOKEN = 16
START_SECONDS = 120
STOP_SECONDS = 40


Port = Annotated[
    int, typer.Option(envvar="SLUICE_PORT", min=1, max=65535, help="Port of the Dagster UI.")
]
MlflowPort = Annotated[
    int, typer.Option(envvar="SLUICE_MLFLOW_PORT", min=1, max=65535, help="Port of the MLflow UI.")
]

_EVERY_ADDRESS = ("", "0.0.0.0", "::")


class _Stop(Exception):
    """Somebody asked to stop."""


class Servers:
    """The two UIs as child processes."""

    def __init__(
        self,
        root: Path,
        port: int,
        mlflow_port: int,
        host: str = HOST,
        allowed: tuple[str, ...] = (),
    ) -> None:
        self.root = root
        self.hosts = {"Dagster UI": host, "MLflow UI": HOST}
        self.ports = {"Dagster UI": port, "MLflow UI": mlflow_port}
        shown = socket.gethostname() if host in _EVERY_ADDRESS else host
        self.addresses = {
            "Dagster UI": f"http://{_in_url(shown)}:{port}",
            "MLflow UI": f"http://{HOST}:{mlflow_port}",
        }
        self.token = _token(host, allowed)
        # The links between the two UIs follow the ports.
        os.environ["SLUICE_DAGSTER_URL"] = self.addresses["Dagster UI"]
        os.environ["SLUICE_MLFLOW_URL"] = self.addresses["MLflow UI"]
        self.served, self.allowed = (*LOOPBACK_NAMES, shown, *allowed), allowed

    def check_ports(self) -> None:
        """Refuse to start where a port is taken.

        Raises
        ------
        SluiceError
        """
        if len(set(self.ports.values())) == 1:
            raise ConfigError(
                f"Both UIs are to listen on port {self.ports['MLflow UI']}. Choose another for one "
                "of them with --port or --mlflow-port; nothing was started."
            )
        options = {"Dagster UI": ("--port", "SLUICE_PORT")}
        for name, port in self.ports.items():
            host = self.hosts[name]
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as probe:
                # As servers bind: a port in TIME_WAIT is free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise SluiceError(
                            f"Nothing can listen on {host}, port {port} ({error.strerror}). Give "
                            "--host an address of this machine, and a port above 1023; nothing "
                            "was started."
                        ) from None
                    option, variable = options.get(name, ("--mlflow-port", "SLUICE_MLFLOW_PORT"))
                    raise SluiceError(
                        f"Port {port} on {host}, for the {name}, is in use. End the program that "
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
                self._check_guard(name)
                asks = f"/?token={self.token}" if self.token and name == "Dagster UI" else ""
                out.print(f"  {name}: [bold]{self.addresses[name]}{asks}[/bold]", soft_wrap=True)
            out.print("The raw-data sensor is running. Ctrl-C stops everything.")
            self._watch(started)
        except _Stop:
            out.print("Stopping ...")
        finally:
            _end(list(started.values()))
        out.print("Stopped.")

    def _command(self, name: str) -> tuple[list[str], dict[str, str]]:
        """Return a server's command line, and its environment: `ps` shows the first to all."""
        from sluice.cli.servers.guard import HOSTS_VARIABLE, TOKEN_VARIABLE, hosts_of

        port, environment = self.ports[name], dict(os.environ)
        if name == "Dagster UI":
            # A proxy with TLS is reached at a port that browsers leave out.
            hosts = hosts_of(self.served, port) | hosts_of(self.allowed, HTTPS_PORT)
            environment |= {HOSTS_VARIABLE: " ".join(hosts), TOKEN_VARIABLE: self.token or ""}
            # Makes the tables under a lock, as `tracking.client` does those of MLflow.
            workspace.dagster_instance().dispose()
            return [
                *(sys.executable, "-m", "sluice.cli.servers.dagster_ui", "dev"),
                *("-w", str(self.root / "workspace.yaml")),
                *("-h", self.hosts[name], "-p", str(port)),
            ], environment
        tracking = workspace.resource("tracking")
        tracking.client()
        environment["MLFLOW_BACKEND_STORE_URI"] = str(tracking.tracking_uri)
        return [
            *(sys.executable, "-m", "mlflow", "server"),
            *("--host", HOST, "--port", str(port), "--workers", "1"),
        ], environment

    def _log(self, name: str) -> Path:
        from resources.paths import home

        folder = Path(home()) / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name.split()[0].lower()}.log"

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command, environment = self._command(name)
        path = self._log(name)
        path.write_bytes(b"")
        log: IO[bytes]
        # Appending: a log that is emptied while the server runs would else begin with NUL bytes.
        with path.open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we end the whole group.
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_until_up(self, name: str, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            try:
                self._ask(name)
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        raise SluiceError(
            f"The {name} did not come up at {self.addresses[name]}; its log is {self._log(name)}."
        )

    def _ask(self, name: str, **headers: str) -> None:
        host = HOST if self.hosts[name] in _EVERY_ADDRESS else self.hosts[name]
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        address = f"http://{_in_url(host)}:{self.ports[name]}"
        request = urllib.request.Request(address, headers=headers)
        # Whatever proxy the environment names has no business here.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=5).close()

    def _check_guard(self, name: str) -> None:
        """Refuse to go on with a server that answers to any name: it would serve any website.

        Raises
        ------
        SluiceError
        """
        try:
            self._ask(name, Host="website.invalid")
        except urllib.error.HTTPError as error:
            if error.code == FORBIDDEN:
                return
        except OSError as error:
            raise SluiceError(f"The {name} stopped answering: {error}.") from None
        raise SluiceError(
            f"The {name} came up without the check that keeps websites away from it, and was "
            "stopped. Install the versions in constraints.txt with `make setup`, and set no "
            "variable that switches MLflow's own check off."
        )

    def _watch(self, started: dict[str, subprocess.Popen[bytes]]) -> None:
        while True:
            for name, process in started.items():
                if process.poll() is not None:
                    raise SluiceError(f"The {name} ended by itself; its log is {self._log(name)}.")
            time.sleep(0.5)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _token(host: str, allowed: tuple[str, ...]) -> str | None:
    """Return the token to ask for: the environment's, or a new one where others may connect."""
    given = os.environ.get("SLUICE_TOKEN", "")
    if given and (len(given) < SHORTEST_TOKEN or not given.isascii() or not given.isprintable()):
        raise ConfigError(
            f"SLUICE_TOKEN is too weak or cannot be sent: give it at least {SHORTEST_TOKEN} "
            "letters, digits and signs, or unset it and one is made."
        )
    names = {name.partition(":")[0] if name.count(":") == 1 else name for name in (host, *allowed)}
    if given or names <= {*LOOPBACK_NAMES, "::1"}:
        return given or None
    return secrets.token_urlsafe(32)


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
    port: Port = 3000,
    mlflow_port: MlflowPort = 5000,
    host: Annotated[
        str,
        typer.Option(
            envvar="SLUICE_HOST",
            help="Address of the Dagster UI, for example 0.0.0.0. Beyond loopback it asks for a "
            "token: the one in SLUICE_TOKEN, or one that is made and printed.",
        ),
    ] = HOST,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SLUICE_HOSTS",
            help="Another name (or name:port) that the Dagster UI is reached by, for example of a "
            "proxy. May be given more than once.",
        ),
    ] = None,
) -> None:
    """Serve the Dagster UI and the MLflow UI until Ctrl-C, on loopback where not told otherwise."""
    servers = Servers(workspace.enter(), port, mlflow_port, host, tuple(allow_host or ()))
    servers.check_ports()
    servers.run()
