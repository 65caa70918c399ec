"""`Desk`: an open document with the browsers that look at it, its run, its jobs and its saving."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.studio import schema
from vertumnus.studio.crew import Crew
from vertumnus.studio.fetching import fetch, needs_time
from vertumnus.studio.film import Film
from vertumnus.studio.frames import Poses
from vertumnus.studio.live import Live, RunEndedError
from vertumnus.studio.obeying import EDITING, Fetched, obey
from vertumnus.studio.originals import Originals
from vertumnus.studio.safety import inside
from vertumnus.studio.schema import Command, Done, LayerEdit, Message
from vertumnus.studio.session import Session
from vertumnus.studio.uploads import Uploads
from vertumnus.studio.work import Work

log = logging.getLogger("vertumnus.studio")
SAVE_AFTER = 1.0  # seconds after the first change that is not on disk; writing takes the rest of two at most
SAVE_AGAIN = 10.0  # seconds until another try after one that failed
MOST_WAITING = 4_000  # messages for a client that does not read them
MOST_JOBS = 20  # that are remembered
FRAMES_AHEAD = 2  # that a client has not said it has shown


class Client:
    """A browser, or a script: what is to be sent to it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.texts: deque[str] = deque()
        self.frame: tuple[int, bytes] | None = None
        self.ahead: deque[int] = deque()
        self.wake = asyncio.Event()
        self.lost = False

    def tell(self, message: Message) -> None:
        """Queues a message; a client that reads none for long is given up."""
        self.tell_text(message.model_dump_json())

    def tell_text(self, text: str) -> None:
        """As `tell`, of one that is written already."""
        if len(self.texts) >= MOST_WAITING:
            self.lost = True
        else:
            self.texts.append(text)
        self.wake.set()

    def show(self, step: int, frame: bytes) -> None:
        """The newest poses, in place of older ones that were not sent."""
        self.frame = step, frame
        self.wake.set()

    def shown(self, step: int) -> None:
        """The client has shown the poses of a step, and all before."""
        if step in self.ahead:
            while self.ahead.popleft() != step:
                pass
        self.wake.set()

    async def next(self) -> str | bytes | None:
        """What to send now; None to give up."""
        while True:
            if self.lost:
                return None
            if self.texts:
                return self.texts.popleft()
            if self.frame is not None and len(self.ahead) < FRAMES_AHEAD:
                (step, frame), self.frame = self.frame, None
                self.ahead.append(step)
                return frame
            self.wake.clear()
            await self.wake.wait()


