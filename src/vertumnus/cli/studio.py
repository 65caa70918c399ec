"""``vertumnus studio``: the editor in the browser."""

from __future__ import annotations

import ipaddress
import socket
import sys
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vertumnus.errors import VertumnusError
from vertumnus.limits import check_whole
from vertumnus.reading import read_text

if TYPE_CHECKING:
    from vertumnus.studio.safety import Gate

NEEDS = ("starlette", "uvicorn", "websockets", "python_multipart")
LONG_ENOUGH = 8  # characters of a password


def studio(
    place: Path | None = None,
    /,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    password_file: Path | None = None,
    prefix: str = "",
    allow_host: list[str] | None = None,
    ray: str | None = None,
    browser: bool = True,
) -> None:
    """Edit collages in the browser, by hand and while they are being packed or composed.

    Example: vertumnus studio love.collage

    Parameters
    ----------
    place
        A *.collage file, or a folder of them; by default the present folder. Nothing outside the folder is read or
        written.
    port
        To listen on; 0 for any that is free.
    host
        The address to listen on. Another than this machine's own needs --password-file.
    password_file
        A file whose first line is the password that browsers are asked for.
    prefix
        Of all addresses, behind a proxy: /collages.
    allow_host
        A name, or name:port, under which a proxy asks, once for each.
    ray
        Mosaics are made on a Ray cluster: its address, or local.
    browser
        Open the link in the browser.
    """
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise VertumnusError(f"studio: needs {', '.join(missing)}; pip install 'vertumnus[studio]'")
    check_whole("--port", port, 0, 65_535)
    password = _password(host, password_file)
    prefix = _prefix(prefix)
    root, first = _place(place or Path())
    listening = _listen(host, port)
    with listening:
        from vertumnus.studio.app import make_app
        from vertumnus.studio.folder import Folder
        from vertumnus.studio.safety import Gate, hosts_of

        port = listening.getsockname()[1]
        gate = Gate(hosts_of(host, port, allow_host or ()), prefix=prefix, password=password, port=port)
        folder = Folder(root, first)
        folder.ray = ray
        app = make_app(folder, gate)
        link = _link(host, gate)
        print(link, flush=True)
        if password is not None:
            print(
                f"vertumnus: every machine that reaches {host} can ask for this studio; whoever knows the password or"
                f" the link can read and change the collages in {root}, and nothing is encrypted on the way: put a"
                " proxy with TLS before it",
                file=sys.stderr,
            )
        if browser:
            webbrowser.open(link)
        _serve(app, listening)


def _serve(app: object, listening: socket.socket) -> None:
    import uvicorn

    from vertumnus.studio.lines import patient_protocol

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,
        lifespan="on",
        http=patient_protocol(),
        ws="websockets-sansio",
        ws_max_size=4 << 20,
        ws_max_queue=64,
        ws_ping_interval=30,
        ws_ping_timeout=120,  # a machine that packs may leave a browser waiting
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)  # whoever follows the link waits until there is an answer
    except OSError as error:
        listening.close()
        raise VertumnusError(f"--host: {host}:{port} cannot be listened on ({error.strerror or error})") from None
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _password(host: str, file: Path | None) -> str | None:
    if file is None:
        if not _is_loopback(host):
            raise VertumnusError(
                f"--host: {host} lets other machines ask for the studio; say with --password-file which password they"
                " have to know"
            )
        return None
    password = (read_text(file, 4096).splitlines() or [""])[0].strip()
    if len(password) < LONG_ENOUGH:
        raise VertumnusError(f"{file}: the password needs at least {LONG_ENOUGH} characters, in the first line")
    return password


def _prefix(prefix: str) -> str:
    parts = [part for part in prefix.split("/") if part]
    if any(not part.replace("-", "").replace("_", "").isalnum() or not part.isascii() for part in parts):
        raise VertumnusError(f"--prefix: {prefix!r} is not a path of letters, digits, - and _; write /collages")
    return "".join(f"/{part}" for part in parts)


def _place(place: Path) -> tuple[Path, Path | None]:
    """The folder, and the document in it that is shown first."""
    if place.is_dir():
        listing = place / "collage.json"
        return (place.resolve(), listing.resolve()) if listing.is_file() else (place.resolve(), None)
    if not place.is_file():
        raise VertumnusError(f"{place}: there is no such file or folder")
    if place.suffix != ".collage" and place.name != "collage.json":
        raise VertumnusError(f"{place}: is not a collage; vertumnus open makes one of an SVG, .ora or .psd")
    found = place.resolve()
    return found.parent, found


def _link(host: str, gate: Gate) -> str:
    shown = "127.0.0.1" if _is_loopback(host) and ":" not in host else host
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{gate.port}{gate.prefix}/?token={gate.token}"
