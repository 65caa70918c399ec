"""Who may ask for what: the token, where a request comes from, how much of it is read, and what a page may load.

One piece of middleware before everything else, so that no address can be forgotten.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect

from vertumnus.errors import VertumnusError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY = 4 << 20  # bytes of a request that brings no files
MOST_UPLOAD = 512 << 20  # bytes of one that does
MOST_REQUESTS = 1_000  # a second, of all clients together
LOGIN_SECONDS = 10.0  # for a password to be sent
MOST_GUESSES = 5  # of the password in a minute
LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self';"
    " connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Vertumnus studio</title>
<meta name="viewport" content="width=device-width"><h1>Vertumnus studio</h1><p>{said}</p>
<form method="post" action="{prefix}/login"><label>Password <input type="password" name="password" autofocus
autocomplete="current-password"></label> <button>Open</button></form></html>"""
CLOSED = (
    "Open the link that the studio printed when it started; it holds the token that this page needs."
    " (A link that was opened from another site has to be opened once more.)"
)


@dataclass
class Gate:
    """What a server lets in.

    hosts      (name, port) under which it is asked; port None for any
    token      that every request has to bring
    prefix     of all addresses, behind a proxy
    password   that gives the token to a browser, or None
    """

    hosts: set[tuple[str, int | None]]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    prefix: str = ""
    password: str | None = None
    port: int = 0
    recent: deque[float] = field(default_factory=deque)
    guesses: deque[float] = field(default_factory=deque)

    @property
    def cookie(self) -> str:
        """The cookie's name: browsers keep cookies by host, whatever the port."""
        return f"vertumnus_{self.port}"

    def knows_host(self, named: str) -> bool:
        """Whether a Host header names this server: a name that was made to point here does not."""
        host, port = split_host(named)
        return (host, port) in self.hosts or (host, None) in self.hosts

    def knows_origin(self, origin: str) -> bool:
        """Whether a page of that origin is this server's own."""
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and bool(parts.netloc) and self.knows_host(parts.netloc)

    def is_token(self, given: str) -> bool:
        """Compares in a time that tells nothing."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def busy(self, now: float, most: int = MOST_REQUESTS) -> bool:
        """Counts a request; whether there are too many in a second."""
        return _too_many(self.recent, now, 1.0, most)

    def guess(self, password: str, now: float) -> bool:
        """Whether that is the password; no more than some guesses in a minute are looked at."""
        if self.password is None or _too_many(self.guesses, now, 60.0, MOST_GUESSES):
            return False
        return hmac.compare_digest(password.encode(), self.password.encode())


def _too_many(times: deque[float], now: float, span: float, most: int) -> bool:
    while times and times[0] <= now - span:
        times.popleft()
    if len(times) >= most:
        return True
    times.append(now)
    return False


def split_host(named: str) -> tuple[str, int | None]:
    """The name and port of a Host header.

    >>> split_host("[::1]:8000"), split_host("localhost")
    (('::1', 8000), ('localhost', None))
    """
    try:
        parts = urlsplit(f"//{named}")
        return (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "", None


def hosts_of(host: str, port: int, also: Iterable[str] = ()) -> set[tuple[str, int | None]]:
    """The names under which a server that is bound to ``host`` may be asked.

    also   further names, as a proxy's, ``name`` or ``name:port``
    """
    known = {(name, port) for name in LOOPBACK} if host in LOOPBACK else {(host.lower(), port)}
    found: set[tuple[str, int | None]] = set(known)
    if port in (80, 443):
        found |= {(name, None) for name, _ in known}
    for name in also:
        named, given = split_host(name.lower())
        found.add((named, given))
        if given is None:
            found.add((named, port))
    return found


class TooMuch(Exception):  # noqa: N818 - it is no error of ours
    """More bytes came than are read."""


class Guard:
    """The middleware: `gate` before ``app``."""

    def __init__(self, app: App, gate: Gate) -> None:
        self.app, self.gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        reason = self._reason(scope, headers)
        if reason is None and scope["type"] == "http":
            answered = await self._way_in(scope, headers, receive, send)
            if answered:
                return
            if not self._allowed(headers):
                reason = 401, CLOSED
        elif reason is None and not self._allowed(headers):
            reason = 401, CLOSED
        if reason is not None:
            await _refuse(scope, receive, send, *reason)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        most = MOST_UPLOAD if scope["path"].endswith("/uploads") else MOST_BODY
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await _refuse(scope, receive, send, 413, f"at most {most:,} bytes are taken at once")
            return
        await self._bounded(scope, receive, send, most)

    def _reason(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        if self.gate.busy(monotonic()):
            return 429, "too many requests"
        if not self.gate.knows_host(headers.get("host", "")):
            return 421, "this server has another name"
        origin = headers.get("origin")
        needed = scope["type"] == "websocket" and "authorization" not in headers
        if origin is None and needed:
            return 403, "a page says where it comes from"
        if origin is not None and not self.gate.knows_origin(origin):
            return 403, "the request comes from another site"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope.get("method") != "GET":
            return 403, "the request comes from another site"
        return None

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.gate.is_token(given.strip())
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self.gate.cookie)
        except CookieError:
            return False
        return cookie is not None and self.gate.is_token(cookie.value)

    async def _way_in(self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send) -> bool:
        """The link with the token, and the password's page; whether the request was answered."""
        gate = self.gate
        path = scope["path"].removeprefix(gate.prefix)
        if scope["method"] == "GET" and path in ("/", ""):
            given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
            if given and gate.is_token(given):
                await self._enter(send)
                return True
            if gate.password is not None and not self._allowed(headers):
                await _page(send, 200, "This studio asks for its password.", gate.prefix)
                return True
        if scope["method"] == "POST" and path == "/login" and gate.password is not None:
            try:
                async with asyncio.timeout(LOGIN_SECONDS):
                    body = await _body(receive, 4096)
            except TimeoutError:
                await _refuse(scope, receive, send, 408, "the password did not come")
                return True
            given = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
            if gate.guess(given, monotonic()):
                await self._enter(send)
            else:
                await _page(send, 403, "That was not it, or there were too many tries; wait a minute.", gate.prefix)
            return True
        return False

    async def _enter(self, send: Send) -> None:
        path = f"{self.gate.prefix}/"
        cookie = f"{self.gate.cookie}={self.gate.token}; HttpOnly; SameSite=Strict; Path={path}"
        headers = [(b"location", path.encode()), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": [*headers, *HEADERS]})
        await send({"type": "http.response.body", "body": b""})

    async def _bounded(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        taken, begun, over = 0, False, False

        async def counted() -> MutableMapping[str, Any]:
            nonlocal taken, over
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > most:
                    over = True
                    if not begun:
                        await _refuse(scope, receive, send, 413, f"at most {most:,} bytes are taken at once")
                    raise TooMuch
            return message

        async def marked(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if over:  # what is said of that has been said
                return
            if message["type"] == "http.response.start":
                begun = True
                own = {name for name, _ in message.get("headers", [])}
                message["headers"] = [*message.get("headers", []), *(one for one in HEADERS if one[0] not in own)]
            await send(message)

        try:
            await self.app(scope, counted, marked)
        except (TooMuch, ClientDisconnect):  # who goes in the middle is told nothing
            return


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by name; of one that comes twice both, so that nothing is known that is not said once."""
    found: dict[str, str] = {}
    for name, value in scope.get("headers", []):
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        found[key] = f"{found[key]}; {text}" if key == "cookie" and key in found else (
            f"{found[key]}, {text}" if key in found else text
        )  # fmt: skip
    return found


async def _body(receive: Receive, most: int) -> bytes:
    data = b""
    while len(data) <= most:
        message = await receive()
        data += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    return data[:most]


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": sentence[:120]})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *HEADERS]
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{sentence}\n".encode()})


async def _page(send: Send, status: int, said: str, prefix: str) -> None:
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": LOGIN.format(said=said, prefix=prefix).encode()})


def inside(root: Path, name: str) -> Path:
    """The path of a name within a folder. No link is followed on the way, and nothing hidden is opened.

    Raises `VertumnusError` for a name that leaves the folder, is hidden or goes through a link.
    """
    relative = PurePosixPath(name)
    parts = relative.parts
    if not parts or relative.is_absolute() or "\\" in name or "\0" in name or len(name) > 1000:
        raise VertumnusError("path: must be a name within the folder that the studio was opened on")
    path = root
    for part in parts:
        if part == ".." or part.startswith(".") or ":" in part:
            raise VertumnusError("path: must be a name within the folder that the studio was opened on")
        path = path / part
        if path.is_symlink():
            raise VertumnusError(f"{name}: is a link, which is not followed")
    if not path.resolve().is_relative_to(root.resolve()):
        raise VertumnusError("path: must be a name within the folder that the studio was opened on")
    return path
