"""What `sluice serve` starts, and what it asks for."""

from pathlib import Path

import pytest

from resources.tracking import Tracking
from sluice.cli import workspace
from sluice.cli.serve import Servers
from sluice.errors import ConfigError


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
