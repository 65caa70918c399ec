"""CLIP as guidance: the whole is to lie near the prompts, and away from the negative ones, on its sphere.

The loss of a picture is -sum_n w_n cos(text_n, image), a mean over random looks at the canvas (CLIP-CLOP, Mirowski
et al., 2022). With windows, parts of the canvas have prompts as well: 3 x 3 windows of half its width that overlap by
half, each with a prompt of its own at weight 1/5, and the whole at 9/5; or any grid, or boxes that a person drew.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from vertumnus.errors import VertumnusError
from vertumnus.guidance.distillation import fingerprint
from vertumnus.guidance.looking import Looking
from vertumnus.guidance.options import ClipOptions
from vertumnus.guidance.protocol import Request
from vertumnus.guidance.views import fitted, looks, random_maps
from vertumnus.models import load
from vertumnus.models.checkpoint import find
from vertumnus.models.clip import Clip
from vertumnus.models.mini.vocabulary import nouns
from vertumnus.models.names import nouns_in

Tensor = torch.Tensor
LOCAL, GLOBAL = 1 / 5, 9 / 5  # weights of 3 x 3 windows and of the whole; of another number, in the same proportion
LARGEST = 448  # guidance pixels of a side
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Part:
    """A part of the canvas with a prompt of its own.

    box   left, top, right, bottom, as shares of the canvas
    """

    prompt: str
    box: Box
    weight: float


def parts_of(options: ClipOptions, prompt: str) -> list[Part]:
    """The parts of the canvas that options give prompts, and the whole.

    Raises `VertumnusError` for as many prompts as there are no windows, or a box that is none.
    """
    whole = Part(prompt, (0.0, 0.0, 1.0, 1.0), 1.0)
    if options.boxes:
        boxes = [_box(text) for text in options.boxes]
        _apart([box for _, box in boxes])
        share = GLOBAL / (len(boxes) * LOCAL + GLOBAL)
        return [Part(*box, LOCAL / (len(boxes) * LOCAL + GLOBAL)) for box in boxes] + [_weighed(whole, share)]
    if not options.windows:
        return [whole]
    rows, columns = _grid(options.windows)
    wide, tall = 2 / (columns + 1), 2 / (rows + 1)  # each overlaps the next by half
    total = 9 * LOCAL + GLOBAL
    parts = []
    for row, line in enumerate(options.windows):
        for column, words in enumerate(line.split("|")):
            left, top = column * wide / 2, row * tall / 2
            if words.strip():
                box = (left, top, left + wide, top + tall)
                parts.append(Part(words.strip(), box, 9 * LOCAL / (rows * columns) / total))
    return [*parts, _weighed(whole, GLOBAL / total)]


def _weighed(part: Part, weight: float) -> Part:
    return Part(part.prompt, part.box, weight)


def _grid(lines: tuple[str, ...]) -> tuple[int, int]:
    counts = {line.count("|") + 1 for line in lines}
    if len(counts) > 1:
        raise VertumnusError("windows: every row must have as many prompts, separated by |, empty ones counted")
    return len(lines), counts.pop()


def _box(text: str) -> tuple[str, Box]:
    """``LEFT,TOP,RIGHT,BOTTOM:PROMPT``."""
    numbers, colon, prompt = text.partition(":")
    try:
        left, top, right, bottom = (float(number) for number in numbers.split(","))
    except ValueError:
        left = top = right = bottom = float("nan")
    if not (colon and prompt.strip() and 0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise VertumnusError(f"boxes: {text!r} is no LEFT,TOP,RIGHT,BOTTOM:PROMPT, in shares of the canvas")
    return prompt.strip(), (left, top, right, bottom)


def _apart(boxes: list[Box]) -> None:
    """Raises `VertumnusError` for two boxes of which one hides more than half in the other: they would be at odds."""
    for n, a in enumerate(boxes):
        for b in boxes[:n]:
            width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
            if width > 0 and height > 0 and width * height > 0.5 * smaller:
                raise VertumnusError(f"boxes: {b} and {a} overlap by more than half of the smaller one")


class ClipSource:
    """A CLIP, or another contrastive model; see `vertumnus.guidance.protocol.Source`.

    model   for one that is loaded already

    Raises `VertumnusError` if there is no such model on this machine.
    """

    iterations = 400
    render_weight = 1.0
    side_by_side = False
    layered = True

    def __init__(self, options: ClipOptions, *, device: str | None = None, model: Clip | None = None) -> None:
        self.name = f"clip:{options.model}"
        self.options = options
        self._folder = None
        if model is None:
            self._folder = find("mini-clip" if options.model == "mini" else options.model).path
            model = load(options.model, "clip", device=device)
        self.model = model
        finer = 2 if options.windows or options.boxes else 1
        self.resolution = min(finer * max(self.model.resolution, 128), LARGEST)

    def guidance(self, request: Request) -> ClipGuidance:
        """Where prompts lie on its sphere."""
        return ClipGuidance(self.model, self.options, request)

    def inputs(self) -> dict[str, str]:
        """Its weights."""
        return {self.name: fingerprint(self._folder)} if self._folder is not None else {}


class ClipGuidance(Looking):
    """How far canvases are from the prompts: minus the weighted cosines, -1 to 1."""

    def __init__(self, model: Clip, options: ClipOptions, request: Request) -> None:
        super().__init__(model.name, model.model, model.device, request)
        self.model, self.options = model, options
        self.parts = parts_of(options, request.prompt)
        if options.model == "mini":  # it knows its own world's nouns alone
            for part in self.parts:
                nouns_in(part.prompt, nouns(), "mini")
        template = options.template
        for part in self.parts:
            if not part.prompt.strip():
                raise VertumnusError("prompt: it is empty; write what the collage is to show, such as a butterfly")
        with self._computing():
            self.texts = model.embed_text([template.replace("{}", part.prompt) for part in self.parts])
            self.negative = model.embed_text(options.negative) if options.negative else None

    def losses(self, pictures: Tensor, progress: float) -> Tensor:
        """Minus the cosines, of each part a mean over its looks."""
        o, side = self.options, self.model.resolution
        rows, columns = pictures.shape[-2:]
        total = torch.zeros(len(pictures), device=pictures.device)
        for part, text in zip(self.parts, self.texts, strict=True):
            left, top, right, bottom = part.box
            x0, y0 = round(left * columns), round(top * rows)
            cut = pictures[..., y0 : max(y0 + 1, round(bottom * rows)), x0 : max(x0 + 1, round(right * columns))]
            whole = fitted(cut, max(side, min(cut.shape[-2:])) if o.looks else side, self.ground)
            seen = functional.interpolate(whole, (side, side), mode="bilinear", antialias=True, align_corners=False)
            seen = seen[:, None]
            count = o.looks if part.box == (0.0, 0.0, 1.0, 1.0) else min(o.looks, 1)
            if count:
                maps = random_maps(count, self.generator, o.distortion, o.crop)
                seen = torch.cat([seen, looks(whole, maps, side, self.ground)], 1)
            points = self.model.embed_image(seen.flatten(0, 1)).view(*seen.shape[:2], -1)
            cosines = points @ text
            if self.negative is not None and part.box == (0.0, 0.0, 1.0, 1.0):
                cosines = cosines - o.negative_weight * (points @ self.negative[0])
            total = total - part.weight * cosines.mean(1)
        return total


def open_clip(options: ClipOptions, *, device: str | None = None) -> ClipSource:
    """The source of a CLIP."""
    return ClipSource(options, device=device)
