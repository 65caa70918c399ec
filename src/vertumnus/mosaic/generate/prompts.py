"""Which prompt each tile gets: one for all, one of several at random, one by region, or its own from a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.colour import parse_colour
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.reference import read_reference
from vertumnus.reading import read_text

if TYPE_CHECKING:
    from vertumnus.mosaic.generate.generate import Request

NEAR = 30  # levels of a channel by which a map's pixel may differ from a region's colour


class Region(NamedTuple):
    """A part of the reference with a prompt of its own.

    colour  by which the region map shows it, red, green and blue
    name    of the colour, as it was written
    """

    colour: tuple[int, int, int]
    name: str
    prompt: str

    @classmethod
    def parse(cls, text: str) -> Region:
        """Reads ``COLOUR=PROMPT``. Raises `VertumnusError` for anything else, or a name that is no colour's.

        >>> Region.parse("red=a cat")
        Region(colour=(255, 0, 0), name='red', prompt='a cat')
        """
        name, equals, prompt = text.partition("=")
        if not equals or not prompt.strip():
            raise VertumnusError(f"`region`: {text!r} is not a colour and a prompt; write 'red=a cat'")
        try:
            red, green, blue, _ = parse_colour(name.strip())
        except VertumnusError as error:
            raise VertumnusError(f"`region`: {error}") from None
        return cls((red, green, blue), name.strip(), prompt.strip())


def read_prompts(path: Path) -> list[str]:
    """A prompt a line, empty lines left out. Raises `VertumnusError` if the file holds none or cannot be read."""
    found = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not found:
        raise VertumnusError(f"{path}: holds no prompt; write one a line")
    return found


def place_prompts(grid: Grid, size: tuple[int, int], request: Request, seed: int) -> list[str]:
    """The prompt of each cell.

    size  of the reference, width and height

    Raises `VertumnusError` for a list or shares of another length, and a map of another aspect or without a region.
    """
    count = len(grid)
    if request.each:
        if len(request.each) != count:
            raise VertumnusError(f"prompts: {len(request.each)} for {count} cells; a list has one for each")
        return list(request.each)
    if not request.prompts:
        raise VertumnusError("prompts: there are none; say what the tiles are to show")
    rng = np.random.default_rng([seed, 17])
    if request.shares:
        picked = rng.choice(len(request.prompts), count, p=_shares(request)).tolist()
    else:
        picked = rng.integers(0, len(request.prompts), count).tolist()
    chosen = [request.prompts[n] for n in picked]
    if not request.regions:
        if request.region_map is not None:
            raise VertumnusError(f"{request.region_map}: a region map needs regions, as 'red=a cat'")
        return chosen
    if request.region_map is None:
        raise VertumnusError("`region`: needs a region map, the picture that shows where regions are")
    return _by_region(grid, size, request.regions, request.region_map, chosen)


def _shares(request: Request) -> np.ndarray:
    """How likely each prompt is. Raises `VertumnusError` for shares that are none."""
    shares = np.asarray(request.shares, float)
    if len(shares) != len(request.prompts):
        raise VertumnusError(f"`shares`: {len(shares)} for {len(request.prompts)} prompts; give one for each")
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise VertumnusError("`shares`: must be numbers not below 0, and not all 0")
    return shares / shares.sum()


def _by_region(
    grid: Grid, size: tuple[int, int], regions: Sequence[Region], path: Path, chosen: list[str]
) -> list[str]:
    picture, _ = read_reference(path)
    if abs(np.log(picture.width / picture.height * size[1] / size[0])) > 0.05:
        raise VertumnusError(
            f"{path}: is {picture.width} x {picture.height}, not the aspect of the reference, {size[0]} x {size[1]}"
        )
    pixels = np.asarray(picture.convert("RGB"), np.int16)
    apart = np.stack([np.abs(pixels - region.colour).max(-1) for region in regions])
    which = np.where(apart.min(0) <= NEAR, apart.argmin(0), -1)
    for number, region in enumerate(regions):
        if not (which == number).any():
            common = Counter(map(tuple, pixels.reshape(-1, 3).tolist())).most_common(4)
            shown = ", ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour, _ in common)
            raise VertumnusError(f"{path}: shows no {region.name} for the region of that name; it shows {shown}")
    small = Image.fromarray((which + 1).astype(np.uint8))
    scale = np.array([picture.width / grid.width, picture.height / grid.height] * 2)
    for n, box in enumerate(grid.boxes * scale):
        left, top, right, bottom = (int(edge) for edge in np.round(box))
        part = np.asarray(small.crop((left, top, max(right, left + 1), max(bottom, top + 1))))
        most = int(np.bincount(part.ravel(), minlength=len(regions) + 1).argmax())
        if most:
            chosen[n] = regions[most - 1].prompt
    return chosen
