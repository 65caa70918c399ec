"""What a worker process does: it takes a run or a job from its pipe, says how it goes, and takes the next.

Runs and jobs need seconds to import what they need, so a worker is kept for the next one. It ends with its studio.
"""

from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.jit import while_compiling
from vertumnus.studio import schema
from vertumnus.studio.building import open_drive
from vertumnus.studio.drive import Drive, Order, Seen
from vertumnus.studio.originals import Original

FRAME = 1 / 60  # seconds between two looks at the pieces
SAY = 0.25  # between two words on how far it is
LOOK = 0.5  # between two looks at colours
COMPILING = "compiling kernels, on the first run only: some 15 s"


@dataclass(frozen=True)
class BeginRun:
    """A run to begin. ``first_id``: number of the first id for pieces that no layer is yet."""

    collage: Collage
    asked: schema.Run
    files: Mapping[str, Path]
    first_id: int


@dataclass(frozen=True)
class BeginJob:
    """A job to begin."""

    collage: Collage
    asked: schema.Job
    files: Mapping[str, Path]
    folder: Path
    ray: str | None = None


@dataclass(frozen=True)
class Tell:
    """An order for a run; ``number`` comes back with the answer."""

    number: int
    order: Order


@dataclass(frozen=True)
class Hold:
    """Pauses a run, or lets it go on."""

    paused: bool


@dataclass(frozen=True)
class Drop:
    """Ends a run without a result."""


# What is said of it.


@dataclass(frozen=True)
class Begun:
    """A run has begun."""

    cold: bool
    understood: str | None


@dataclass(frozen=True)
class Told:
    """An order was obeyed, or why not.

    before   how things stood when it came; step: of the run, then
    after    how they stand now, where that may be another layout
    level    whether there is something more to take back
    looks    how layers looked when it came, where the run changes that
    """

    number: int
    before: Seen
    after: Seen
    level: bool
    refused: str | None
    looks: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Progress:
    """How far it is."""

    phase: str
    done: int
    total: int
    left: float | None
    score: float | None = None
    message: str | None = None


@dataclass(frozen=True)
class Looks:
    """How layers look, by id."""

    fields: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Result:
    """A result of a job: a picture's file to look at, and what choosing it makes of the document.

    originals   what the pictures of a mosaic were cut from
    """

    index: int
    picture: Path | None
    seed: int | None = None
    name: str | None = None
    collage: Collage | None = None
    upload: Path | None = None
    originals: Mapping[str, Original] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """It is over: with a document, or a sentence on what went wrong."""

    collage: Collage | None = None
    looks: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: bool = False
    failed: str | None = None
    message: str | None = None
    step: int = 0


class Gone(Exception):  # noqa: N818 - nothing went wrong
    """The studio is gone, or does not want it any more."""


