"""Every message of the studio, once: `docs/api.md` and the page's types are written from these models.

A client sends commands, the server answers each one that has a ``seq`` with `Done` or `Refused` and tells everybody
what has changed. Poses of a run go as binary frames, see `vertumnus.studio.frames`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from vertumnus.checked import first_problem
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_CANVAS, Coordinate, Degrees
from vertumnus.limits import Scale as ScaleValue

MOST_IDS = 200_000
Identity = Annotated[str, Field(min_length=1, max_length=4096)]
Identities = Annotated[list[Identity], Field(min_length=1, max_length=MOST_IDS)]
Title = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]
Side = Annotated[int, Field(ge=1, le=MAX_CANVAS)]


class Message(BaseModel):
    """What is sent: no unknown field, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FromClient(Message):
    """A command; ``seq`` is a number that the client chooses and that its answer repeats."""

    seq: int | None = Field(None, ge=0, le=2**53)


class LayerEdit(Message):
    """New values for fields of one layer, by the names they have in the document."""

    id: Identity
    changes: dict[str, Any] = Field(max_length=40)


class Edit(FromClient):
    """Changes layers; all of it is one step of the history."""

    kind: Literal["edit"] = "edit"
    layers: list[LayerEdit] = Field(min_length=1, max_length=MOST_IDS)
    name: Title = Field("Edit", description="what the step is called")
    transient: bool = Field(
        False, description="more will follow, as while dragging: shown to all, and a step only with the one after"
    )


class NewElement(Message):
    """A picture that becomes a layer: of an upload, an icon, or a picture of the document itself."""

    upload: Identity | None = Field(None, description="what an upload was answered with")
    icon: Annotated[str, Field(max_length=200)] | None = Field(None, description="an icon's name")
    image: Identity | None = Field(None, description="a picture of this document, elements/<hash>.png")
    color: Annotated[str, Field(max_length=100)] = Field("black", description="of an icon: a CSS colour")
    name: Title | None = None
    x: Coordinate | None = None
    y: Coordinate | None = None
    scale: ScaleValue | None = None
    rotation: Degrees = 0.0


class Add(FromClient):
    """Adds layers on top; beside each other in the middle, or where there is most room in a run, unless said."""

    kind: Literal["add"] = "add"
    elements: list[NewElement] = Field([], max_length=5_000)
    text: Text | None = Field(None, description="words that become pieces, one for each line")
    font: Annotated[str, Field(max_length=200)] | None = Field(None, description="a family of this machine")
    color: Annotated[str, Field(max_length=100)] = Field("black", description="of the words: a CSS colour")
    x: Coordinate | None = None
    y: Coordinate | None = None


class Remove(FromClient):
    """Takes layers away."""

    kind: Literal["remove"] = "remove"
    ids: Identities


class Replace(FromClient):
    """Gives a layer another picture, as large as the one it had."""

    kind: Literal["replace"] = "replace"
    id: Identity
    element: NewElement


class Reorder(FromClient):
    """Moves layers, together and in the order they have, to a place in the stack: 0 is the back."""

    kind: Literal["reorder"] = "reorder"
    ids: Identities
    to: int = Field(ge=0, le=MOST_IDS)


class Canvas(FromClient):
    """Changes the canvas. What is not named stays; a background of null is a transparent ground."""

    kind: Literal["canvas"] = "canvas"
    width: Side | None = None
    height: Side | None = None
    background: Annotated[str, Field(max_length=100)] | None = None
    clip: Annotated[str, Field(max_length=2_000_000)] | None = None
    prompt: Text | None = None


class Undo(FromClient):
    """Takes the last step back; while something runs, the last thing that the run was told."""

    kind: Literal["undo"] = "undo"


class Redo(FromClient):
    """Does again what was taken back last."""

    kind: Literal["redo"] = "redo"


class Go(FromClient):
    """Goes to a step of the history: 0 is as it was opened."""

    kind: Literal["go"] = "go"
    step: int = Field(ge=0)


