"""No password of a connection string reaches a person, a log or a page."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_server import programs, server

from resources.lake import Lake, LakeError
from resources.redaction import redacted
from resources.tracking import Tracking, TrackingError

CONNECTIONS = {
    "plain": "host=127.0.0.1 port=1 user=u password=geheimnis dbname=x",
    "quoted": r"host=127.0.0.1 port=1 password='my geheimnis\'s \\ end' user=u dbname=x",
    "spaced": "host=127.0.0.1 port=1 password = geheimnis dbname=x",
    "unknown option": "host=127.0.0.1 password=geheimnis bogus=1",
    "wrong port": "host=127.0.0.1 port=99999 password=geheimnis",
    "unclosed quote": "host=127.0.0.1 port=1 password='geheimnis dbname=x",
    "quote within": "host=127.0.0.1 port=1 password=geheimnis'x",
    "url": "postgresql://u:geheimnis@127.0.0.1:1/x",
    "escaped url": "postgresql://u:my%20geheimnis%40@127.0.0.1:1/x",
    "url not escaped": "postgresql://u:p@geheimnis@127.0.0.1:1/x",
    "url with a slash": "postgresql://u:geheimnis/more@127.0.0.1:1/x",
    "query": "postgresql://127.0.0.1:1/x?user=u&password=geheimnis&sslmode=disable",
    "ssl": "host=127.0.0.1 port=1 sslpassword=geheimnis",
}


@pytest.mark.parametrize("catalog", CONNECTIONS.values(), ids=CONNECTIONS)
def test_no_error_of_the_lake_shows_it(tmp_path: Path, catalog: str) -> None:
    lake = Lake(root=str(tmp_path), catalog=catalog)
    with pytest.raises(LakeError) as caught:
        lake.snapshot()
    said = "".join(traceback.format_exception(caught.value)) + repr(lake) + str(lake)
    assert "geheimnis" not in said
    assert "***" in said
    assert "127.0.0.1" in said


PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=3, max_size=20)


@given(PASSWORDS)
@settings(max_examples=200)
def test_no_password_in_either_form_is_left(password: str) -> None:
    marked = f"geheim{password}nis"
    quoted = marked.replace("\\", "\\\\").replace("'", "\\'")
    for connection in (
        f"host=h password='{quoted}' user=u",
        f"postgresql://u:{quote(marked, safe='')}@h:1/x",
        f"postgresql://h/x?password={quote(marked, safe='')}",
    ):
        sql = connection.replace("'", "''")
        text = f"Unable to connect at \"{connection}\": in ATTACH 'ducklake:postgres:{sql}' AS l"
        assert "geheim" not in redacted(text, connection)
        assert "geheim" not in redacted(connection)
        assert redacted(connection).replace("***", "").strip("'") != ""


def test_what_holds_no_password_stays() -> None:
    for text in (
        'FATAL: password authentication failed for user "u"',
        "http://127.0.0.1:5000/#/experiments/1",
        "sqlite:////home/u@host/mlflow.db",
        "host=127.0.0.1 user=u passfile=/home/u/.pgpass",
    ):
        assert redacted(text) == text


@pytest.mark.parametrize("uri", ["foo://u:geheimnis@h/x", "mysql+nodriver://u:geheimnis@h:1/d"])
def test_no_error_of_mlflow_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    tracking = Tracking(uri=uri)
    with pytest.raises(TrackingError) as caught:
        tracking.client()
    said = "".join(traceback.format_exception(caught.value)) + repr(tracking)
    assert "geheimnis" not in said
    assert "MLFLOW_TRACKING_URI" in str(caught.value)


def test_dagsters_page_of_resources_shows_no_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_CATALOGUE", "host=h password=geheimnis")
    lake = Lake(catalog=dg.EnvVar("A_CATALOGUE"))
    assert lake.catalog == "host=h password=geheimnis"
    for resource in (lake, Lake(catalog="password=geheimnis"), Tracking(uri="a://u:geheimnis@h")):
        repository = dg.Definitions(resources={"it": resource}).get_repository_def()
        snapshot = RepositorySnap.from_def(repository)
        assert "geheimnis" not in str(snapshot)
        (shown,) = [r for r in snapshot.resources if r.name == "it"]
        assert shown.configured_values == {}


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[str]:
    """Start a PostgreSQL server that asks for the password `geheimnis`."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    with server(tmp_path, found, password="geheimnis") as address:
        yield f"{address} dbname=postgres"


@pytest.mark.postgres
def test_the_password_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    wrong = Lake(root=str(tmp_path / "a"), catalog=f"{locked} password=another-secret")
    with pytest.raises(LakeError, match="password authentication failed") as caught:
        wrong.snapshot()
    assert "another-secret" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(LakeError, match="no password supplied"):
        Lake(root=str(tmp_path / "b"), catalog=locked).snapshot()
    monkeypatch.setenv("PGPASSWORD", "geheimnis")
    by_environment = Lake(root=str(tmp_path / "c"), catalog=locked)
    assert by_environment.snapshot() >= 0
    by_environment.close()
    monkeypatch.delenv("PGPASSWORD")
    passwords = tmp_path / "pgpass"
    passwords.write_text("127.0.0.1:*:*:*:geheimnis\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    by_file = Lake(root=str(tmp_path / "c"), catalog=locked)
    assert by_file.snapshot() >= 0
    by_file.close()
