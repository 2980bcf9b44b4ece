"""`sluice serve` in a process of its own, for the tests that use it as a person does."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

SLUICE = [sys.executable, "-m", "sluice.cli"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """`sluice serve` in a process of its own, and its GraphQL."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.port, self.mlflow_port = free_port(), free_port()
        self.folder = folder
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(*SLUICE, "serve", "--port", str(self.port)),
                    *("--mlflow-port", str(self.mlflow_port)),
                ],
                cwd=root,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "SLUICE_SENSOR_SECONDS": "5"},
            )

    def until(self, what: str, found: Callable[[], Any], seconds: float = 240) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                value = found()
            except OSError:
                value = None
            if value:
                return value
            time.sleep(1)
        raise AssertionError(f"no {what} within {seconds} s\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(p.read_text()[-4000:] for p in self.folder.rglob("*.log"))

    def ask(self, query: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def status(
        self, port: int, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, str]:
        """Send a request as it is; return the status and the text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, given)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, text

    def runs(self) -> list[dict[str, Any]]:
        query = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
        found = self.ask(query)["runsOrError"]["results"]
        for run in found:
            assert run["status"] != "FAILURE", self.logs()
        return found

    def successes(self, count: int) -> bool:
        return [run["status"] for run in self.runs()].count("SUCCESS") >= count

    def stop(self) -> int:
        """Press Ctrl-C and wait, so that the servers go with their starter."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)
