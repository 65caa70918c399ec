"""`PieceRun`: a live run of pieces that have numbers, can be pinned, taken out, joined by others and shown anew."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage
from vertumnus.document.placement import Placement
from vertumnus.elements.element import Element, make_element
from vertumnus.elements.pieces import Pieces
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_PIECES, MAX_SCALE, MAX_WEIGHT, check_number
from vertumnus.live.commands import Add, Command, Move, Pin, Release, Remove, Replace, Rotate, Scale, reference
from vertumnus.live.run import LiveRun, Snapshot
from vertumnus.live.spec import Inputs, RunSpec
from vertumnus.optimise.checkpoint import State
from vertumnus.reading import read_named
from vertumnus.render.placements import Placements


class PieceRun(LiveRun):
    """What packing and composing share of being told.

    pieces    the table of pieces
    numbers   what each is called in commands; pinned: whether it stays where it is
    most      pieces there can be

    Raises `VertumnusError` if the spec's pieces cannot be had.
    """

    most: ClassVar[int] = MAX_PIECES

    def __init__(self, spec: RunSpec, inputs: Inputs) -> None:
        super().__init__(spec, inputs)
        self.pieces = Pieces([inputs.element(one) for one in spec.elements], spec.count, inputs.start)
        self.numbers: NDArray[np.intp] = np.arange(len(self.pieces.elements))
        self.pinned: NDArray[np.bool_] = np.array(self.pieces.locked) > 0
        # Those of a document to start from are in no library, and are wanted again when their removal is taken back.
        self._met: dict[tuple[str, str, float], Element] = {}

    @abstractmethod
    def placements(self) -> Placements:
        """Where the pieces lie now; one that found no place where it was looked for last, at its least size."""

    @abstractmethod
    def _placed(self) -> NDArray[np.bool_]:
        """False for each piece that has found no place."""

    def snapshot(self) -> Snapshot:
        """How things stand."""
        p = self.placements()
        return Snapshot(
            self.step, self.phase, self.done, self.total, self.finished, self.numbers.copy(),
            tuple(self.pieces.names), tuple(piece.image for piece in self.pieces.elements), p.x.copy(), p.y.copy(),
            np.exp(p.log_scale), np.rad2deg(p.rotation), p.flip.copy(), self._placed().copy(), self.pinned.copy(),
        )  # fmt: skip

    def layout(self) -> list[Placement | None]:
        """Where each piece lies, or None for one that found no place."""
        p = self.placements()
        return [p.placement(i) if placed else None for i, placed in enumerate(self._placed())]

    def looks(self) -> list[dict[str, Any]] | None:
        """How each piece looks beside its placement, as fields of a layer; None where that is as its picture does."""
        return None

    def sketch(self) -> Collage:
        """The layers as they are now, to be looked at: nothing is measured, nothing said of how it was made."""
        width, height = self.spec.size
        collage = Collage(width=width, height=height, background=self.spec.background)
        self.pieces.add_to(collage, self.layout(), self.pinned.tolist(), self.looks())
        return collage

    # What it is told.

    def _at(self, piece: int) -> int:
        found = np.flatnonzero(self.numbers == piece)
        if not len(found):
            raise VertumnusError(f"piece: there is no piece {piece}")
        return int(found[0])

    def _check(self, command: Command) -> None:
        if isinstance(command, Move | Scale | Rotate | Pin | Release | Remove | Replace):
            self._at(command.piece)
        if isinstance(command, Remove) and len(self.numbers) == 1:
            raise VertumnusError("piece: the last piece cannot be removed")
        if isinstance(command, Add) and len(self.numbers) >= self.most:
            raise VertumnusError(f"add: {self.most:,} pieces are the most there can be")

    def _removed(self, command: Remove, here: Placements) -> Placements:
        """Placements without a piece, which leaves the table."""
        at = self._at(command.piece)
        self.pieces.remove(at)
        self.numbers, self.pinned = np.delete(self.numbers, at), np.delete(self.pinned, at)
        return here.take(np.delete(np.arange(len(here)), at))

    def _replaced(self, command: Replace, here: Placements) -> Placements:
        """Placements in which a piece is as large as it was, with another picture."""
        at = self._at(command.piece)
        before = self.pieces.elements[at]
        element = command.element.weighted(before.weight)
        self.library.setdefault(element.image, element)
        self.pieces.replace(at, element)
        here.log_scale[at] += np.log(before.unit / element.unit)
        return here

    def _join(self, element: Element) -> None:
        """Puts one more piece into the table."""
        self.library.setdefault(element.image, element)
        self.pieces.add(element)
        self.numbers = np.append(self.numbers, int(self.numbers.max()) + 1)
        self.pinned = np.append(self.pinned, False)

    # Writing it down.

    def _write_pieces(self) -> dict[str, Any]:
        """The table, with the pictures that joined while the run went on."""
        own, table = self.inputs.elements, self.pieces
        self._met |= {(one.image, one.name, one.weight): one for one in table.elements}
        return {
            "numbers": self.numbers.copy(),
            "pinned": self.pinned.copy(),
            "pieces": [
                {**reference(element), "called": called, "layer": layer, "locked": locked}
                for element, called, layer, locked in zip(
                    table.elements, table.names, table.placed, table.locked, strict=True
                )
            ],
            **{f"picture:{image}": _encoded(one) for image, one in self.library.items() if image not in own},
            **{
                f"drawing:{image}": np.frombuffer(one.drawing, np.uint8)
                for image, one in self.library.items()
                if image not in own and one.drawing is not None
            },
        }

    def _read_pieces(self, state: dict[str, Any]) -> None:
        """Goes back to what `_write_pieces` wrote; elements are those there are now where they are the same."""
        for name, data in state.items():
            if name.startswith("picture:") and name.removeprefix("picture:") not in self.library:
                image = name.removeprefix("picture:")
                drawing = bytes(state[f"drawing:{image}"]) if f"drawing:{image}" in state else None
                self.library[image] = make_element(bytes(data), None, image, image, None, drawing)
        known = self._met | {(one.image, one.name, one.weight): one for one in self.pieces.elements}
        table = self.pieces.copy()
        table.clear()
        for piece in state["pieces"]:
            name, image = str(piece["name"]), str(piece["image"])
            weight = check_number("pieces: weight", piece["weight"], 1 / MAX_WEIGHT, MAX_WEIGHT)
            table.add(known.get((image, name, weight)) or replace(self.library[image], name=name, weight=weight))
            layer, locked = piece["layer"], piece["locked"]
            layers = len(table.warm.layers) if table.warm is not None else 0
            if isinstance(layer, bool) or not isinstance(layer, int) or not -1 <= layer < layers:
                raise TypeError(f"pieces: there is no layer {layer!r}")
            if isinstance(locked, bool) or not isinstance(locked, int | float) or not 0 <= locked <= MAX_SCALE:
                raise TypeError(f"pieces: locked: {locked!r} is no scale")
            table.names[-1], table.placed[-1], table.locked[-1] = str(piece["called"]), layer, locked
        kept, count = State.of(state), len(table.elements)
        numbers, pinned = kept.array("numbers", (count,), "i"), kept.array("pinned", (count,), "b")
        self.pieces, self.numbers, self.pinned = table, np.array(numbers), np.array(pinned)


def copied(value: Any) -> Any:
    """A value of a state that later steps do not change."""
    return value.copy() if isinstance(value, np.ndarray | dict) else value


def _encoded(element: Element) -> NDArray[np.uint8]:
    data = element.source if isinstance(element.source, bytes) else read_named(element.source)
    return np.frombuffer(data, np.uint8)
