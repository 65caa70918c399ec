"""The studio's addresses: documents, pictures, uploads, icons, exports; and the page."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from vertumnus.document.collage import Collage
from vertumnus.document.pictures import Pictures
from vertumnus.elements.icons import ALIASES as ICON_ALIASES
from vertumnus.elements.icons import icon_element, icon_names
from vertumnus.errors import VertumnusError
from vertumnus.shapes import BUILT_IN, WHOLE
from vertumnus.studio.channel import channel, fault, refusal
from vertumnus.studio.choices import schema_of
from vertumnus.studio.examples import EXAMPLES
from vertumnus.studio.exports import ALIASES, TYPES, again_line, export, plain_name
from vertumnus.studio.folder import Folder
from vertumnus.studio.pictures import Thumbnails
from vertumnus.studio.safety import App, Gate, Guard
from vertumnus.studio.schema import read_command
from vertumnus.studio.uploads import MOST_BYTES, MOST_FILES

STATIC = Path(__file__).parent / "static"
FOREVER = "private, max-age=31536000, immutable"
MOST_ICONS = 200  # names in one answer
CHUNK = 1 << 20
NOT_THERE = re.compile(r"there is no such (?!field|option)")

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(folder: Folder, gate: Gate) -> App:
    """The ASGI application of a studio.

    folder   the documents
    gate     who is let in
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await folder.close()

    app = Starlette(
        routes=_routes(), lifespan=lifespan, exception_handlers={VertumnusError: _sentence, Exception: _fault}
    )  # type: ignore[dict-item]
    app.state.folder, app.state.thumbnails = folder, Thumbnails()
    app.state.exporting = asyncio.Semaphore(2)
    return Guard(_Under(app, gate.prefix), gate)


class _Under:
    """The application under a prefix, as behind a proxy that keeps it or takes it off."""

    def __init__(self, app: Any, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.prefix and scope["type"] != "lifespan":
            path = scope["path"]
            if path.startswith(f"{self.prefix}/"):
                scope = {**scope, "path": path.removeprefix(self.prefix), "root_path": ""}
        await self.app(scope, receive, send)


def _routes() -> list[BaseRoute]:
    one = "/api/documents/{id:str}"
    return [
        Route("/", _index),
        Route("/api/documents", _documents, methods=["GET"]),
        Route("/api/documents", _new, methods=["POST"]),
        Route("/api/documents/open", _open, methods=["POST"]),
        Route(one, _document, methods=["GET"]),
        Route(f"{one}/close", _close, methods=["POST"]),
        Route(f"{one}/commands", _commands, methods=["POST"]),
        Route(f"{one}/uploads", _uploads, methods=["POST"]),
        Route(f"{one}/uploads/{{upload:str}}", _upload, methods=["GET"]),
        Route("/api/uploads", _uploads, methods=["POST"]),
        Route(f"{one}/images/{{name:str}}", _image, methods=["GET"]),
        Route(f"{one}/originals/{{name:str}}", _original, methods=["GET"]),
        Route(f"{one}/jobs/{{job:str}}/{{index:int}}", _result, methods=["GET"]),
        Route(f"{one}/exports/{{kind:str}}", _export, methods=["GET"]),
        Route(f"{one}/again", _again, methods=["GET"]),
        Route(f"{one}/zoom", _zoom, methods=["GET"]),
        Route(f"{one}/zoom/{{revision:int}}/{{name:path}}", _zoom_file, methods=["GET"]),
        WebSocketRoute(f"{one}/live", channel),
        Route("/api/examples", _examples, methods=["GET"]),
        Route("/api/examples/{name:str}", _example, methods=["POST"]),
        Route("/api/import", _import, methods=["POST"]),
        Route("/api/options/{verb:str}", _options, methods=["GET"]),
        Route("/api/icons", _icons, methods=["GET"]),
        Route("/api/icons/{name:str}", _icon, methods=["GET"]),
        Route("/api/shapes", _shapes, methods=["GET"]),
        Mount("/static", StaticFiles(directory=STATIC, check_dir=False)),
    ]


def _folder(request: Request) -> Folder:
    found: Folder = request.app.state.folder
    return found


async def _sentence(request: Request, error: Exception) -> Response:
    status = 404 if NOT_THERE.search(str(error)) else 400
    refused = refusal(None, error)  # type: ignore[arg-type]
    return JSONResponse({"message": refused.message, "field": refused.field}, status)


async def _fault(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(fault(error)), "field": None}, 500)