class Desk:
    """One document that is open.

    id       of the document, in addresses
    session  the document and its history
    """

    def __init__(self, identity: str, session: Session, uploads: Uploads, crew: Crew, root: Path) -> None:
        self.id, self.session, self.uploads, self.crew, self.root = identity, session, uploads, crew, root
        self.clients: set[Client] = set()
        self.jobs: dict[str, Work] = {}
        self.originals = Originals()
        self.live: Live | None = None
        self.ran: schema.RunShown | None = None
        self.filmed: Film | None = None
        self.runs = 0
        self.ray: str | None = None
        self.recorder: Callable[[dict[str, Any]], None] | None = None
        self._numbers = self._jobs = 0
        self._steps_told = session.history()
        self._saving: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def present(self) -> Collage:
        """The document as it is now, in the middle of a run too."""
        if self.live is not None:
            self.live.refresh()
        return self.session.collage()

    @property
    def film(self) -> Film | None:
        """Of the run that goes on, or of the last one that came to an end."""
        return self.live.film if self.live is not None else self.filmed

    @property
    def tool(self) -> str | None:
        """What made the document, if anything did."""
        made = self.session.state.canvas["made_by"]
        return None if made is None else str(made.tool)

    @property
    def as_made(self) -> bool | None:
        """Whether ``vertumnus again`` makes the same; None if that is not known, as of a document just opened."""
        if self.session.state.canvas["made_by"] is None:
            return False
        if not self.session.revision:
            return None
        return self.session.as_made

    # Browsers.

    async def join(self) -> Client:
        """A new client, welcomed."""
        self._numbers += 1
        client = Client(self._numbers)
        self.tell_news()
        client.tell(await self.welcome(client.number))
        self.clients.add(client)
        return client

    async def welcome(self, number: int) -> schema.Welcome:
        """Everything there is."""
        session = self.session
        if self.live is not None:
            self.live.refresh()
        return schema.Welcome(
            document=session.shown(self.id)(),
            history=session.history(),
            revision=session.revision,
            saved=session.saved,
            run=self.live.shown if self.live is not None else self.ran,
            jobs=[work.shown for work in self.jobs.values()],
            client=number,
        )

    def leave(self, client: Client) -> None:
        """A client is gone; what it left in the middle of a drag becomes a step."""
        self.clients.discard(client)
        if not self.clients:
            if self.live is not None:
                self.live.let_go()
            elif self.session.dragging:
                self.session.settle()
                if self.recorder is not None:
                    self.recorder({"settled": True})
                self.tell_news()

    def tell(self, message: Message) -> None:
        """Tells everybody."""
        if self.clients:
            text = message.model_dump_json()
            for client in self.clients:
                client.tell_text(text)

    def tell_news(self, by: int | None = None, transient: bool = False) -> None:
        """Tells everybody what has changed, and lets it be saved."""
        news = self.session.news()
        if news is not None:
            self.tell(schema.Changed.model_construct(**news, by=by, transient=transient))
            self._save_soon(SAVE_AFTER)
        steps = self.session.history()
        if steps != self._steps_told:
            self._steps_told = steps
            self.tell(schema.History(steps=steps.steps, at=steps.at))

    # Commands.

    async def obey(self, command: Command, client: Client | None = None) -> Done:
        """Does what a command says. Raises `VertumnusError` if it cannot be done."""
        by = client.number if client is not None else None
        told = await self._do(command)
        transient = isinstance(command, schema.Edit) and command.transient
        self.tell_news(by, transient)
        return Done(seq=command.seq, revision=self.session.revision, **(told or {}))

    async def _do(self, command: Command) -> dict[str, Any] | None:
        try:
            return await self._done(command)
        except RunEndedError:  # before it heard: what it made is told instead
            if isinstance(command, schema.Stop | schema.Option):
                return None
            return await self._done(command)

    async def _done(self, command: Command) -> dict[str, Any] | None:
        session, live = self.session, self.live
        if isinstance(command, EDITING):
            got = await self._fetch(command)
            if self.live is not None:
                ids: list[str] | None = await self.live.obey(command, got)
            else:
                first = session.next_id
                ids = obey(session, command, got)
                self.record(command, first=first)
            return {"ids": ids} if isinstance(command, schema.Add) else None
        if isinstance(command, schema.Undo | schema.Redo | schema.Go):
            if live is None:
                obey(session, command, Fetched())
                self.record(command)
            elif isinstance(command, schema.Undo):
                await live.undo()
            elif isinstance(command, schema.Redo):
                await live.redo()
            else:
                await live.go(command.step)
        elif isinstance(command, schema.Run):
            if live is not None:
                raise VertumnusError("run: one is going on already; stop it first")
            self.live = Live(self, self.crew, command, self.uploads.files())
        elif isinstance(command, schema.Option):
            await self._running().obey(command, Fetched())
        elif isinstance(command, schema.Pause | schema.Resume):
            self._running().hold(isinstance(command, schema.Pause))
        elif isinstance(command, schema.Stop):
            await self._running().stop()
        elif isinstance(command, schema.Job):
            return {"job": await self._begin(command)}
        elif isinstance(command, schema.Cancel):
            self.job(command.job).cancel()
        elif isinstance(command, schema.Choose):
            if live is not None:
                raise VertumnusError("choose: something is running; stop it first")
            return {"ids": self.job(command.job).choose(command.index)}
        elif isinstance(command, schema.Save):
            await self.save()
        elif not isinstance(command, schema.Ping):
            raise VertumnusError(f"{command.kind}: is no command")
        return None

    async def _begin(self, command: schema.Job) -> str:
        """Begins a job, and returns what it is called."""
        files = self.uploads.files()
        tiles = command.options.get("tiles")
        named = tiles.get("folder") if isinstance(tiles, dict) else None
        if isinstance(named, str):
            files[f"folder:{named}"] = await asyncio.to_thread(_tile_folder, self.root, named)
        for old in [name for name, work in self.jobs.items() if not work.going][: len(self.jobs) - MOST_JOBS + 1]:
            shutil.rmtree(self.uploads.folder / self.id / old, ignore_errors=True)
            del self.jobs[old]
        if len(self.jobs) >= MOST_JOBS:
            raise VertumnusError(f"{MOST_JOBS} jobs are going on, and no more can; stop one first")
        self._jobs += 1
        name = f"j{self._jobs}"
        self.jobs[name] = Work(self, self.crew, command, files, self.uploads.folder / self.id / name)
        return name

    def job(self, name: str) -> Work:
        """A job. Raises `VertumnusError` if there is none."""
        if name not in self.jobs:
            raise VertumnusError(f"{name}: there is no such job")
        return self.jobs[name]

    def _running(self) -> Live:
        if self.live is None:
            raise VertumnusError("nothing is running")
        return self.live

    async def _fetch(self, command: Command) -> Fetched:
        """The pictures that a command brings."""
        if needs_time(command):
            return await asyncio.to_thread(fetch, command, self.session, self.uploads.element)
        return Fetched()

    def record(self, command: Command, **facts: Any) -> None:
        """Keeps what was done, if somebody asked for that; see `vertumnus.studio.replay`."""
        if self.recorder is not None:
            plain = command.model_dump(mode="json", exclude_unset=True, exclude={"seq"})
            self.recorder({"command": plain | {"kind": command.kind}, **facts})

    async def drag(self, poses: Poses, client: Client) -> None:
        """Pieces that are being dragged."""
        names = {slot: name for name, slot in self.session.slots.items() if name in self.session.state.layers}
        edits = []
        columns = (poses.slots, poses.x, poses.y, poses.scale, poses.rotation)
        for slot, x, y, scale, rotation in zip(*(one.tolist() for one in columns), strict=True):
            if slot not in names:
                raise VertumnusError(f"frame: there is no piece {slot}")
            edits.append(LayerEdit(id=names[slot], changes={"x": x, "y": y, "scale": scale, "rotation": rotation}))
        await self.obey(schema.Edit(layers=edits, name="Move", transient=True), client)

    # Saving.

    def dirty(self) -> None:
        """Lets the document be saved."""
        self._save_soon(SAVE_AFTER)

    def _save_soon(self, seconds: float) -> None:
        if self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(seconds, self._save_now)

    def _save_now(self) -> None:
        self._saving = None
        task = asyncio.ensure_future(self._autosave())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _autosave(self) -> None:
        try:
            await self.save()
        except VertumnusError as error:
            self.tell(schema.Failed(message=str(error), about="save"))
            self._save_soon(SAVE_AGAIN)

    async def save(self) -> None:
        """Writes the document, if it has changed. Raises `VertumnusError` if that cannot be done."""
        async with self._writing:
            if self.live is not None:
                self.live.refresh()
            if self.session.saved == self.session.revision and self.session.path.exists():
                return
            collage, revision = self.session.prepare_save()
            await asyncio.to_thread(collage.save, self.session.path)
            self.session.saved = revision
        self.tell(schema.Saved(revision=revision))

    async def close(self) -> None:
        """Saves, and lets go of everything."""
        if self._saving is not None:
            self._saving.cancel()
        for work in self.jobs.values():
            work.cancel()
        if self.live is not None:
            live = self.live
            with contextlib.suppress(VertumnusError, TimeoutError):
                await asyncio.wait_for(live.stop(), 1.0)
            for _ in range(20):
                if self.live is None:
                    break
                await asyncio.sleep(0.1)
            else:
                self.crew.kill(live.worker)
                live.refresh()
                self.live = None
        self.session.settle()
        with contextlib.suppress(VertumnusError):
            await self.save()
        for client in self.clients:
            client.lost = True
            client.wake.set()


def _tile_folder(root: Path, named: str) -> Path:
    """A folder of pictures within the studio's. Raises `VertumnusError` if it is none, or holds a link."""
    folder = inside(root, named) if named not in (".", "") else root
    if not folder.is_dir():
        raise VertumnusError(f"{named}: there is no such folder")
    for place, folders, files in os.walk(folder):
        if any((Path(place) / name).is_symlink() for name in (*folders, *files)):
            raise VertumnusError(f"{named}: holds a link, which is not followed; take it out")
    return folder