class ShapeGiven(Message):
    """A region of the canvas, named or drawn."""

    named: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="circle, heart, square, star, canvas, icon:NAME or text:Q"
    )
    upload: Identity | None = Field(None, description="a picture or SVG that was uploaded")
    lasso: list[tuple[Coordinate, Coordinate]] | None = Field(
        None, min_length=3, max_length=100_000, description="a polygon on the canvas"
    )
    invert: bool = False


class Run(FromClient):
    """Begins a run on the document: its layers are the pieces, locked ones stay."""

    kind: Literal["run"] = "run"
    verb: Literal["pack", "compose"]
    shape: ShapeGiven | None = Field(None, description="what to fill (pack), or to stay in (compose)")
    prompt: Text | None = Field(None, description="what compose is to show")
    like: Identity | None = Field(None, description="compose: an upload, the photograph to rebuild")
    guidance: list[Annotated[str, Field(max_length=500)]] | None = Field(
        None, max_length=8, description="compose: what judges the picture, NAME[:MODEL][=WEIGHT]"
    )
    count: int | None = Field(None, ge=1, le=20_000, description="pieces in all; the pictures are used in turn")
    seed: int = Field(0, ge=0, le=2**53)
    anew: bool = Field(False, description="pieces start somewhere else than where they lie")
    options: dict[str, Any] = Field({}, max_length=200, description="the verb's own, see /api/options/{verb}")


class Pause(FromClient):
    """Holds the run between two steps."""

    kind: Literal["pause"] = "pause"


class Resume(FromClient):
    """Lets a paused run go on."""

    kind: Literal["resume"] = "resume"


class Stop(FromClient):
    """Ends the run as soon as its layout keeps what it promises; the layout stays."""

    kind: Literal["stop"] = "stop"


class Pin(FromClient):
    """Locks layers where they are; in a run the others flow around them."""

    kind: Literal["pin"] = "pin"
    ids: Identities


class Release(FromClient):
    """Unlocks layers."""

    kind: Literal["release"] = "release"
    ids: Identities


class Option(FromClient):
    """Changes an option of the run, which goes on from where it is."""

    kind: Literal["option"] = "option"
    name: Annotated[str, Field(max_length=100)]
    value: Any


class Job(FromClient):
    """Begins work that gives results to choose from."""

    kind: Literal["job"] = "job"
    verb: Literal["harmonize", "mosaic", "generate", "cutout", "words"]
    options: dict[str, Any] = Field({}, max_length=200, description="the job's own, see /api/options/{verb}")


class Cancel(FromClient):
    """Ends a job; results that are there stay."""

    kind: Literal["cancel"] = "cancel"
    job: Identity


class Choose(FromClient):
    """Takes a job's result into the document: a step of the history."""

    kind: Literal["choose"] = "choose"
    job: Identity
    index: int = Field(0, ge=0)


class Save(FromClient):
    """Writes the document now. It is written by itself two seconds after a change."""

    kind: Literal["save"] = "save"


class Ping(FromClient):
    """Asks for an answer."""

    kind: Literal["ping"] = "ping"


Command = (
    Edit | Add | Remove | Replace | Reorder | Canvas | Undo | Redo | Go | Run | Pause | Resume | Stop | Pin | Release
    | Option | Job | Cancel | Choose | Save | Ping
)  # fmt: skip
_COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="kind")])


def read_command(data: str | bytes | Mapping[str, Any]) -> Command:
    """A command from JSON text or from plain values.

    Raises `VertumnusError` naming the field if it is none.
    """
    try:
        if isinstance(data, str | bytes):
            return _COMMANDS.validate_json(data)
        return _COMMANDS.validate_python(data)
    except ValidationError as error:
        sentence = first_problem(error)
        kind, dot, rest = sentence.partition(".")
        raise VertumnusError(rest if dot and kind.isidentifier() and ":" not in kind else sentence) from None


# What the server says.


