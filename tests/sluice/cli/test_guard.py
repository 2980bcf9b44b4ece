"""The guard, in front of Dagster's own web server: what a browser sends from other pages."""

from collections.abc import Iterator

import pytest
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from sluice.cli.servers.guard import Guard, Rules, hosts_of

MUTATION = "mutation { setNuxSeen }"
JSON = {"Content-Type": "application/json"}
TOKEN = "a-token-of-some-length"
HOSTS = hosts_of(("127.0.0.1", "localhost", "::1"), 3000)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    with (
        DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context,
    ):
        yield create_app_from_workspace_process_context(context)


@pytest.fixture
def page(app: object) -> TestClient:
    return TestClient(Guard(app, Rules(HOSTS)), base_url="http://127.0.0.1:3000")


@pytest.fixture
def remote(app: object) -> TestClient:
    rules = Rules(HOSTS | hosts_of(("lab.example",), 3000), TOKEN)
    return TestClient(Guard(app, rules), base_url="http://lab.example:3000")


def test_the_ui_itself_is_served(page: TestClient) -> None:
    same = {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-origin"}
    assert page.get("/").status_code == 200
    assert page.get("/server_info").headers["x-frame-options"] == "SAMEORIGIN"
    for headers in (JSON, {**JSON, **same}, {"Content-Type": "application/json; charset=utf-8"}):
        body = b'{"query": "{ __typename }"}'
        answer = page.post("/graphql", content=body, headers=headers)
        assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("host", ["localhost:3000", "LOCALHOST:3000", "[::1]:3000"])
def test_every_name_of_loopback_is_served(page: TestClient, host: str) -> None:
    assert page.get("/server_info", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:3000", "127.0.0.1:5000", "127.0.0.1", "127.0.0.1.evil:3000",
     "localhost.:3000", "user@127.0.0.1:3000", ""],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/graphql", "/logs/a/b.out", "/download_debug/x"])
def test_another_name_is_refused(page: TestClient, host: str, path: str) -> None:
    answer = page.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert "--allow-host" in answer.text


def test_two_names_are_refused(page: TestClient) -> None:
    both = [("Host", "127.0.0.1:3000"), ("Host", "evil.example")]
    assert page.get("/", headers=both).status_code == 403


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/%67raphql"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_query_in_the_address_runs(page: TestClient, path: str, method: str) -> None:
    for accept in ("*/*", "text/html"):
        answer = page.request(method, path, params={"query": MUTATION}, headers={"Accept": accept})
        assert answer.status_code == 403
        assert "setNuxSeen" not in answer.text


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/graphql", "text/plain; application/json", "text/plain;a=application/json", ""],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/a"])
def test_a_post_is_json_or_nothing(page: TestClient, kind: str, path: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    body = b'{"query": "mutation { setNuxSeen }"}'
    answer = page.post(path, params={"query": MUTATION}, content=body, headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:5000", "http://localhost:3000", "http://[",
     "file://127.0.0.1:3000", "http://127.0.0.1:3000.evil.example"],
)  # fmt: skip
def test_a_page_of_another_origin_gets_nothing(page: TestClient, origin: str) -> None:
    body = b'{"query": "{ version }"}'
    answer = page.post("/graphql", content=body, headers={**JSON, "Origin": origin})
    assert answer.status_code == 403
    assert page.get("/server_info", headers={"Origin": origin}).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        page.websocket_connect("/graphql", headers={"Host": "127.0.0.1:3000", "Origin": origin}),
    ):
        pass


def test_a_websocket_asks_for_name_and_origin(page: TestClient) -> None:
    named = {"Host": "127.0.0.1:3000", "Origin": "http://127.0.0.1:3000"}
    with page.websocket_connect("/graphql", headers=named) as ours:
        ours.send_json({"type": "connection_init"})
        assert ours.receive_json() == {"type": "connection_ack"}
    with (
        pytest.raises(WebSocketDisconnect),
        page.websocket_connect("/graphql", headers={"Host": "evil.example:3000"}),
    ):
        pass


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_but_not_embed(page: TestClient, site: str) -> None:
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert page.get("/runs", headers=link).status_code == 200
    for change in (
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    ):
        assert page.get("/runs", headers={**link, **change}).status_code == 403
    assert page.post("/graphql", content=b"{}", headers={**JSON, **link}).status_code == 403


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(page: TestClient, method: str) -> None:
    answer = page.request(method, "/graphql", headers=JSON)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


def test_beyond_loopback_a_token_is_asked_for(remote: TestClient) -> None:
    for path in ("/", "/graphql", "/logs/a/b.out", "/download_debug/x", "/notebook"):
        assert remote.get(path).status_code == 401
        assert remote.get(path, params={"token": TOKEN[:-1]}).status_code in {401, 403}
    named = {"Host": "lab.example:3000"}
    with (
        pytest.raises(WebSocketDisconnect),
        remote.websocket_connect("/graphql", headers=named),
    ):
        pass
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert remote.get("/server_info", headers=bearer).status_code == 200
    assert (
        remote.get(
            "/server_info", headers={"Authorization": "Bearer ü".encode("latin-1")}
        ).status_code
        == 401
    )
    assert remote.get("/server_info").status_code == 401


def test_a_token_in_the_address_becomes_a_cookie(remote: TestClient) -> None:
    opened = remote.get("/runs", params={"token": TOKEN, "view": "all"}, follow_redirects=False)
    assert opened.status_code == 303
    assert opened.headers["location"] == "/runs?view=all"
    assert "httponly" in opened.headers["set-cookie"].lower()
    assert remote.get("/server_info").status_code == 200
    elsewhere = remote.get("//evil.example/", params={"token": TOKEN}, follow_redirects=False)
    assert not elsewhere.headers.get("location", "").startswith("//")
    rebound = remote.get("/server_info", headers={"Host": "evil.example:3000"})
    assert rebound.status_code == 403


def test_the_address_of_the_connection_is_a_name_too(app: object) -> None:
    client = TestClient(Guard(app, Rules(HOSTS)), base_url="http://192.0.2.7:3000")
    assert client.get("/server_info").status_code == 200
