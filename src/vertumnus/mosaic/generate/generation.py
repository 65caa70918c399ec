"""`Generation`: the live run that draws a mosaic's tiles, which makes one again from its document."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.live.commands import Command
from vertumnus.live.run import LiveRun, Snapshot
from vertumnus.live.spec import Inputs, RunSpec
from vertumnus.mosaic.bundle import bundled
from vertumnus.mosaic.generate.folder import TileFolder
from vertumnus.mosaic.generate.generate import held
from vertumnus.mosaic.generate.job import cell_name
from vertumnus.mosaic.generate.origin import job_again
from vertumnus.mosaic.generate.result import make_result


class Generation(LiveRun):
    """Draws the tiles of a mosaic, a batch at each step; then, one at a time, those that were made anew.

    Tiles are not placed, so there is nothing to tell it but to stop: what is drawn by then is the document.
    See `vertumnus.live.run.LiveRun`.

    Raises `VertumnusError` as `vertumnus.mosaic.generate.origin.job_again` does.
    """

    phases = ("draw",)

    def __init__(self, spec: RunSpec, inputs: Inputs) -> None:
        super().__init__(spec, inputs)
        self.job, told = job_again(spec, inputs)
        self._again: dict[int, int] = told["again"]
        place = Path(mkdtemp())
        weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        self.folder = TileFolder(place, self.job.identity())
        self.folder.state["batch"] = told["batch"]
        self.total = len(self.job.drawn()) + len(self._again)

    def _steps(self) -> Iterator[None]:
        for _ in self.job.going(self.folder):
            self._count()
            yield
            if self.stopping:
                return
        for cell, attempt in self._again.items():
            if self.folder.state.get("attempts", {}).get(str(cell)) != attempt:
                self.job.at_attempt(self.folder, cell, attempt)
                self._count()
                yield
                if self.stopping:
                    return

    def _count(self) -> None:
        self.done = len(self._drawn()) + len(self.folder.state.get("attempts", {}))

    def _drawn(self) -> list[int]:
        return [n for n in self.job.drawn() if self.folder.has(cell_name(n))]

    def _check(self, command: Command) -> None:
        raise VertumnusError(f"{command.kind}: the tiles of a mosaic stay in their cells")

    def _do(self, command: Command) -> None:
        self._check(command)

    def _write(self) -> dict[str, Any]:
        tiles = {file.stem: np.frombuffer(file.read_bytes(), np.uint8) for file in self.folder.path.glob("*.png")}
        return {"tiles": tiles, "folder": dict(self.folder.state)}

    def _read(self, state: dict[str, Any]) -> None:
        for file in self.folder.path.glob("*.png"):
            file.unlink()
        for name, data in state["tiles"].items():
            self.folder.file(name).write_bytes(data.tobytes())
        self.folder.state = dict(state["folder"])
        self._count()

    def snapshot(self) -> Snapshot:
        """See `LiveRun.snapshot`: cells, of which those are placed whose tile is drawn."""
        grid = self.job.grid
        scale = np.array([self.spec.size[0] / grid.width, self.spec.size[1] / grid.height])
        centres = grid.centres * scale
        sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) * scale
        there = np.zeros(len(grid), np.bool_)
        there[self._drawn()] = True
        images = tuple(f"{cell_name(n)}.png" if drawn else "" for n, drawn in enumerate(there))
        return Snapshot(
            self.step, self.phase, self.done, self.total, self.finished, np.arange(len(grid)),
            tuple(self.job.prompts), images, centres[:, 0], centres[:, 1], sides[:, 0] / self.job.extent.width,
            np.zeros(len(grid)), np.zeros(len(grid), np.bool_), there, np.ones(len(grid), np.bool_),
        )  # fmt: skip

    def document(self) -> Collage:
        """See `LiveRun.document`. Tiles are kept as the document that is made again keeps them."""
        collage = make_result(self.job, self.folder, self.spec.size)
        former = self.inputs.document
        if former is not None and not any(layer.image in former.pictures for layer in self._layers(collage)):
            collage = bundled(collage)  # as a *.collage has them, at the size of the canvas
        return held(collage)

    def _layers(self, collage: Collage) -> list[Layer]:
        """Those of drawn tiles."""
        taken = self.job.photographs.cells if self.job.photographs is not None else ()
        return [layer for n, layer in enumerate(collage.layers) if n not in taken]

    @property
    def score(self) -> float:
        """Minus the mean of the squared differences of tiles from their blocks; less than any where none is drawn."""
        drawn = self._drawn()
        if not drawn:
            return -np.inf
        return -float(np.mean([self.job.error(n, self.folder.read(cell_name(n))) for n in drawn]))
