"""The pictures that a command brings: uploads, icons, pictures of the document, words as outlines."""

from __future__ import annotations

from collections.abc import Callable

from vertumnus.elements.element import Element, stored_element
from vertumnus.elements.icons import icon_element
from vertumnus.errors import VertumnusError
from vertumnus.studio import schema
from vertumnus.studio.obeying import Fetched
from vertumnus.studio.schema import Command
from vertumnus.studio.session import Placed, Session

FindUpload = Callable[[str], Element]


def needs_time(command: Command) -> bool:
    """Whether fetching what a command brings may take long."""
    return isinstance(command, schema.Add | schema.Replace)


def fetch(command: Command, session: Session, upload: FindUpload) -> Fetched:
    """What a command brings.

    upload   gives an upload's element by what it is called

    Raises `VertumnusError` if something is not there or cannot be drawn.
    """
    if isinstance(command, schema.Replace):
        return Fetched(element=element_of(command.element, session, upload))
    if not isinstance(command, schema.Add):
        return Fetched()
    found = []
    for one in command.elements:
        x, y = (command.x if one.x is None else one.x), (command.y if one.y is None else one.y)
        found.append(Placed(element_of(one, session, upload), one.name, x, y, one.scale, one.rotation))
    if command.text is not None:
        found += [Placed(word, None, command.x, command.y) for word in _words(command)]
    return Fetched(placed=found)


def _words(command: schema.Add) -> list[Element]:
    from vertumnus.wording.cloud import words

    lines = [line.strip() for line in (command.text or "").splitlines() if line.strip()]
    if not lines:
        raise VertumnusError("text: it is empty; write the words, one a line")
    if command.font is not None and (set("/\\") & set(command.font) or "." in command.font):
        raise VertumnusError("font: name a family of this machine, and no file")
    return words(dict.fromkeys(lines, 1.0), font=command.font, colors=command.color)


def element_of(asked: schema.NewElement, session: Session, upload: FindUpload) -> Element:
    """The element that a command names. Raises `VertumnusError` unless it names exactly one that is there."""
    named = [name for name in ("upload", "icon", "image") if getattr(asked, name) is not None]
    if len(named) != 1:
        raise VertumnusError("element: name one of upload, icon and image")
    if asked.upload is not None:
        return upload(asked.upload)
    if asked.icon is not None:
        return icon_element(asked.icon, asked.color)
    assert asked.image is not None
    if asked.image not in session.pictures:
        raise VertumnusError(f"{asked.image}: there is no such picture in the document")
    layers = session.state.layers.values()
    name = next((layer.name for layer in layers if layer.image == asked.image), "picture")
    return stored_element(session.pictures, asked.image, name)
