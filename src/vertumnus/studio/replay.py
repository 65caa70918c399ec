"""What was done in a studio, done again without one: the same commands at the same steps of the same runs.

A desk that records writes an entry for everything that changes its document. Repeating them gives the same document,
which is how it is known that neither the server nor its processes, nor the moment at which something came, changes
what comes of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vertumnus.document.collage import Collage
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.studio import schema
from vertumnus.studio.building import open_drive
from vertumnus.studio.drive import Drive
from vertumnus.studio.fetching import fetch
from vertumnus.studio.history import State
from vertumnus.studio.live import TITLES
from vertumnus.studio.obeying import EDITING, in_run, obey
from vertumnus.studio.schema import read_command
from vertumnus.studio.session import Session
from vertumnus.studio.track import Track
from vertumnus.studio.work import take_result

Record = dict[str, Any]


def recorder(path: Path) -> Callable[[Record], None]:
    """Writes entries to a file, a line each."""

    def write(entry: Record) -> None:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    return write


def read_records(path: Path) -> list[Record]:
    """The entries of such a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def no_upload(identity: str) -> Element:
    """Uploads are not among what is recorded."""
    raise VertumnusError(f"{identity}: there is no such upload")


def replay(session: Session, records: Sequence[Record], files: Mapping[str, Path], folder: Path) -> None:
    """Does what was recorded to a session.

    files    uploads by what they are called
    folder   for jobs to write to

    Raises `VertumnusError` if something cannot be done this time.
    """
    jobs: dict[str, tuple[schema.Job, Collage, State]] = {}
    for entry in records:
        if "of" in entry or "ended" in entry:
            continue  # belongs to a run, and is taken with it
        if "settled" in entry:
            session.settle()
            continue
        session.next_id = entry.get("first", 0)
        command = read_command(entry["command"])
        if isinstance(command, schema.Run):
            _run(session, command, [one for one in records if one.get("of") == entry["run"]], files)
        elif isinstance(command, schema.Job):
            jobs[entry["job"]] = command, session.collage(), session.state
        elif isinstance(command, schema.Choose):
            _choose(session, *jobs[command.job], command.index, files, folder / command.job)
        elif isinstance(command, (*EDITING, schema.Undo, schema.Redo, schema.Go)):
            obey(session, command, fetch(command, session, no_upload))


def _run(session: Session, asked: schema.Run, told: Sequence[Record], files: Mapping[str, Path]) -> None:
    *commands, ended = told
    if ended["ended"] is None:
        return  # it was taken back, and never was
    drive = open_drive(session.collage(), asked, files, session.next_id)
    track = Track(session, TITLES[asked.verb])
    track.cold = drive.cold
    track.moved(drive.seen())
    waiting = list(commands)

    def heed() -> None:
        while waiting and waiting[0]["step"] == drive.run.step:
            _tell(session, track, drive, waiting.pop(0))

    for _ in drive.run:
        heed()
    if waiting:
        raise VertumnusError(f"the run ended at step {drive.run.step}, before {waiting[0]}")
    track.moved(drive.seen())
    track.finish(drive.document(), drive.looks())


def _tell(session: Session, track: Track, drive: Drive, entry: Record) -> None:
    command = read_command(entry["command"])
    session.next_id = entry.get("first", 0)
    before, looks = drive.seen(), drive.looks()
    if isinstance(command, schema.Stop):
        drive.stop()
    elif isinstance(command, schema.Undo):
        drive.tell(track.undo_order())
        track.moved(before)
        track.took_back(drive.seen())
    elif isinstance(command, schema.Redo):
        action = track.redo_action()
        level = drive.tell(action.order)
        track.did_again(action, before, drive.seen(), level, looks)
    else:
        assert isinstance(command, (*EDITING, schema.Option))
        track.moved(before)
        action = in_run(session, command, fetch(command, session, no_upload), track.pieces)
        level = drive.tell(action.order)
        track.obeyed(action, before, drive.seen(), level, looks)


def _choose(
    session: Session,
    asked: schema.Job,
    start: Collage,
    before: State,
    index: int,
    files: Mapping[str, Path],
    folder: Path,
) -> None:
    from vertumnus.studio.jobs import do
    from vertumnus.studio.worker import Result

    for result in do(start, asked, files, folder, lambda *_: None):
        if isinstance(result, Result) and result.index == index:
            take_result(session, asked, result, before)
            return
    raise VertumnusError(f"{index}: there is no such result")
