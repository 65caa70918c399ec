"""The folder that a studio was opened on: its documents, and those of them that are open."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vertumnus.document.bundle import JSON_NAME
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.limits import check_canvas
from vertumnus.studio.crew import Crew
from vertumnus.studio.desk import Desk
from vertumnus.studio.examples import example
from vertumnus.studio.safety import inside
from vertumnus.studio.session import Session
from vertumnus.studio.uploads import Uploads
from vertumnus.studio.zoom import Zooms

MOST_LISTED = 1_000
MOST_OPEN = 32
DEEP = 3  # folders within the folder
NAME = re.compile(r"[\w][\w .,()+-]{0,99}")


class Folder:
    """The documents of a folder.

    root    what is outside of it is not touched
    first   the document to show at once, if the studio was opened on one
    recorder   told of everything that changes a document, see `vertumnus.studio.replay`
    """

    def __init__(self, root: Path, first: Path | None = None, recorder: Callable[[Any], None] | None = None) -> None:
        self.root, self.first, self.recorder = root.resolve(), first, recorder
        self.ray: str | None = None  # the cluster that mosaics are made on
        self.desks: dict[str, Desk] = {}
        self.uploads, self.crew = Uploads(), Crew()
        self.zooms = Zooms(self.uploads.folder)
        self._opening = asyncio.Lock()

    def listed(self) -> list[dict[str, Any]]:
        """The documents there are: id, name, path within the folder, and when they were changed."""
        found = []
        for path in _documents(self.root, DEEP):
            where = path.relative_to(self.root).as_posix()
            name = path.parent.name if path.name == JSON_NAME else path.stem
            found.append(
                {"id": identity_of(where), "name": name, "path": where, "changed": path.stat().st_mtime,
                 "open": identity_of(where) in self.desks}
            )  # fmt: skip
            if len(found) >= MOST_LISTED:
                break
        return found

    def desk(self, identity: str) -> Desk:
        """A document that is open. Raises `VertumnusError` if it is not."""
        found = self.desks.get(identity)
        if found is None:
            raise VertumnusError(f"{identity}: there is no such document open")
        return found

    async def open(self, name: str) -> Desk:
        """Opens the document of that path within the folder.

        Raises `VertumnusError` if the path leaves the folder or there is no document.
        """
        path = inside(self.root, name)
        if path.is_dir():
            path = inside(self.root, f"{name}/{JSON_NAME}")
        if path.suffix != ".collage" and path.name != JSON_NAME:
            raise VertumnusError(f"{name}: is not a collage: *.collage, or a folder that holds a {JSON_NAME}")
        async with self._opening:
            identity = identity_of(path.relative_to(self.root).as_posix())
            if identity not in self.desks:
                self._room()
                try:
                    session = await asyncio.to_thread(Session.open, path)
                except VertumnusError as error:
                    raise VertumnusError(str(error).replace(str(path), name)) from None
                self._put(identity, session)
            return self.desks[identity]

    async def new(self, name: str, collage: Collage) -> Desk:
        """A new document of that name, or of it with a number, saved at once.

        Raises `VertumnusError` for a name that is none.
        """
        if not NAME.fullmatch(name) or name.endswith((" ", ".")):
            raise VertumnusError("name: letters, digits, spaces and . , ( ) + - are what a name is made of")
        async with self._opening:
            self._room()
            path, number = self.root / f"{name}.collage", 1
            while path.exists() or path.is_symlink():
                number += 1
                path = self.root / f"{name} {number}.collage"
            await asyncio.to_thread(collage.save, path)
            session = Session(collage, path)
            identity = identity_of(path.name)
            self._put(identity, session)
            return self.desks[identity]

    def _put(self, identity: str, session: Session) -> None:
        desk = self.desks[identity] = Desk(identity, session, self.uploads, self.crew, self.root)
        desk.recorder, desk.ray = self.recorder, self.ray

    async def empty(self, name: str, width: int, height: int) -> Desk:
        """A new document without layers."""
        width, height = check_canvas((width, height))
        return await self.new(name, Collage(width=width, height=height, background="white"))

    async def example(self, name: str) -> tuple[Desk, dict[str, Any]]:
        """A new document that an example sets up, and the command that sets it going."""
        chosen = example(name)
        return await self.new(chosen.title, await asyncio.to_thread(chosen.prepare)), chosen.begin

    def _room(self) -> None:
        if len(self.desks) >= MOST_OPEN:
            raise VertumnusError(f"{MOST_OPEN} documents are open, and no more can be; close one first")

    async def shut(self, identity: str) -> None:
        """Saves and closes a document."""
        await self.desk(identity).close()
        del self.desks[identity]

    async def close(self) -> None:
        """Saves and closes everything."""
        for desk in list(self.desks.values()):
            await desk.close()
        self.desks.clear()
        self.crew.close()
        self.uploads.close()


def identity_of(path: str) -> str:
    """What a document is called in addresses; the same when the studio is started again."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _documents(folder: Path, deep: int) -> list[Path]:
    """The documents in a folder and those within; nothing hidden, and no link is followed."""
    found: list[Path] = []
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return found
    for path in entries:
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_file() and (path.suffix == ".collage" or path.name == JSON_NAME):
            found.append(path)
        elif path.is_dir() and deep:
            found += _documents(path, deep - 1)
    return found