def main(pipe: Connection) -> None:
    """Serves until the studio goes."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # the studio says when to end
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if isinstance(task, BeginRun):
                _run(pipe, task)
            elif isinstance(task, BeginJob):
                _job(pipe, task)
        except Gone:
            with contextlib.suppress(OSError):
                pipe.send(Ended(stopped=True))
        except (EOFError, BrokenPipeError):
            return
        except VertumnusError as error:
            pipe.send(Ended(failed=str(error)))
        except MemoryError:
            pipe.send(Ended(failed="there is not enough memory for this; try fewer or smaller pieces"))
        except Exception as error:  # a fault of ours: the studio stays up and says so
            traceback.print_exc()
            pipe.send(Ended(failed=f"something went wrong in the program itself ({type(error).__name__}: {error})"))


class Clock:
    """When something is due, and how long what is left takes."""

    def __init__(self) -> None:
        self.due: dict[str, float] = {}
        self.phase = ""
        self.began = (0.0, 0)

    def every(self, what: str, seconds: float) -> bool:
        """Whether so long has passed since it was asked for the last time with yes for an answer."""
        now = monotonic()
        if now < self.due.get(what, 0.0):
            return False
        self.due[what] = now + seconds
        return True

    def left(self, phase: str, done: int, total: int) -> float | None:
        """Seconds until a phase is done, at the rate that it went so far."""
        now = monotonic()
        if phase != self.phase:
            self.phase, self.began = phase, (now, done)
        began, first = self.began
        if total <= 0 or done <= first or now - began < 0.5:
            return None
        return round((total - done) * (now - began) / (done - first), 1)


def _run(pipe: Connection, task: BeginRun) -> None:
    def compiling() -> None:
        pipe.send(Progress("", 0, 0, None, message=COMPILING))

    with while_compiling(_once(compiling)):
        drive = open_drive(task.collage, task.asked, task.files, task.first_id)
        live = drive.run
        pipe.send(Begun(drive.cold, _understood(live)))
        clock = Clock()
        held: list[bool] = [False]
        stopped = False
        _show(pipe, drive)
        for _ in live:
            if clock.every("frame", FRAME):
                _show(pipe, drive)
            if clock.every("say", SAY):
                left = clock.left(live.phase, live.done, live.total)
                pipe.send(Progress(live.phase, live.done, live.total, left, _score(live)))
            if clock.every("look", LOOK) and (looks := drive.looks()):
                pipe.send(Looks(looks))
            stopped |= _heed(pipe, drive, held)
        made = drive.document()
        pipe.send(Ended(_sendable(made), drive.looks(), stopped, message=_unplaced(made), step=live.step))
        close = getattr(live, "close", None)
        if close is not None:
            close()


def _once(tell: Any) -> Any:
    said: list[bool] = []

    def first() -> None:
        if not said:
            said.append(True)
            tell()

    return first


def _heed(pipe: Connection, drive: Drive, held: list[bool]) -> bool:
    """Does what came through the pipe, and waits while the run is held; whether it was told to stop."""
    stopped = False
    for message in _came(pipe, held):
        if isinstance(message, Drop):
            raise Gone
        if isinstance(message, Hold):
            held[0] = message.paused
        elif isinstance(message, Tell):
            before, looks = drive.seen(), drive.looks()
            level, refused = False, None
            try:
                level = drive.tell(message.order)
            except VertumnusError as error:
                refused = str(error)
            pipe.send(Told(message.number, before, drive.seen(), level, refused, looks))
            if held[0]:
                _show(pipe, drive)
            if message.order.stop:
                held[0], stopped = False, True
    return stopped


def _came(pipe: Connection, held: list[bool]) -> Iterator[Any]:
    """What came, without moves of a drag that later ones have overtaken."""
    while True:
        messages: list[Any] = []
        while pipe.poll(None if held[0] and not messages else 0):
            messages.append(pipe.recv())
        for n, message in enumerate(messages):
            after = messages[n + 1] if n + 1 < len(messages) else None
            if _overtaken(message, after):
                continue
            yield message
        if not held[0]:
            return


def _overtaken(message: Any, after: Any) -> bool:
    if not (isinstance(message, Tell) and isinstance(after, Tell)):
        return False
    one, other = message.order, after.order
    return one.transient and other.transient and one.moves.keys() == other.moves.keys()


def _show(pipe: Connection, drive: Drive) -> None:
    pipe.send(drive.seen())


def _score(live: Any) -> float | None:
    """How good the layout is, where that is known without counting."""
    found = getattr(live, "coverage", None)
    if found is None:
        found = getattr(live, "likeness", None)
    return None if found is None else round(float(found), 4)


def _understood(live: Any) -> str | None:
    """What of a prompt the guidance shows."""
    source = getattr(live, "source", None)
    for one in getattr(source, "sources", [source]):
        if hasattr(one, "understood"):
            said = one.understood(live.prompt)
            passed = said.get("passed_over")
            return str(said.get("understood")) + (f"; passed over: {', '.join(passed)}" if passed else "")
    return None


def _unplaced(made: Collage) -> str | None:
    """Why pieces are missing, as a sentence."""
    missing = (made.made_by.report if made.made_by is not None else {}).get("unplaced", [])
    if not missing:
        return None
    named = ", ".join(one["name"] for one in missing[:3]) + (", ..." if len(missing) > 3 else "")
    return f"not placed: {len(missing)} ({named}): {missing[0]['reason']}"


def _sendable(collage: Collage) -> Collage:
    """A collage that goes through a pipe: previews are made by functions, and these do not."""
    collage.pictures._previews.clear()
    return collage


def _job(pipe: Connection, task: BeginJob) -> None:
    from vertumnus.studio.jobs import do

    clock = Clock()

    def watch(what: str, done: int, total: int) -> None:
        while pipe.poll(0):
            if isinstance(pipe.recv(), Drop):
                raise Gone
        if clock.every("say", SAY) or done == total:
            pipe.send(Progress(what, done, total, clock.left(what, done, total)))

    message = None
    with while_compiling(_once(lambda: pipe.send(Progress("compiling kernels", 0, 0, None)))):
        for result in do(task.collage, task.asked, task.files, task.folder, watch, task.ray):
            if isinstance(result, str):
                message = result
                continue
            if result.collage is not None:
                _sendable(result.collage)
            pipe.send(result)
    pipe.send(Ended(message=message))
