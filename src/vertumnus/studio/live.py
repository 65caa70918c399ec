"""`Live`: a desk's run, in a worker process: orders out, poses and answers in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vertumnus.errors import VertumnusError
from vertumnus.studio import schema
from vertumnus.studio.crew import Crew
from vertumnus.studio.drive import Order, Seen
from vertumnus.studio.film import Film
from vertumnus.studio.frames import FLIP, PINNED, PLACED, Poses, write_poses
from vertumnus.studio.obeying import Editing, Fetched, in_run
from vertumnus.studio.track import Track
from vertumnus.studio.worker import BeginRun, Begun, Drop, Ended, Hold, Looks, Progress, Tell, Told

if TYPE_CHECKING:
    from vertumnus.studio.desk import Desk

Answer = Callable[[Told], None]
TITLES = {"pack": "Pack", "compose": "Compose"}


class RunEndedError(VertumnusError):
    """The run ended before it heard a command."""


class Live:
    """A run that goes on.

    track   the document and its history meanwhile
    shown   how it stands
    """

    def __init__(self, desk: Desk, crew: Crew, asked: schema.Run, files: Mapping[str, Path]) -> None:
        self.desk, self.crew, self.asked = desk, crew, asked
        session = desk.session
        session.settle()
        collage = session.collage()
        self.shown = schema.RunShown(verb=asked.verb, state="starting", message="starting")
        self._begun = asyncio.get_running_loop().create_future()
        self._numbers = count()
        self._waiting: dict[int, tuple[Answer, asyncio.Future[None] | None]] = {}
        self.latest: Seen | None = None
        first = session.next_id
        self.worker = crew.take(BeginRun(collage, asked, dict(files), first), self._hear)
        self.track = Track(session, TITLES[asked.verb])
        self.film = Film(session)
        desk.runs += 1
        self.number = desk.runs
        desk.record(asked, run=self.number, first=first)
        self._say()

    # What the worker says.

    def _hear(self, message: Any) -> None:
        if isinstance(message, Seen):
            self._seen(message)
        elif isinstance(message, Told):
            self._told(message)
        elif isinstance(message, Progress):
            self._progress(message)
        elif isinstance(message, Looks):
            self.refresh()
            self.track.looked(message.fields)
            self.film.looked(message.fields)
            self.desk.tell_news()
        elif isinstance(message, Begun):
            self.track.cold = self.film.cold = message.cold
            self._say(understood=message.understood, message=None)
        elif isinstance(message, Ended):
            self._ended(message)

    def _seen(self, seen: Seen) -> None:
        last, self.latest = self.latest, seen
        if last is None or last.members != seen.members:
            self.track.moved(seen)
            self.desk.tell_news()
        self.film.see(seen)
        if not self._begun.done():
            self._begun.set_result(None)
            self._say(state="running")
        if self.desk.clients:
            frame = self._frame(seen)
            for client in self.desk.clients:
                client.show(seen.step & 0xFFFFFFFF, frame)
        self.desk.dirty()

    def _frame(self, seen: Seen) -> bytes:
        slots = self.desk.session.slots
        numbers = np.array([slots[name] for name in seen.members.ids], np.uint32)
        flags = seen.flip * FLIP + seen.placed * PLACED + seen.pinned * PINNED
        x, y, scale, rotation = (one.astype(np.float32) for one in (seen.x, seen.y, seen.scale, seen.rotation))
        revision = self.desk.session.revision
        return write_poses(Poses(revision, seen.step, numbers, x, y, scale, rotation, flags.astype(np.uint8)))

    def _told(self, told: Told) -> None:
        """Answers are taken one by one, as they come; those of moves that were overtaken do not."""
        for number in [number for number in self._waiting if number < told.number]:
            del self._waiting[number]
        answer, future = self._waiting.pop(told.number)
        if told.refused is None:
            self.desk.tell_news()
            answer(told)
            self.latest = told.after
        if future is not None and not future.done():
            if told.refused is None:
                future.set_result(None)
            else:
                future.set_exception(VertumnusError(told.refused))

    def _progress(self, said: Progress) -> None:
        if said.message is not None:
            self._say(message=said.message)
            return
        self._say(
            phase=said.phase, done=said.done, total=said.total, left_seconds=said.left, score=said.score, message=None
        )

    def _ended(self, ended: Ended) -> None:
        desk = self.desk
        desk.live = None
        for client in desk.clients:
            client.frame = None  # poses that wait for a slow client are no longer true
        self.refresh()
        if ended.collage is not None:
            self.track.finish(ended.collage, ended.looks)
            self.film.end = desk.session.state
            desk.filmed = self.film
            state = "stopped" if ended.stopped else "finished"
        else:
            self.track.drop()
            state = "failed" if ended.failed else "stopped"
        self._say(state=state, left_seconds=None, message=ended.failed or ended.message)
        desk.ran = self.shown
        if desk.recorder is not None:
            said = {"step": ended.step, "stopped": ended.stopped} if ended.collage is not None else None
            desk.recorder({"of": self.number, "ended": said})
        failure = VertumnusError(ended.failed) if ended.failed else RunEndedError("the run has ended")
        for waiting in [self._begun, *(future for _, future in self._waiting.values())]:
            if waiting is not None and not waiting.done():
                waiting.set_exception(failure)
                waiting.exception()  # somebody may have gone meanwhile
        desk.tell_news()
        desk.dirty()

    def _say(self, **changes: Any) -> None:
        self.shown = self.shown.model_copy(update=changes)
        self.desk.tell(schema.Running.model_construct(**self.shown.__dict__))

    def refresh(self) -> None:
        """The document as the run has it now; who looks on has been told by frames."""
        if self.latest is not None:
            self.desk.tell_news()
            self.track.moved(self.latest)
            self.desk.session.told()

    # What it is told.

    async def obey(self, command: Editing | schema.Option, got: Fetched) -> list[str]:
        """Tells the run what a command says, and waits until it has obeyed."""
        await self._begun
        first = self.desk.session.next_id
        action = in_run(self.desk.session, command, got, self.track.pieces)
        order = action.order

        def obeyed(told: Told) -> None:
            self.track.moved(told.before)
            self.desk.session.told()
            self.track.obeyed(action, told.before, told.after, told.level, told.looks)
            self._record(command, told, first=first)

        if order.transient and order.moves.keys() <= self.track.dragged:
            self._send(order, obeyed)  # nobody waits: more will follow
            return []
        await self._ask(order, obeyed)
        return list(action.ids)

    def _record(self, command: Any, told: Told, **facts: Any) -> None:
        self.desk.record(command, of=self.number, step=told.before.step, **facts)

    async def undo(self) -> None:
        """Takes the last thing back that the run was told; if there is none, the run itself."""
        await self._begun
        if len(self.track.levels) == 1:
            await self.drop()
            return

        def took_back(told: Told) -> None:
            self.track.moved(told.before)
            self.track.took_back(told.after)
            self._record(schema.Undo(), told)

        await self._ask(self.track.undo_order(), took_back)

    async def redo(self) -> None:
        """Does again what was taken back last."""
        action = self.track.redo_action()

        def did_again(told: Told) -> None:
            self.track.did_again(action, told.before, told.after, told.level, told.looks)
            self._record(schema.Redo(), told)

        await self._ask(action.order, did_again)

    async def go(self, step: int) -> None:
        """To a step of the history: those before the run end it."""
        steps = self.desk.session.steps
        if step > len(steps.names):
            raise VertumnusError(f"go: there are {len(steps.names)} steps")
        while self.desk.live is self and steps.at > step:
            await self.undo()
        while self.desk.live is self and steps.at < step:
            await self.redo()
        if steps.at != step:
            self.desk.session.go(step)
            self.desk.record(schema.Go(step=step))

    def hold(self, paused: bool) -> None:
        """Pauses the run, or lets it go on."""
        self.worker.send(Hold(paused))
        if self._begun.done():
            self._say(state="paused" if paused else "running")

    async def stop(self) -> None:
        """Ends the run as soon as its layout keeps what it promises."""
        await self._begun
        await self._ask(Order("Stop", stop=True), lambda told: self._record(schema.Stop(), told))

    async def drop(self) -> None:
        """Ends the run as if it had never been."""
        ended = asyncio.get_running_loop().create_future()
        hear = self.worker.hear
        assert hear is not None

        def heard(message: Any) -> None:
            if isinstance(message, Ended):
                message = Ended(stopped=True)
            hear(message)
            if isinstance(message, Ended) and not ended.done():
                ended.set_result(None)

        self.worker.hear = heard
        self.worker.send(Drop())
        try:
            await asyncio.wait_for(ended, 2.0)
        except TimeoutError:
            self.crew.kill(self.worker)
            self._ended(Ended(stopped=True))

    def let_go(self) -> None:
        """Nobody drags any more: what was held goes its way."""
        held, latest = self.track.dragged, self.latest
        if held and latest is not None:
            where = dict(zip(latest.members.ids, latest.x.tolist(), strict=True))
            moves = {name: {"x": where[name]} for name in held if name in where}
            command = schema.Edit(
                layers=[schema.LayerEdit(id=name, changes=dict(move)) for name, move in moves.items()], name="Move"
            )
            action = in_run(self.desk.session, command, Fetched(), self.track.pieces)

            def obeyed(told: Told) -> None:
                self.track.obeyed(action, told.before, told.after, told.level, told.looks)
                self._record(command, told)

            self._send(action.order, obeyed)

    def _send(self, order: Order, answer: Answer, future: asyncio.Future[None] | None = None) -> None:
        number = next(self._numbers)
        self._waiting[number] = answer, future
        self.worker.send(Tell(number, order))

    async def _ask(self, order: Order, answer: Answer) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._send(order, answer, future)
        await future
