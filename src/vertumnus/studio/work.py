"""`Work`: a desk's job, in a worker process: how far it is, what came of it, and what choosing that does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vertumnus.elements.element import make_element
from vertumnus.errors import VertumnusError
from vertumnus.reading import read_named
from vertumnus.studio import schema
from vertumnus.studio.crew import Crew
from vertumnus.studio.history import State
from vertumnus.studio.jobs import checked
from vertumnus.studio.session import Placed, Session
from vertumnus.studio.uploads import Upload
from vertumnus.studio.worker import BeginJob, Drop, Ended, Progress, Result

if TYPE_CHECKING:
    from vertumnus.studio.desk import Desk

TITLES = {"harmonize": "Harmonise", "mosaic": "Mosaic", "generate": "Generate tiles", "words": "Words"}
AGAIN = ("harmonize", "words")  # what ``vertumnus again`` makes once more, to the bit


class Work:
    """A job.

    id     of the job
    shown  how it stands
    """

    def __init__(self, desk: Desk, crew: Crew, asked: schema.Job, files: Mapping[str, Path], folder: Path) -> None:
        checked(asked)  # what cannot be is refused before anything begins
        self.desk, self.crew, self.asked, self.id = desk, crew, asked, folder.name
        self.start = desk.session.collage()
        self.before = desk.session.state
        self.results: dict[int, Result] = {}
        self.shown = schema.JobShown(
            id=self.id, verb=asked.verb, state="running", what="starting", options=asked.options
        )
        self.worker = crew.take(BeginJob(self.start, asked, dict(files), folder, desk.ray), self._hear)
        desk.record(asked, job=self.id)
        self._say()

    def _hear(self, message: object) -> None:
        if isinstance(message, Progress):
            self._say(what=message.phase, done=message.done, total=message.total, left_seconds=message.left)
        elif isinstance(message, Result):
            self._result(message)
        elif isinstance(message, Ended):
            state = "failed" if message.failed else "cancelled" if message.stopped else "done"
            self._say(state=state, what="", left_seconds=None, message=message.failed or message.message)

    def _result(self, result: Result) -> None:
        self.results[result.index] = result
        upload = None
        if result.upload is not None:
            upload = f"u{self.id}-{result.index}"
            name = result.name or "cut-out"
            element = make_element(read_named(result.upload), result.upload, f"{name}.png", name)
            self.desk.uploads.keep(Upload(upload, "picture", name, result.upload, element))
        shown = schema.ResultShown(
            index=result.index, image=f"jobs/{self.id}/{result.index}", seed=result.seed, name=result.name,
            upload=upload,
        )  # fmt: skip
        self._say(results=[*self.shown.results, shown])

    def _say(self, **changes: object) -> None:
        self.shown = self.shown.model_copy(update=changes)
        self.desk.tell(schema.JobNow.model_construct(**self.shown.__dict__))

    @property
    def going(self) -> bool:
        """Whether it is not over."""
        return self.shown.state == "running"

    def cancel(self) -> None:
        """Ends it; what came of it stays."""
        if self.going:
            self.worker.send(Drop())
            self._say(what="stopping")

    def picture(self, index: int) -> Path:
        """The picture of a result. Raises `VertumnusError` if there is none."""
        result = self.results.get(index)
        if result is None or result.picture is None or not result.picture.is_file():
            raise VertumnusError(f"{index}: there is no such result")
        return result.picture

    def choose(self, index: int) -> list[str]:
        """Takes a result into the document; ids of layers that came of it."""
        if index not in self.results:
            raise VertumnusError(f"{index}: there is no such result")
        ids = take_result(self.desk.session, self.asked, self.results[index], self.before)
        self.desk.originals.know(self.results[index].originals)
        self._say(chosen=index)
        self.desk.record(schema.Choose(job=self.id, index=index))
        return ids


def take_result(session: Session, asked: schema.Job, result: Result, before: State) -> list[str]:
    """Makes a job's result a step of the history.

    before   the document when the job began
    """
    if result.collage is not None:
        title = TITLES[asked.verb]
        if asked.verb == "harmonize":
            title += f", seed {result.seed}"
            if session.state is not before:
                session.merge(before, result.collage, title)
                return []
        session.take(result.collage, title, made=asked.verb in AGAIN)
        return []
    assert result.upload is not None
    name = result.name or "cut-out"
    element = make_element(read_named(result.upload), result.upload, f"{name}.png", name)
    return session.add([Placed(element)])
