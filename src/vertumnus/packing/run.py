"""`Packing`: the live run that fills a shape. Softly first, then strictly; then it can be told what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage, Layer
from vertumnus.document.placement import Placement
from vertumnus.elements.element import Element
from vertumnus.elements.pieces import GROUND
from vertumnus.errors import VertumnusError
from vertumnus.imaging.faces import crop_around
from vertumnus.limits import MAX_ELEMENT, MAX_STEPS, MIN_ELEMENT, check_canvas
from vertumnus.live.commands import (
    Add,
    Command,
    Move,
    Pin,
    Release,
    Remove,
    Replace,
    Rotate,
    Scale,
    SetOption,
)
from vertumnus.live.pieces import PieceRun, copied
from vertumnus.live.spec import Inputs, RunSpec
from vertumnus.metrics.packing import PackingMeasure, measure_silhouettes
from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.checkpoint import State
from vertumnus.optimise.loop import Optimiser
from vertumnus.packing.cells import Arranged, arrange
from vertumnus.packing.objective import PackingGuidance
from vertumnus.packing.options import PackOptions
from vertumnus.packing.problem import PackProblem, make_freedom, make_problem, start_placements
from vertumnus.packing.scatter import hidden_share, scatter
from vertumnus.packing.soft import soft_optimiser
from vertumnus.render.clip import trace_outline
from vertumnus.render.parameters import check
from vertumnus.render.placements import Placements
from vertumnus.shapes import enlarged
from vertumnus.strict.finish import finish_free
from vertumnus.strict.fixed import finish_fixed, pour
from vertumnus.strict.grid import Finishing, OccupancyGrid
from vertumnus.strict.narrow import finish_narrow
from vertumnus.strict.nesting.nest import nest
from vertumnus.strict.problem import RASTER, Problem
from vertumnus.strict.voids import largest_voids

Finish = Callable[[Problem, Bounds, Placements, np.random.Generator], Finishing]
ADDED = 1.2  # of a void's radius, the root of the area that an added piece starts with


class Packing(PieceRun):
    """Arranges pieces in a shape, first softly, then strictly.

    problem     what to place where, with all that it was told since
    optimiser   of the soft stage
    grid        of the strict finish, None before that
    coverage, loss   as they are now

    ``phase`` is "arrange" or "finish". See `vertumnus.live.run.LiveRun` for how to iterate, steer and stop it, and
    `vertumnus.live.pieces.PieceRun` for the table of pieces.
    """

    def __init__(self, spec: RunSpec, inputs: Inputs) -> None:
        super().__init__(spec, inputs)
        if inputs.mask is None:
            raise VertumnusError("container: missing, there is no shape to fill")
        check_canvas(spec.size)
        self.mask = enlarged(inputs.mask, spec.size[0] * RASTER, spec.size[1] * RASTER)
        self.options = PackOptions(**spec.options)
        self.rng = np.random.default_rng(spec.seed)
        keep = any(layer >= 0 for layer in self.pieces.placed)
        self.problem: PackProblem = make_problem(
            self.pieces.elements, self.mask, spec.size, self.options, self.pieces.locked, keep
        )
        self.side = self.options.element_size  # of fixed sizes, once it is known
        if self.options.fixed and self.side is None and not self.pinned.all():
            free = ~self.pinned
            self.side = float(np.sqrt((self.problem.fair[free] ** 2).mean()))
        self._begin(start_placements(self.problem, self.rng, inputs.start, self.pieces.placed))

    def _begin(self, start: Placements) -> None:
        self.arranged: Arranged | None = None
        self.freedom = make_freedom(self.problem, start)
        self.freedom.clip(start)
        self.optimiser: Optimiser = soft_optimiser(self.problem, self.freedom, start, self.rng)
        self.grid: OccupancyGrid | None = None
        self.phase = "arrange"
        self.done, self.total = 0, self.optimiser.total
        self._anew()

    def _steps(self) -> Iterator[None]:
        if self.problem.options.overlap == "scatter":
            if not self.problem.keep_places or self.problem.options.init == "ordered":
                self.optimiser.placements = scatter(self.problem, self.optimiser.placements, self.rng)
            return
        if self.phase == "arrange":
            if not self.stopping:
                for _ in self.optimiser:
                    self.done = self.optimiser.iteration
                    yield
                    if self.stopping:
                        break
            if self.options.arrange != "free":
                self.phase, self.done, self.total = "finish", 1, 1
                self.arranged = self._in_cells()
                yield
                return
            if self.problem.options.overlap == "allow":
                return
            self.phase, self.done, self.total = "finish", 0, 0
        finish = self._finish()(self.problem, self.freedom, self.optimiser.placements, self.rng)
        hurry = None
        while True:
            try:
                self.grid = finish.send(hurry)
            except StopIteration:
                break
            self.done += 1
            yield
            if self.stopping and self.grid.final:
                break
            hurry = self.stopping

    def _in_cells(self) -> Arranged:
        if self.pinned.any():
            name = self.pieces.names[int(np.flatnonzero(self.pinned)[0])]
            raise VertumnusError(f"`arrange`: {name} is locked, and every cell follows from all pictures")
        return arrange(self.pieces.elements, self.mask, self.options, self.spec.seed)

    def _finish(self) -> Finish:
        options = self.problem.options
        if options.open:
            return pour
        if options.sizes == "fixed":
            return finish_fixed
        if options.sizes == "proportional":
            return nest
        return finish_narrow if options.narrow else finish_free

    # What is there.

    @property
    def loss(self) -> float:
        """Of the last soft step."""
        return self.optimiser.loss

    @property
    def coverage(self) -> float:
        """Share of the shape covered now, as near as the current raster shows."""
        if self.arranged is not None:
            return self.arranged.measure(self.mask).coverage
        if self.grid is not None:
            return self.grid.coverage()
        canvas, stage = self.optimiser.canvas, self.optimiser.stage
        if canvas is None or stage is None:
            return 0.0
        assert isinstance(stage.guidance, PackingGuidance)
        target = stage.guidance.target
        return float((np.minimum(canvas, 1) * target).sum() / target.sum())

    @property
    def score(self) -> float:
        """Share of the shape that is covered, counted."""
        return self.measure().coverage

    def placements(self) -> Placements:
        """Where the pieces lie now; one that found no place where it was looked for last, at its least size."""
        if self.arranged is not None:
            return Placements.of(self.arranged.places, self.problem.pieces)
        return self.optimiser.placements if self.grid is None else self.grid.placements()

    def layout(self) -> list[Placement | None]:
        """Where each piece lies, or None for one that found no place; of a cropped one what is left of it."""
        if self.arranged is not None:
            return list(self.arranged.places)
        if self.grid is None:
            return [self.optimiser.placements.placement(i) for i in range(len(self.numbers))]
        return [self.grid.placement(i) if placed else None for i, placed in enumerate(self.grid.placed)]

    def _placed(self) -> NDArray[np.bool_]:
        return np.ones(len(self.numbers), bool) if self.grid is None else self.grid.placed

    def measure(self) -> PackingMeasure:
        """How good the layout is, counted on the raster."""
        if self.arranged is not None:
            return self.arranged.measure(self.mask)
        layout = self.layout()
        mask = self.problem.mask if self.problem.shown is None else self.problem.shown
        kept = [i for i, place in enumerate(layout) if place is not None]
        areas: NDArray[np.float64] = np.zeros(len(self.problem.elements))
        areas[self.problem.pieces] = self.problem.unit**2
        return measure_silhouettes(
            [place for place in layout if place is not None],
            [int(self.problem.pieces[i]) for i in kept],
            self.problem.sprites,
            areas.tolist(),
            mask,
        )

    def document(self) -> Collage:
        """The collage as it is now."""
        spec, layout = self.told(), self.layout()
        collage = Collage(
            width=spec.size[0], height=spec.size[1], seed=spec.seed, background=spec.background, prompt=spec.prompt
        )
        self.pieces.add_to(collage, layout, self.pinned.tolist(), self.looks())
        self._finish_look(collage)
        missing = [name for name, place in zip(self.pieces.names, layout, strict=True) if place is None]
        report = {
            **{name: round(value, 6) for name, value in self.measure()._asdict().items()},
            "layers": len(collage.layers),
            **self._limited(),
            "unplaced": [{"name": name, "reason": self._why_unplaced()} for name in missing],
            "skipped": [{"name": name, "reason": reason} for name, reason in spec.skipped],
        }
        if self.options.overlap == "scatter":
            report["hidden"] = round(hidden_share(self.problem, self.placements()), 6)
        if self.options.clip:
            # What is outside the shape is cut, and is no spill.
            report |= {"cut": report["spill"], "spill": 0.0}
        return self._sealed(collage, spec, report)

    def looks(self) -> list[dict[str, Any]] | None:
        """What is cut off each piece, where that is."""
        return None if self.arranged is None else [{"crop": crop} for crop in self.arranged.crops]

    def sketch(self) -> Collage:
        """The layers as they are now; see `PieceRun.sketch`."""
        collage = super().sketch()
        self._finish_look(collage)
        return collage

    def _finish_look(self, collage: Collage) -> None:
        """Lays the ground, and cuts what bleeds."""
        if self.options.clip:
            collage.clip = self._outline()
        if self.inputs.ground is not None:
            self._lay_ground(collage, self.inputs.ground)

    def _lay_ground(self, collage: Collage, ground: Element) -> None:
        """Puts the background's picture under all layers: it fills the canvas, and is cut on two sides at most."""
        collage.pictures.add_source(ground.image, ground.source)
        left, top, wide, tall = crop_around((ground.width, ground.height), collage.width / collage.height)
        scale = max(collage.width / wide, collage.height / tall)
        crop = None if (wide, tall) == (ground.width, ground.height) else (left, top, wide, tall)
        layer = Layer(
            id=GROUND, name=ground.name, image=ground.image, crop=crop, x=collage.width / 2, y=collage.height / 2,
            scale=scale, locked=True,
        )  # fmt: skip
        collage.layers.insert(0, layer)

    def _outline(self) -> str:
        """The shape's edge: as it was drawn, or as its mask tells."""
        assert self.inputs.mask is not None
        kept = self.inputs.mask
        return self.inputs.clip or trace_outline(kept.astype(np.uint8) * 255, kept.shape[1] / self.spec.size[0])

    def _limited(self) -> dict[str, Any]:
        """What of the sizes the reader should know."""
        grid = self.grid
        if grid is None or not grid.final:
            return {}
        if grid.limit >= 0:
            return {"limited_by": self.pieces.names[grid.limit]}
        if self.options.sizes == "fixed" and 0 < grid.factor < 1 and self.side:
            return {"largest_element_size": float(f"{self.side * grid.factor:.4g}")}
        return {}

    def _why_unplaced(self) -> str:
        if self.options.open:
            return "the shape is full"
        if self.options.sizes == "fixed":
            if self.grid is not None and self.grid.factor > 0 and self.side:
                size = self.side * self.grid.factor
                return f"no free place of its size was left; all fit at an element size of {size:.4g}"
            return "no free place of its size was left"
        return "no free place of its least size was left"

    # What it is told.

    def _check(self, command: Command) -> None:
        super()._check(command)
        if self.options.arrange != "free" and isinstance(command, Move | Scale | Rotate | Pin):
            raise VertumnusError(f"{command.kind}: pictures are arranged in cells; set arrange to free first")
        if isinstance(command, Scale) and not self.pinned[self._at(command.piece)]:
            if self.freedom.one_scale or self.options.fixed:
                raise VertumnusError(f"scale: sizes are {self.options.sizes}; pin the piece first")
        elif isinstance(command, SetOption):
            self._changed(command)

    def _changed(self, command: SetOption) -> PackOptions:
        return self.options.changed(**{command.name: command.value})

    def _do(self, command: Command) -> None:
        here = self.placements().copy()
        if isinstance(command, Pin | Release):
            self._pin(self._at(command.piece), isinstance(command, Pin), here)
            return
        if isinstance(command, Move | Scale | Rotate):
            self._put(self._at(command.piece), command, here)
            return
        if isinstance(command, Remove):
            here = self._removed(command, here)
        elif isinstance(command, Replace):
            here = self._replaced(command, here)
        elif isinstance(command, Add):
            here = self._added(command, here)
        elif isinstance(command, SetOption):
            self.options = self._changed(command)
            if command.name in ("sizes", "open", "fill", "element_size"):
                self.side = self.options.element_size
        self._rebuild(here)

    def _pin(self, at: int, stays: bool, here: Placements) -> None:
        """While it is arranged that is one flag; a piece let go of later finds its size anew."""
        was = bool(self.pinned[at])
        self.pinned[at] = stays
        if was == stays or (stays and self.finished):
            return
        if self.phase == "arrange" and not self.problem.locked[at]:
            self.freedom.movable[at] = not stays
        else:
            self._rebuild(here)

    def _put(self, at: int, command: Move | Scale | Rotate, here: Placements) -> None:
        here.put(at, **command.model_dump(exclude={"kind", "piece", "joined"}, exclude_none=True))
        if self.phase == "arrange" and not self.finished and not self.problem.locked[at]:
            self.optimiser.placements["pose"][:, at] = here["pose"][:, at]
            self.optimiser.forget(np.array([at]))
        else:
            self._rebuild(here)

    def _added(self, command: Add, here: Placements) -> Placements:
        self._join(command.element)
        centre, radius = self._roomiest()
        scale = command.scale or max(ADDED * radius, 1.0) / command.element.unit
        x, y = (centre[0] if command.x is None else command.x), (centre[1] if command.y is None else command.y)
        new = Placements.of([Placement(x, y, scale, command.rotation)], [0])
        return here.join(new)

    def _roomiest(self) -> tuple[NDArray[np.float64], float]:
        """The middle of the largest void and how wide it is, canvas pixels."""
        if self.grid is not None:
            free, zoom = self.grid.free, self.grid.zoom
        elif self.optimiser.canvas is not None and self.optimiser.stage is not None:
            target = self.optimiser.stage.guidance.target  # type: ignore[attr-defined]
            free, zoom = (self.optimiser.canvas < 0.5) & (target > 0.5), self.optimiser.stage.renderer.zoom
        else:
            free, zoom = self.mask, float(RASTER)
        centres, radii = largest_voids(free, 1)
        if not len(centres):
            return np.array([self.problem.width / 2, self.problem.height / 2]), 1.0
        return centres[0] / zoom, float(radii[0]) / zoom

    def _rebuild(self, here: Placements) -> None:
        """A problem of the pieces there are, from where they lie; as far on as before if it is still arranged."""
        arranging = self.phase == "arrange" and not self.finished
        share = self.optimiser.progress if arranging else 0.0
        self._pose(here, keep_places=self.problem.keep_places if arranging else True)
        self.optimiser.iteration = int(share * self.optimiser.total)
        self.done = self.optimiser.iteration

    def _pose(self, here: Placements, keep_places: bool) -> None:
        """Poses the problem anew, pieces starting from ``here``."""
        options = self.options
        if options.fixed and self.side is not None:
            options = options.changed(element_size=self.side)
        locked = np.where(self.pinned, np.exp(here.log_scale), 0.0).tolist()
        self.problem = make_problem(self.pieces.elements, self.mask, self.spec.size, options, locked, keep_places)
        self._begin(here.showing(self.problem.pieces))

    # Writing it down.

    def _write(self) -> dict[str, Any]:
        state = {name: copied(value) for name, value in self.optimiser.state().items()}
        return {
            **state,
            "phase": self.phase,
            "done": self.done,
            "total": self.total,
            "finished": self.finished,
            "stopping": self.stopping,
            "keep_places": self.problem.keep_places,
            "options": self.options.model_dump(mode="json", exclude_unset=True),
            "side": self.side,
            "fixed": self.problem.locked.copy(),
            **self._write_pieces(),
            **(self.grid.state() if self.grid is not None and self.finished else {}),
        }

    def _read(self, state: dict[str, Any]) -> None:
        state = State.of(state)
        self.options = PackOptions(**state["options"])
        self.side = None if state["side"] is None else state.real("side", MIN_ELEMENT, MAX_ELEMENT)
        self._read_pieces(state)
        pinned = self.pinned
        count = len(self.numbers)
        x, y, log_scale, rotation = pose = state.array("placements.pose", (4, count))
        check({"pose": pose})
        here = Placements(x, y, log_scale, rotation, state.array("flip", (count,), "b"), 0)
        self.pinned = state.array("fixed", (count,), "b").copy()
        self._pose(here, state.flag("keep_places"))
        self.pinned = pinned
        own = {"which": self.problem.pieces, "unit": self.problem.unit}
        self.optimiser.restore(State({**_optimiser_state(state), **own}, state.source))
        self.done = self.optimiser.iteration
        self.finished, self.stopping = state.flag("finished"), state.flag("stopping")
        if self.finished:
            self.phase = str(state["phase"])
            self.done, self.total = (state.number(name, 0, MAX_STEPS) for name in ("done", "total"))
            if self.options.arrange != "free" and self.phase == "finish":
                self.arranged = self._in_cells()
            self.grid = OccupancyGrid.of(self.problem, self.freedom, state) if "grid_pose" in state else None


def _optimiser_state(state: dict[str, Any]) -> dict[str, Any]:
    mine = ("iteration", "flip", "movable", "rng")
    return {n: copied(v) for n, v in state.items() if n in mine or n.startswith(("placements.", "adam."))}
