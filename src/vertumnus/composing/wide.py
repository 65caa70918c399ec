"""Wide pictures: overlapping windows with a prompt each, arranged one after the other, finished ones as the ground.

As CLIP-CLOP tiles its pictures (Mirowski et al., 2022): rows from the top, windows from the left, each a third over
its neighbours'. What lies in a window already stays as it is and is seen by what guides there. Pieces are never cut:
one that reaches over the border of its window does so in the picture as well, so there is no seam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vertumnus.composing.compose import Guided, live_compose, run
from vertumnus.composing.composition import Composition
from vertumnus.composing.options import ComposeOptions
from vertumnus.document.collage import Collage
from vertumnus.document.layer import Layer
from vertumnus.elements.collect import Sources, gather
from vertumnus.errors import VertumnusError
from vertumnus.guidance.registry import DEFAULT
from vertumnus.limits import check_canvas, check_whole

OVERLAP = 1 / 3  # of a window's side
SIDE = 600  # pixels of a window's sides
MOST = 400  # windows
TOOL = "compose-wide"
Watcher = Callable[[Composition], None]


@dataclass
class Wide:
    """A wide picture that grows window by window.

    rows      prompts, window by window
    side      of a window, canvas pixels
    step      from one window to the next, canvas pixels
    collage   what there is so far
    """

    rows: list[list[str]]
    side: int
    step: int
    collage: Collage
    reports: list[dict[str, Any]] = field(default_factory=list)

    def corner(self, number: int) -> tuple[int, int]:
        """Left and top of a window, counted row by row."""
        row, column = divmod(number, len(self.rows[0]))
        return column * self.step, row * self.step

    def seen(self, number: int) -> Collage:
        """What lies in a window by now, in its own coordinates, every layer locked."""
        left, top = self.corner(number)
        window = Collage(width=self.side, height=self.side, background=self.collage.background)
        for layer in self.collage.layers:
            if self._reaches(layer, left, top):
                window.pictures.take_from(self.collage.pictures, layer.image)
                moved = {"x": layer.x - left, "y": layer.y - top, "locked": True}
                window.layers.append(layer.model_copy(update=moved))
        return window

    def _reaches(self, layer: Layer, left: int, top: int) -> bool:
        """Whether the box of a layer's picture, turned, reaches into a window."""
        width, height = self.collage.pictures.size(layer.image)
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
        x, y = (layer.placement.matrix(width, height) @ np.vstack([corners.T, np.ones(4)]))[:2]
        return bool(x.max() > left and x.min() < left + self.side and y.max() > top and y.min() < top + self.side)

    def add(self, number: int, window: Collage, known: int) -> None:
        """Puts a finished window's own layers, those after the ``known`` first, over what there is."""
        left, top = self.corner(number)
        for layer in window.layers[known:]:
            self.collage.pictures.take_from(window.pictures, layer.image)
            moved = {"id": "", "name": f"{layer.name} {number + 1}", "x": layer.x + left, "y": layer.y + top}
            self.collage.layers.append(layer.model_copy(update=moved))
        made = window.made_by
        assert made is not None
        self.reports.append({"prompt": window.prompt, "left": left, "top": top, **made.report})
        skipped = self.reports[0]["skipped"]
        self.collage.made_by = made.model_copy(
            update={
                "tool": TOOL,
                "inputs": {"windows": self.rows, "side": self.side, "step": self.step, **_kept(made.inputs)},
                "report": {"layers": len(self.collage.layers), "skipped": skipped, "windows": self.reports},
            }
        )


def _kept(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name in ("elements", "models", "provenance")}


def wide_runs(
    elements: Sources,
    prompts: Sequence[str],
    *,
    guidance: Guided = DEFAULT,
    size: int = SIDE,
    overlap: float = OVERLAP,
    seed: int = 0,
    count: int | None = None,
    options: ComposeOptions | None = None,
    **choices: Any,
) -> Iterator[tuple[Wide, Composition]]:
    """A live run for each window of a wide picture, to be taken to its end before the next is asked for.

    The arguments are `compose_wide`'s.
    """
    rows = [[prompt.strip() for prompt in line.split("|")] for line in prompts]
    if not rows or len({len(row) for row in rows}) > 1 or not all(map(all, rows)):
        raise VertumnusError("wide: every row must have as many prompts, separated by |, none of them empty")
    if len(rows) * len(rows[0]) > MOST:
        raise VertumnusError(f"wide: {len(rows) * len(rows[0])} windows are too many, at most {MOST}")
    if not 0 <= overlap < 1:
        raise VertumnusError(f"`overlap`: must be from 0 and below 1, not {overlap:g}")
    side = check_whole("`size`", size, 1, 16384)
    step = max(1, round(side * (1 - overlap)))
    width, height = check_canvas(((len(rows[0]) - 1) * step + side, (len(rows) - 1) * step + side))
    chosen = (options or ComposeOptions()).changed(strict=False)
    collage = Collage(width=width, height=height, background=chosen.background, seed=seed)
    collage.prompt = " / ".join(" | ".join(row) for row in rows)
    collage.rendering = chosen.render
    wide = Wide(rows, side, step, collage)
    made = gather(elements, colours=["white"] if chosen.colour not in (None, "own") else ())
    pieces = count if count is not None else len(made.elements)
    for number, prompt in enumerate(prompt for row in rows for prompt in row):
        seen = wide.seen(number)
        live = live_compose(
            made, prompt, guidance=guidance, size=side, seed=seed + number, count=pieces,
            start=seen if seen.layers else None, options=chosen, **choices,
        )  # fmt: skip
        yield wide, live
        wide.add(number, live.document(), len(seen.layers))


def compose_wide(
    elements: Sources,
    prompts: Sequence[str],
    *,
    guidance: Guided = DEFAULT,
    size: int = SIDE,
    overlap: float = OVERLAP,
    seed: int = 0,
    count: int | None = None,
    watch: Watcher | None = None,
    options: ComposeOptions | None = None,
    **choices: Any,
) -> Collage:
    """A wide picture of overlapping square windows, each with a prompt of its own.

    prompts    rows of windows, each ``"sea|beach|forest"``
    size       of a window in pixels; overlap: the share of it that the next one sees as well
    count      pieces of a window; as many as elements by default
    watch      called with the running `Composition` of a window after every step

    Other arguments are `vertumnus.composing.compose.compose`'s. Raises `VertumnusError` as it does, and for rows that
    do not fit together.

    >>> collage = compose_wide(["icon:leaf", "icon:lemon"], ["a star|a heart"], size=120, count=8, iterations=30)
    >>> collage.width, collage.height, len(collage.layers), collage.prompt
    (200, 120, 16, 'a star | a heart')
    """
    made = None
    for made, live in wide_runs(  # noqa: B007
        elements, prompts, guidance=guidance, size=size, overlap=overlap, seed=seed, count=count, options=options,
        **choices,
    ):  # fmt: skip
        run(live, watch)
    assert made is not None
    return made.collage