async def _fields(request: Request, known: dict[str, type]) -> dict[str, Any]:
    """The fields of a JSON body. Raises `VertumnusError` for one that is not known or of another type."""
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        raise VertumnusError("the request is not readable JSON") from None
    if not isinstance(given, dict):
        raise VertumnusError("the request must be an object")
    for name, value in given.items():
        if name not in known:
            raise VertumnusError(f"{name}: there is no such field")
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise VertumnusError(f"{name}: must be {'a whole number' if known[name] is int else 'a text'}")
    return given


async def _index(request: Request) -> Response:
    page = STATIC / "index.html"
    if not page.is_file():
        return PlainTextResponse("The studio is running; its page is not installed.")
    return FileResponse(page, headers={"cache-control": "no-cache"})


async def _documents(request: Request) -> Response:
    folder = _folder(request)
    first = None
    if folder.first is not None:
        first = folder.first.relative_to(folder.root).as_posix()
    return JSONResponse({"documents": await run_in_threadpool(folder.listed), "first": first})


async def _new(request: Request) -> Response:
    given = await _fields(request, {"name": str, "width": int, "height": int})
    desk = await _folder(request).empty(
        given.get("name", "Untitled"), given.get("width", 1200), given.get("height", 1200)
    )
    return JSONResponse({"id": desk.id, "name": desk.session.path.stem}, 201)


async def _open(request: Request) -> Response:
    given = await _fields(request, {"path": str})
    if "path" not in given:
        raise VertumnusError("path: this field is missing")
    desk = await _folder(request).open(given["path"])
    return JSONResponse({"id": desk.id, "name": desk.session.path.stem})


async def _document(request: Request) -> Response:
    desk = _folder(request).desk(request.path_params["id"])
    return Response((await desk.welcome(0)).model_dump_json(), media_type="application/json")


async def _close(request: Request) -> Response:
    await _folder(request).shut(request.path_params["id"])
    return JSONResponse({})


async def _commands(request: Request) -> Response:
    desk = _folder(request).desk(request.path_params["id"])
    done = await desk.obey(read_command(await request.body()))
    return Response(done.model_dump_json(), media_type="application/json")


async def _image(request: Request) -> Response:
    desk = _folder(request).desk(request.path_params["id"])
    name = f"elements/{request.path_params['name']}"
    thumbnails: Thumbnails = request.app.state.thumbnails
    data = await run_in_threadpool(thumbnails.png, desk.session.pictures, name, _side(request))
    return Response(data, media_type="image/png", headers={"cache-control": FOREVER})


async def _original(request: Request) -> Response:
    """What a mosaic's tile was cut from, or the tile where that is not there any more."""
    desk = _folder(request).desk(request.path_params["id"])
    name = f"elements/{request.path_params['name']}"
    thumbnails: Thumbnails = request.app.state.thumbnails
    pictures = desk.session.pictures
    data, whole = await run_in_threadpool(desk.originals.png, thumbnails, pictures, name, _side(request))
    keep = FOREVER if whole else "no-store"
    headers = {"cache-control": keep, "x-vertumnus-original": "yes" if whole else "no"}
    return Response(data, media_type="image/png", headers=headers)


async def _uploads(request: Request) -> Response:
    """Every file is written under a name of our own, and checked; one sentence for each that cannot be used."""
    uploads = _folder(request).uploads
    kept: list[dict[str, object]] = []
    refused: list[dict[str, str]] = []
    if "id" in request.path_params:
        _folder(request).desk(request.path_params["id"])
    try:
        form = await request.form(max_files=MOST_FILES, max_fields=10, max_part_size=10_000)
    except HTTPException as error:
        raise VertumnusError(f"the files could not be taken ({error.detail})") from None
    try:
        for _, file in form.multi_items():
            if not isinstance(file, UploadFile):
                continue
            name = file.filename or "upload"
            try:
                path = uploads.place(name)
                await run_in_threadpool(_write, file, path)
                kept.append((await run_in_threadpool(uploads.take, path, name)).shown().model_dump())
            except VertumnusError as error:
                refused.append({"name": name[-200:], "message": str(error)})
    finally:
        await form.close()
    return JSONResponse({"uploads": kept, "refused": refused})


async def _upload(request: Request) -> Response:
    folder = _folder(request)
    folder.desk(request.path_params["id"])
    element = folder.uploads.element(request.path_params["upload"])
    pictures = Pictures()
    element.give_to(pictures)
    thumbnails: Thumbnails = request.app.state.thumbnails
    data = await run_in_threadpool(thumbnails.png, pictures, element.image, _side(request))
    return Response(data, media_type="image/png", headers={"cache-control": FOREVER})


