"""`Composition`: the live run that arranges pieces until the whole reads as a prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.composing.finish import make_ground, move_apart
from vertumnus.composing.geometry import initial_scale
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.pose import Given, is_strict, pose
from vertumnus.composing.scene import Scene, make_scene
from vertumnus.composing.start import (
    let_change,
    random_layout,
    take_over,
)
from vertumnus.composing.structure import structured_layout
from vertumnus.document.collage import Collage
from vertumnus.document.placement import Placement
from vertumnus.errors import VertumnusError
from vertumnus.guidance.mixture import all_options, fitting
from vertumnus.guidance.options import PhotoOptions
from vertumnus.guidance.protocol import Colour, Guidance, Request, Source
from vertumnus.guidance.registry import open_guidance, read_guidance
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import MAX_STEPS
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
from vertumnus.metrics.packing import measure_packing
from vertumnus.optimise.checkpoint import State
from vertumnus.optimise.loop import Optimiser, read_groups
from vertumnus.render.placements import Placements
from vertumnus.render.tint import gains
from vertumnus.shapes import Coverage, Shape, parse_shape
from vertumnus.strict.grid import OccupancyGrid

SWAPS = 4  # pieces tried at a time where there are more pictures than pieces
LOOKED = 10  # steps between two looks at whether the layout is the best so far
AGAIN = 0.8  # share of a run from which one goes on that is told something after it was arranged

Guided = Callable[[Request], Guidance]


class Composition(PieceRun):
    """Arranges pieces until they read as a prompt.

    ``phase`` is "arrange" or "finish"; ``loss`` is that of the last step. See `vertumnus.live.run.LiveRun` for how to
    iterate, steer and stop it (stopped, it goes back to the best layout there was), and
    `vertumnus.live.pieces.PieceRun` for the table of pieces.

    spec     ``options`` are those of `ComposeOptions`, and ``guidance``, what guides, as documents keep it
    source   what guides, where it is open already
    scene    of a run of the same spec with another seed, which is then not made anew
    guided   another guidance than the source's own

    Raises `VertumnusError` for a prompt or count that nothing can be done with, or if what guides cannot be had or is
    not what the spec's was.
    """

    most = 5000

    def __init__(
        self,
        spec: RunSpec,
        inputs: Inputs,
        source: Source | None = None,
        scene: Scene | None = None,
        guided: Guided | None = None,
    ) -> None:
        super().__init__(spec, inputs)
        kept = dict(spec.options)
        named = kept.pop("guidance", [])
        if not isinstance(named, list):
            raise VertumnusError("guidance: must be a list of objects with a kind")
        self.options = ComposeOptions(**kept)
        self.source = (
            source if source is not None else open_guidance(*map(read_guidance, named), pictures=inputs.references)
        )
        self.prompt = spec.prompt or ""
        if not self.prompt.strip() and any(options.needs_prompt for options in all_options(self.source)):
            raise VertumnusError("prompt: it is empty; write what the collage is to show, such as a butterfly")
        for name, digest in self.source.inputs().items():
            inside = name.partition(":")[2] in spec.references
            if spec.models and not inside and spec.models.get(name) != digest:
                raise VertumnusError(f"guidance: {name} is not what it was when the run was made")
        if not self.pieces.elements:
            raise VertumnusError("there is no element to place")
        if len(self.pieces.elements) > self.most:
            raise VertumnusError(f"count: {len(self.pieces.elements):,} pieces are too many, at most {self.most:,}")
        self.container = _container(spec, inputs)
        self.background = _colour(spec.background)
        self.rng = np.random.default_rng(spec.seed)
        self.scene = self._first = scene if scene is not None else self._scene()
        self._guided = guided or self.source.guidance
        self._guidance: Guidance | None = None
        start = random_layout(self.scene.which, self.scene.longer, spec.size, self.rng)
        rows, columns = (max(1, round(side * self.scene.zoom)) for side in spec.size[::-1])
        self._canvas = rows, columns
        photo = any(isinstance(options, PhotoOptions) for options in all_options(self.source))
        reference = self.guidance.reference if photo else None
        if self.options.initial == "structure" and reference is None:
            raise VertumnusError("initial: structure needs a photograph to guide, as photo:FILE")
        self.structured = reference is not None and self.options.initial != "random" and inputs.start is None
        if self.structured:
            assert reference is not None
            start = structured_layout(reference, self.scene, self.rng)
        if inputs.start is not None:
            take_over(start, inputs.start, self.pieces.placed)
        let_change(start, self.options, self.rng, fixed_gain=inputs.start is not None)
        self._begin(start)
        self._follow()

    def _scene(self) -> Scene:
        library = list(self.library.values()) if self._swaps() or self.options.population > 1 else []
        return make_scene(self.pieces.elements, self.spec.size, self.source.resolution, library)

    def _swaps(self) -> int:
        """Pieces for which another picture is tried at a time."""
        if self.options.swaps is not None:
            return self.options.swaps
        return SWAPS if self.source.layered and len(self.library) > len(self.pieces.elements) else 0

    def _begin(self, start: Placements, share: float = 0.0) -> None:
        """Poses the pieces there are, to be arranged from ``start`` on, as if a share of the run were done."""
        self.strict = is_strict(self.options, self.source)
        given = Given(
            self.source, self._guidance, self.container, self.background, self.structured,
            self.inputs.start is not None, self._swaps(),
        )  # fmt: skip
        self.joint, self.search = pose(self.scene, self.options, given, start, self.pinned, self.rng)
        self.optimiser.iteration = int(share * self.optimiser.total)
        self.ground: OccupancyGrid | None = None
        self.phase = "arrange"
        self.done, self.total = self.optimiser.iteration, self.optimiser.total
        self._likeness: float | None = None
        self._anew()

    def _steps(self) -> Iterator[None]:
        self.joint.guidance = self.guidance
        if self.phase == "arrange" and not self.stopping:
            for _ in self.search:
                self.done, self._likeness = self.optimiser.iteration, None
                if self.done % LOOKED == 0:
                    self._remember()
                yield
                if self.stopping:
                    self._remember()
                    self.search.settle()
                    self.search.recall()
                    break
        if not self.strict:
            return
        self.phase, self.done, self.total = "finish", 0, 0
        belong = self.options.match == "names" or self.joint.target_colour is not None
        for ground in move_apart(self._ground(), self.joint.target_alpha, self.rng, belong):
            self.ground = ground
            self.done += 1
            yield
            if self.stopping and ground.final:
                break

    def _ground(self) -> OccupancyGrid:
        o = self.optimiser
        return make_ground(self.scene, o.placements, o.freedom, self.container, self.options.gap)

    # What is there.

    @property
    def guidance(self) -> Guidance:
        """What judges the picture; made when first needed, for it may hold a student in the source's network."""
        if self._guidance is None:
            self._guidance = self._guided(
                Request(
                    self.prompt,
                    self._canvas,
                    self.rng,
                    self.background,
                    self.spec.seed,
                    self.inputs.start is not None,
                    len(self.numbers),
                )
            )
        return self._guidance

    @property
    def optimiser(self) -> Optimiser:
        """Of the run's own layout."""
        return self.search.optimiser

    @property
    def loss(self) -> float:
        """Of the last step, eq. (6)."""
        return self.optimiser.loss

    @property
    def likeness(self) -> float:
        """How well the last picture agrees with what the guidance wants: of ink, the intersection of the two over
        their union; else the loss, turned so that more is better.
        """
        canvas, target = self.optimiser.canvas, self.joint.target_alpha
        if self._likeness is not None:
            return self._likeness
        if canvas is None or target is None:
            return -self.joint.semantic
        ink = np.clip(canvas[..., 3], 0, 1)
        return float(np.minimum(ink, target).sum() / max(float(np.maximum(ink, target).sum()), 1e-9))

    @property
    def score(self) -> float:
        """`likeness`."""
        return self.likeness

    def _remember(self) -> None:
        if self.joint.target_alpha is not None:
            self.search.remember(self.likeness)

    def _follow(self) -> None:
        """Lets the table of pieces tell what each shows, which is chosen anew as the run goes on."""
        for n, which in enumerate(self.optimiser.placements.which):
            shown = self.scene.elements[which]
            if shown is not self.pieces.elements[n] and shown.image != self.pieces.elements[n].image:
                self.pieces.replace(n, shown)

    def look(self) -> NDArray[np.float32]:
        """The picture of the pieces as they lie, H x W x 5, as the guidance sees it."""
        return self.optimiser.stages[0].renderer.forward(self.optimiser.placements)

    def placements(self) -> Placements:
        """Where the pieces lie now; one that found no place where it was looked for last, at its least size."""
        here = self.optimiser.placements.copy()
        if self.ground is not None:
            here.groups["pose"] = self.ground.placements()["pose"].copy()
        return here

    def layout(self) -> list[Placement | None]:
        """Where each piece lies; None for one that found no place in the strict finish."""
        if self.ground is None:
            return [self.optimiser.placements.placement(i) for i in range(len(self.numbers))]
        return [self.ground.placement(i) if placed else None for i, placed in enumerate(self.ground.placed)]

    def looks(self) -> list[dict[str, Any]]:
        """How each piece looks beside its placement, as fields of a layer, where it may change."""
        p = self.optimiser.placements
        found: list[dict[str, Any]] = [{} for _ in self.numbers]
        coloured = gains(p) if "gain" in p or "tint" in p else None
        for i, look in enumerate(found):
            if coloured is not None:
                look |= {"gain": tuple(map(float, coloured[i])), "light": "srgb"}
            if "opacity" in p:
                look["opacity"] = float(p.opacity[i])
            if "order" in p:
                look["depth"] = float(np.clip(p.order[i], 0, 1))
        return found

    def sketch(self) -> Collage:
        """The layers as they are now; see `PieceRun.sketch`."""
        collage = super().sketch()
        collage.rendering = self.options.render
        return collage

    def _placed(self) -> NDArray[np.bool_]:
        return np.ones(len(self.numbers), bool) if self.ground is None else self.ground.placed

    def document(self) -> Collage:
        """The collage as it is now."""
        self._follow()
        spec = self.told()
        collage = Collage(
            width=spec.size[0], height=spec.size[1], seed=spec.seed, background=spec.background, prompt=self.prompt
        )
        collage.rendering = self.options.render
        layout = self.layout()
        self.pieces.add_to(collage, layout, self.pinned.tolist(), self.looks())
        missing = [name for name, place in zip(self.pieces.names, layout, strict=True) if place is None]
        report: dict[str, Any] = {}
        if collage.layers:
            measured = measure_packing(collage, self.container or parse_shape("canvas"))._asdict()
            report = {name: round(measured[name], 6) for name in ("coverage", "overlap", "area_cv")}
        report |= {
            "layers": len(collage.layers),
            "unplaced": [{"name": name, "reason": "no free place was left near it"} for name in missing],
            "skipped": [{"name": name, "reason": reason} for name, reason in spec.skipped],
        }
        for source in getattr(self.source, "sources", [self.source]):
            report |= source.understood(self.prompt) if hasattr(source, "understood") else {}
            picture = source.kept(fitting(self._canvas, source.resolution)) if hasattr(source, "kept") else None
            if picture is not None:
                named = getattr(source.options, source.options.argument)
                name = collage.pictures.add_pixels(np.asarray(picture.convert("RGBA")))
                spec = spec.changed(references={**spec.references, named: name})
        return self._sealed(collage, spec, report)

    def sibling(self, seed: int, guided: Guided | None = None) -> Self:
        """A run of the same spec with another seed, at its beginning, guided by the same source."""
        return type(self)(self.spec.changed(seed=seed, journal=()), self.inputs, self.source, self._first, guided)

    def close(self) -> None:
        """Gives back what its guidance holds, such as a student within the source's network."""
        if self._guidance is not None:
            self._guidance.close()

    # What it is told.

    def _check(self, command: Command) -> None:
        super()._check(command)
        if isinstance(command, SetOption):
            self.options.changed(**{command.name: command.value})

    def _do(self, command: Command) -> None:
        arranging = self.phase == "arrange" and not self.finished
        here = self.placements()
        self._follow()
        if isinstance(command, Pin | Release):
            at = self._at(command.piece)
            self.pinned[at] = isinstance(command, Pin)
            if arranging:
                self.optimiser.freedom.movable[at] = not self.pinned[at]
                return
            if self.pinned[at]:
                return
        elif isinstance(command, Move | Scale | Rotate):
            at = self._at(command.piece)
            here.put(at, **command.model_dump(exclude={"kind", "piece", "joined"}, exclude_none=True))
            if arranging:
                self.optimiser.placements["pose"][:, at] = here["pose"][:, at]
                self.optimiser.forget(np.array([at]))
                self.search.forget()
                return
        elif isinstance(command, Remove):
            here = self._removed(command, here)
        elif isinstance(command, Replace):
            here = self._replaced(command, here)
        elif isinstance(command, Add):
            here = here.join(self._added(command))
        elif isinstance(command, SetOption):
            self.options = self.options.changed(**{command.name: command.value})
            let_change(here, self.options, self.rng, fixed_gain=True)
        share = self.optimiser.progress if arranging else AGAIN
        self.scene = self._scene()
        self._begin(here.showing(self.scene.which), share)

    def _added(self, command: Add) -> Placements:
        self._join(command.element)
        new = random_layout(
            np.zeros(1, np.int32),
            np.array([max(command.element.width, command.element.height)]),
            self.spec.size,
            self.rng,
        )
        given = {"x": command.x, "y": command.y, "scale": command.scale, "rotation": command.rotation}
        # Eq. (5) for as many as there are now, not for one alone.
        new.log_scale += np.log(initial_scale(len(self.numbers)) / initial_scale(1))
        new.put(0, **{name: value for name, value in given.items() if value is not None})
        return new

    # Writing it down.

    def _write(self) -> dict[str, Any]:
        self._follow()
        return {
            **{name: copied(value) for name, value in self.optimiser.state().items()},
            **{name: copied(value) for name, value in self.guidance.state().items()},
            "phase": self.phase,
            "done": self.done,
            "total": self.total,
            "finished": self.finished,
            "stopping": self.stopping,
            "options": self.options.model_dump(mode="json", exclude_unset=True),
            "likeness": self.likeness,
            **{name: copied(value) for name, value in self.search.write().items()},
            **self._write_pieces(),
            **(self.ground.state() if self.ground is not None and self.finished else {}),
        }

    def _read(self, state: dict[str, Any]) -> None:
        state = State.of(state)
        self.options = ComposeOptions(**state["options"])
        self._read_pieces(state)
        self.scene = self._scene()
        groups = read_groups(state.part("placements"), len(self.scene.which))
        x, y, log_scale, rotation = groups.pop("pose")
        flip = state.array("flip", (len(self.scene.which),), "b")
        here = Placements(x, y, log_scale, rotation, flip, self.scene.which)
        here.groups |= groups
        self._begin(here)
        guidance = self.guidance  # made before the generator that seeds it goes back to its state
        units = np.array([element.unit for element in self.scene.elements])
        own = {"which": self.scene.which, "unit": units[self.scene.which]}
        self.optimiser.restore(State({**state, **own}, state.source))
        guidance.restore(state)  # type: ignore[arg-type]
        self.search.read(state)
        self.done, self._likeness = self.optimiser.iteration, float(state["likeness"])
        self.finished, self.stopping = state.flag("finished"), state.flag("stopping")
        if self.finished:
            self.phase = str(state["phase"])
            self.done, self.total = (state.number(name, 0, MAX_STEPS) for name in ("done", "total"))
            if "grid_pose" in state:
                ground = self._ground()
                self.ground = OccupancyGrid.of(ground.problem, ground.freedom, state)


def _container(spec: RunSpec, inputs: Inputs) -> Shape | None:
    """The shape that pieces are to stay in, from its picture at some multiple of the canvas's size."""
    if spec.container is None or inputs.mask is None:
        return None
    drawn = inputs.mask.astype(np.uint8) * np.uint8(255)
    return Shape(spec.container.named, lambda width, height: _fitted(drawn, width, height))


def _fitted(drawn: Coverage, width: int, height: int) -> Coverage:
    if drawn.shape == (height, width):
        return drawn
    larger = width > drawn.shape[1]
    filtered = Image.Resampling.BILINEAR if larger else Image.Resampling.BOX
    return np.asarray(Image.fromarray(drawn).resize((width, height), filtered))


def _colour(css: str | None) -> Colour:
    red, green, blue, _ = parse_colour(css or "white")
    return red / 255, green / 255, blue / 255
