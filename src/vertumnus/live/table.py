"""The table of a run's pieces as a state keeps it: what each shows, what it is called, whether it is pinned."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.elements.element import Element, make_element
from vertumnus.elements.pieces import Pieces
from vertumnus.live.commands import reference
from vertumnus.reading import read_named

Numbers = NDArray[np.intp]
Flags = NDArray[np.bool_]


def write_pieces(
    pieces: Pieces, numbers: Numbers, pinned: Flags, library: Mapping[str, Element], own: Container[str]
) -> dict[str, Any]:
    """The table, with the pictures that joined while the run went on.

    numbers   what each piece is called in commands
    library   elements by image; own: the images that the run began with
    """
    return {
        "numbers": numbers.copy(),
        "pinned": pinned.copy(),
        "pieces": [
            {**reference(element), "called": called, "layer": layer, "locked": locked}
            for element, called, layer, locked in zip(
                pieces.elements, pieces.names, pieces.placed, pieces.locked, strict=True
            )
        ],
        **{f"picture:{image}": _encoded(one) for image, one in library.items() if image not in own},
    }


def read_pieces(
    state: Mapping[str, Any], pieces: Pieces, library: dict[str, Element]
) -> tuple[Pieces, Numbers, Flags]:
    """What `write_pieces` wrote; pictures that joined are put into the library.

    pieces   those there are now, whose elements are used where they are the same
    """
    for name, data in state.items():
        if name.startswith("picture:") and name.removeprefix("picture:") not in library:
            image = name.removeprefix("picture:")
            library[image] = make_element(bytes(data), None, image, image, None)
    known = {(one.image, one.name, one.weight): one for one in pieces.elements}
    table = pieces.copy()
    table.clear()
    for piece in state["pieces"]:
        name, image, weight = piece["name"], piece["image"], piece["weight"]
        table.add(known.get((image, name, weight)) or replace(library[image], name=name, weight=weight))
        table.names[-1] = piece["called"]
        table.placed[-1], table.locked[-1] = piece["layer"], piece["locked"]
    return table, np.array(state["numbers"]), np.array(state["pinned"])


def copied(value: Any) -> Any:
    """A value of a state that later steps do not change."""
    return value.copy() if isinstance(value, np.ndarray | dict) else value


def _encoded(element: Element) -> NDArray[np.uint8]:
    data = element.source if isinstance(element.source, bytes) else read_named(element.source)
    return np.frombuffer(data, np.uint8)