def _side(request: Request) -> int:
    asked = request.query_params.get("side", "8192")
    return int(asked) if asked.isdecimal() and len(asked) < 7 else 0


def _write(file: UploadFile, path: Path) -> None:
    taken = 0
    with path.open("xb") as stream:
        while chunk := file.file.read(CHUNK):
            taken += len(chunk)
            if taken > MOST_BYTES:
                stream.close()
                path.unlink()
                raise VertumnusError(f"{file.filename}: more than {MOST_BYTES >> 20} MB is too much for one file")
            stream.write(chunk)


async def _result(request: Request) -> Response:
    desk = _folder(request).desk(request.path_params["id"])
    path = desk.job(request.path_params["job"]).picture(request.path_params["index"])
    return FileResponse(path, media_type="image/png", headers={"cache-control": FOREVER})


async def _export(request: Request) -> Response:
    """The document as it is, in whatever format; said in a header what it is."""
    folder = _folder(request)
    desk = folder.desk(request.path_params["id"])
    kind, asked = request.path_params["kind"], dict(request.query_params)
    collage = desk.present()
    async with request.app.state.exporting:
        path, said = await run_in_threadpool(
            export, collage, kind, desk.session.path.stem, asked, folder.uploads.folder, desk.film
        )
    return FileResponse(
        path,
        media_type=TYPES.get(ALIASES.get(kind, kind)),
        filename=path.name,
        headers={"x-vertumnus-said": quote(said), "cache-control": "no-store"},
        background=BackgroundTask(shutil.rmtree, path.parent, ignore_errors=True),
    )


async def _again(request: Request) -> Response:
    desk = _folder(request).desk(request.path_params["id"])
    asked = dict(request.query_params)
    kind = asked.pop("format", "png")
    where = desk.session.path.relative_to(_folder(request).root).as_posix()
    return JSONResponse(again_line(where, desk.tool, kind, asked, desk.as_made))


async def _zoom(request: Request) -> Response:
    folder = _folder(request)
    desk = folder.desk(request.path_params["id"])
    collage = desk.present()
    async with request.app.state.exporting:
        address = await run_in_threadpool(folder.zooms.make, desk.id, desk.session.revision, collage)
    return JSONResponse({"dzi": address, "width": collage.width, "height": collage.height})


async def _zoom_file(request: Request) -> Response:
    given = request.path_params
    path = _folder(request).zooms.file(_folder(request).desk(given["id"]).id, given["revision"], given["name"])
    return FileResponse(path, headers={"cache-control": FOREVER})


async def _examples(request: Request) -> Response:
    listed = [
        {"name": name, "title": one.title, "about": one.says, "verb": one.begin["verb"]}
        for name, one in EXAMPLES.items()
    ]
    return JSONResponse(listed)


async def _example(request: Request) -> Response:
    desk, begin = await _folder(request).example(request.path_params["name"])
    return JSONResponse({"id": desk.id, "name": desk.session.path.stem, begin["kind"]: begin}, 201)


async def _import(request: Request) -> Response:
    """A *.collage that was sent becomes a document of the folder."""
    folder = _folder(request)
    upload = folder.uploads.get((await _fields(request, {"upload": str})).get("upload", ""), "collage")
    collage = await run_in_threadpool(Collage.load, upload.path)
    desk = await folder.new(plain_name(upload.name), collage)
    return JSONResponse({"id": desk.id, "name": desk.session.path.stem}, 201)


async def _options(request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(schema_of, request.path_params["verb"]))


async def _icons(request: Request) -> Response:
    asked = request.query_params.get("q", "").strip().lower()[:100]
    return JSONResponse({"icons": await run_in_threadpool(_found_icons, asked)})


def _found_icons(asked: str) -> list[str]:
    wanted = asked.replace(" ", "-")
    names = [name for name in {*icon_names(), *ICON_ALIASES} if wanted in name.replace(" ", "-")]
    names.sort(key=lambda name: (not name.replace(" ", "-").startswith(wanted), len(name), name))
    return names[:MOST_ICONS]


async def _icon(request: Request) -> Response:
    name = request.path_params["name"]
    colour = request.query_params.get("color", "black")[:100]
    element = await run_in_threadpool(icon_element, name[:200], colour)
    assert isinstance(element.source, bytes)
    return Response(element.source, media_type="image/png", headers={"cache-control": "private, max-age=86400"})


async def _shapes(request: Request) -> Response:
    return JSONResponse({"shapes": [*BUILT_IN, WHOLE]})
