"""A check in front of a web server: which hosts, origins, methods and tokens it answers.

A page of any website can make a browser send requests to a server on loopback, and by DNS
rebinding even read the answers. What tells such requests apart is in their headers: the name that
the browser looked up (``Host``), the page that sent them (``Origin``, ``Sec-Fetch-Site``), and the
content type, of which a page of another origin cannot choose JSON without being asked first.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS_VARIABLE = "SLUICE_SERVED_HOSTS"
TOKEN_VARIABLE = "SLUICE_TOKEN"
# Browsers leave them out of the header Host.
DEFAULT_PORTS = (80, 443)

FORBIDDEN = 403
UNAUTHORISED = 401
BAD_METHOD = 405
BAD_CONTENT = 415
SEE_OTHER = 303

# Pages of other origins, those of other ports of this machine too, neither embed nor frame ours.
_HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Rules:
    """What a guard lets through.

    Attributes
    ----------
    hosts : frozenset of str
        Values of the header Host, in lower case and with the port: `name:3000`.
    token : str or None
        Asked for where it is given: in the header Authorization (`Bearer TOKEN`), or once as
        `?token=TOKEN`, which leaves a cookie.
    """

    hosts: frozenset[str]
    token: str | None = None

    @classmethod
    def from_environment(cls) -> Rules:
        """Return what `sluice serve` left in the environment, which `ps` does not show to all."""
        hosts = os.environ.get(HOSTS_VARIABLE, "").split()
        return cls(frozenset(hosts), os.environ.get(TOKEN_VARIABLE) or None)


def hosts_of(names: tuple[str, ...], port: int) -> frozenset[str]:
    """Return names as browsers write them in the header Host, each with a port.

    Parameters
    ----------
    names : tuple of str
        Names or addresses; one with a port of its own keeps it, and those of HTTP and HTTPS are
        left out, too.
    port : int
        The port of the others.
    """
    found: set[str] = set()
    for name in names:
        address = _bracketed(name.strip().lower())
        has_port = address.rpartition(":")[2].isdigit() and not address.endswith("]")
        full = address if has_port else f"{address}:{port}"
        found.add(full)
        bare, _, number = full.rpartition(":")
        if int(number) in DEFAULT_PORTS:
            found.add(bare)
    return frozenset(found)


class Guard:
    """ASGI middleware that refuses what `Rules` do not allow, before the server sees it."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket: with a refusal, or by the server behind."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        answer = self._refusal(asked) or self._without_token(asked)
        if answer is None:
            await self.app(scope, receive, _hardened(send))
        elif scope["type"] == "http":
            await answer(scope, receive, _hardened(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, asked: HTTPConnection) -> Response | None:
        host = _only(asked, "host")
        if host is None or host.lower() not in self.rules.hosts | _own_address(asked):
            return _said(
                FORBIDDEN,
                "This server does not go by the name in the request's header Host. Use the "
                "address that `sluice serve` printed, or name others with --allow-host.",
            )
        origin = asked.headers.get("origin")
        if origin is not None and not _is_of(origin, host):
            return _said(FORBIDDEN, "A page of another origin asked: refused.")
        if asked.scope["type"] == "websocket":
            return None
        return _wrong_site(asked) or _wrong_form(asked)

    def _without_token(self, asked: HTTPConnection) -> Response | None:
        """Return an answer to a request that has no token yet, or None where it has."""
        token = self.rules.token
        if token is None:
            return None
        # Cookies are shared by all ports of a host.
        cookie = f"sluice-token-{(asked.scope.get('server') or ('', 0))[1]}"
        scheme, _, given = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), token):
            return None
        if _same(asked.cookies.get(cookie, ""), token):
            return None
        if _same(asked.query_params.get("token", ""), token) and _method(asked) == "GET":
            # The token does not stay in the address bar.
            rest = [pair for pair in asked.query_params.multi_items() if pair[0] != "token"]
            path = "/" + asked.url.path.lstrip("/")
            answer = RedirectResponse(path + ("?" + urlencode(rest) if rest else ""), SEE_OTHER)
            answer.set_cookie(cookie, token, httponly=True, samesite="lax")
            return answer
        return _said(
            UNAUTHORISED,
            "This server asks for its token: open the address with ?token= that `sluice serve` "
            "printed, or send the header Authorization: Bearer TOKEN.",
        )


def _wrong_site(asked: HTTPConnection) -> Response | None:
    """Refuse what a page of another site asks for, unless it is a link that a person follows."""
    header = asked.headers.get
    if header("sec-fetch-site", "none").lower() in {"same-origin", "none"}:
        return None
    link = header("sec-fetch-mode") == "navigate" and header("sec-fetch-dest") == "document"
    if link and _method(asked) in {"GET", "HEAD"}:
        return None
    return _said(FORBIDDEN, "A page of another site asked: refused.")


def _wrong_form(asked: HTTPConnection) -> Response | None:
    method = _method(asked)
    if method == "POST":
        kind = (_only(asked, "content-type") or "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return None
        return _said(BAD_CONTENT, "A POST must have the content type application/json.")
    if method not in {"GET", "HEAD"}:
        return _said(BAD_METHOD, "Only GET, HEAD and POST are answered.")
    if asked.scope["path"].rstrip("/") == "/graphql" and asked.query_params:
        return _said(FORBIDDEN, "GraphQL is asked by POST, with the query as JSON in the body.")
    return None


def _hardened(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return sent


def _said(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status)


def _method(asked: HTTPConnection) -> str:
    return asked.scope["method"].upper()


def _only(asked: HTTPConnection, name: str) -> str | None:
    """Return a header that is there once; two might be read differently behind."""
    values = asked.headers.getlist(name)
    return values[0].strip() if len(values) == 1 else None


def _own_address(asked: HTTPConnection) -> frozenset[str]:
    """Return the address that the connection came in by: no name was looked up for it."""
    server = asked.scope.get("server")
    if not server or server[1] is None:
        return frozenset()
    try:
        address = ipaddress.ip_address(server[0])
    except ValueError:
        return frozenset()
    mapped = getattr(address, "ipv4_mapped", None)
    return hosts_of((str(mapped or address),), server[1])


def _is_of(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def _bracketed(name: str) -> str:
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