class LayerShown(Message):
    """A layer as the page gets it: its fields as in the document, and what showing it takes."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    name: str
    image: str = Field(description="elements/<hash>.png; its picture is at images/<hash>.png")
    x: float
    y: float
    scale: float
    slot: int = Field(description="its number in binary frames")
    size: tuple[int, int] = Field(description="of what is shown of its picture, that picture's pixels")
    picture: tuple[int, int] = Field(description="of its whole picture, that picture's pixels")


class DocumentShown(Message):
    """A whole document."""

    id: str
    name: str
    path: str = Field(description="relative to the folder that the studio was opened on")
    width: int
    height: int
    background: str | None
    rendering: str
    clip: str | None
    prompt: str | None
    seed: int | None
    made_by: dict[str, Any] | None = Field(description="tool, options and report of what made it")
    layers: list[LayerShown] = Field(description="back to front")


class HistoryShown(Message):
    """The steps there are, and how many of them are done."""

    steps: list[str]
    at: int


class RunShown(Message):
    """How a run stands."""

    verb: str
    state: Literal["starting", "running", "paused", "finished", "stopped", "failed"]
    phase: str = ""
    done: int = 0
    total: int = 0
    left_seconds: float | None = None
    score: float | None = None
    understood: str | None = Field(None, description="what of a prompt was understood")
    message: str | None = None


class ResultShown(Message):
    """One result of a job."""

    index: int
    image: str = Field(description="address of its picture, relative to the document's")
    seed: int | None = None
    name: str | None = None
    upload: str | None = Field(None, description="of an object that was cut out: what `add` calls it")


class JobShown(Message):
    """How a job stands."""

    id: str
    verb: str
    options: dict[str, Any] = Field({}, description="what was asked for")
    state: Literal["running", "done", "cancelled", "failed"]
    what: str = Field("", description="what is going on")
    done: int = 0
    total: int = 0
    left_seconds: float | None = None
    results: list[ResultShown] = []
    chosen: int | None = None
    message: str | None = None


class Welcome(Message):
    """The first message of a connection: everything there is."""

    kind: Literal["welcome"] = "welcome"
    document: DocumentShown
    history: HistoryShown
    revision: int
    saved: int = Field(description="the revision that is on disk")
    run: RunShown | None = None
    jobs: list[JobShown] = []
    client: int = Field(description="the number of this connection")


class Changed(Message):
    """What has changed in the document."""

    kind: Literal["changed"] = "changed"
    revision: int
    layers: list[LayerShown] = Field([], description="those that are new or changed, whole")
    removed: list[str] = []
    order: list[str] | None = Field(None, description="all ids back to front, if that has changed")
    canvas: dict[str, Any] | None = Field(None, description="fields of the document beside its layers that changed")
    by: int | None = Field(None, description="the connection that asked for it")
    transient: bool = False


class History(Message):
    """The history has changed."""

    kind: Literal["history"] = "history"
    steps: list[str]
    at: int


class Running(RunShown):
    """How the run stands now."""

    kind: Literal["run"] = "run"


class JobNow(JobShown):
    """How a job stands now."""

    kind: Literal["job"] = "job"


class Saved(Message):
    """The document is on disk."""

    kind: Literal["saved"] = "saved"
    revision: int


class Done(Message):
    """A command was obeyed."""

    kind: Literal["done"] = "done"
    seq: int | None
    revision: int
    ids: list[str] | None = Field(None, description="layers that came of it")
    job: str | None = Field(None, description="the job that began")


class Refused(Message):
    """A command was not obeyed, and why, in one sentence."""

    kind: Literal["refused"] = "refused"
    seq: int | None
    message: str
    field: str | None = None


class Failed(Message):
    """Something went wrong that no command asked for."""

    kind: Literal["error"] = "error"
    message: str
    about: str | None = None


class UploadShown(Message):
    """A file that was sent and can be used, as uploads are answered."""

    id: str = Field(description="what commands call it")
    name: str
    kind: Literal["picture", "text", "collage"]
    width: int | None = Field(None, description="of a picture, pixels")
    height: int | None = Field(None, description="of a picture, pixels")


FromServer = Welcome | Changed | History | Running | JobNow | Saved | Done | Refused | Failed
