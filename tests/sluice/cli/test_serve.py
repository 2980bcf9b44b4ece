"""What `sluice serve` starts, and what it asks for."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from resources.tracking import Tracking
from sluice.cli import app
from sluice.cli.serve import Servers
from sluice.cli.servers.guard import HOSTS_VARIABLE
from sluice.cli.shared import workspace
from sluice.core.errors import ConfigError


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_DAGSTER_URL", "")
    monkeypatch.setenv("SLUICE_MLFLOW_URL", "")
    monkeypatch.delenv("SLUICE_TOKEN", raising=False)


def test_no_command_line_shows_a_password_or_token(
    root: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{home / 'sluice' / 'mlflow' / 'mlflow.db'}?password=geheimnis"
    monkeypatch.setattr(Tracking, "client", lambda self: None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("SLUICE_TOKEN", "a-token-of-some-length")
    servers = Servers(workspace.enter(), 3000, 5000)
    for name in ("Dagster UI", "MLflow UI"):
        command, environment = servers._command(name)
        assert "geheimnis" not in " ".join(command)
        assert "a-token" not in " ".join(command)
    assert environment["MLFLOW_BACKEND_STORE_URI"] == uri


@pytest.mark.parametrize(
    ("host", "allowed", "asked"),
    [
        ("127.0.0.1", (), False),
        ("localhost", (), False),
        ("::1", (), False),
        ("127.0.0.1", ("localhost:8080",), False),
        ("0.0.0.0", (), True),
        ("::", (), True),
        ("192.0.2.7", (), True),
        ("127.0.0.1", ("lab.example",), True),
    ],
)
def test_beyond_loopback_there_is_always_a_token(
    root: Path, host: str, allowed: tuple[str, ...], asked: bool
) -> None:
    first, second = (Servers(root, 3000, 5000, host, allowed).token for _ in range(2))
    assert bool(first) is asked
    assert first != second or not asked


@pytest.mark.parametrize("token", ["short", "with a line end\nof it", "ümlauts of some length"])
def test_a_weak_token_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("SLUICE_TOKEN", token)
    with pytest.raises(ConfigError, match="SLUICE_TOKEN"):
        Servers(root, 3000, 5000)


def test_two_servers_never_share_a_port(root: Path) -> None:
    with pytest.raises(ConfigError, match="Both UIs are to listen on port 3999"):
        Servers(root, 3999, 3999).check_ports()


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999"])
def test_a_port_that_there_is_not_is_wrong_use(root: Path, port: str) -> None:
    for command in (["serve"], ["run", "d"]):
        result = CliRunner().invoke(app, [*command, "--port", port])
        assert result.exit_code == 2
        assert "or equal to" in " ".join(result.output.split())


def test_a_proxy_with_tls_is_known_by_its_bare_name(
    root: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    servers = Servers(workspace.enter(), 3000, 5000, allowed=("lab.example", "other.example:8443"))
    _, environment = servers._command("Dagster UI")
    served = set(environment[HOSTS_VARIABLE].split())
    assert {"lab.example", "lab.example:443", "lab.example:3000", "other.example:8443"} <= served
    assert not {"127.0.0.1", "localhost", "other.example", "other.example:443"} & served
