"""The world of icons: an endless, seeded supply of captioned scenes, drawn with the program's own renderer."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vertumnus.elements.icons import Glyph
from vertumnus.models.mini.captions import Form, any_form, caption
from vertumnus.models.mini.glyphs import FILLS, TEXELS, glyph_sprites
from vertumnus.models.mini.vocabulary import COLOURS, SIDES, SIZES, TRAINED_FONTS, glyphs_of, nouns
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.picture import straight
from vertumnus.render.placements import Placements

Pixels = NDArray[np.uint8]
Combinations = Literal["all", "trained", "held out"]
CONTRAST = 0.36  # least distance of a thing's colour from the ground's, in RGB from 0 to 1
HELD_OUT_SHARE = 12  # one in so many combinations of noun and colour is never trained on


@dataclass(frozen=True)
class Thing:
    """One object of a scene. Places and sizes are in sides of the canvas, the rotation in degrees clockwise."""

    noun: str
    colour: str
    size: str
    rgb: tuple[float, float, float]
    glyph: int
    fill: int
    x: float
    y: float
    extent: float
    rotation: float
    flip: bool


@dataclass(frozen=True)
class Ground:
    """What lies behind: ``plain``, ``gradient``, ``dots``, ``stripes`` or ``checks`` in two shades of a colour."""

    colour: str
    kind: str
    light: tuple[float, float, float]
    dark: tuple[float, float, float]
    angle: float = 0.0
    period: float = 0.125


@dataclass(frozen=True)
class Scene:
    """Things on a ground, back to front, and what the picture is called.

    layout  ``single``, ``row``, ``column`` or ``scattered``
    side    where a single thing is: left, right, top, bottom, centre
    alike   all things are the same noun in the same colour
    """

    things: tuple[Thing, ...]
    ground: Ground
    layout: str
    side: str
    alike: bool
    form: Form
    caption: str = ""


@dataclass(frozen=True)
class WorldOptions:
    """How varied the scenes are.

    nouns         how many of the vocabulary, from its start
    fonts         whose glyphs are drawn
    styles        glyphs of a noun at most
    single        the share of scenes with one thing; the rest have two to four
    centred       of these, the share whose thing is in the middle and not small
    plain         the share of grounds that are one flat colour
    flat          the share of things that are filled flatly
    extent        longer side of a single thing in the middle, in canvas sides; None for any of its size
    turn          degrees, the largest rotation
    jitter        canvas sides, how far a thing may be off its place
    mirrored      the share of things that are mirrored
    empty         the share of empty captions
    palette       colours of things and colours of grounds to keep to, where they allow it; None for all
    combinations  of nouns and colours: all, those trained on, or those held out
    """

    nouns: int = 48
    fonts: tuple[str, ...] = TRAINED_FONTS
    styles: int = 4
    single: float = 0.6
    centred: float = 0.3
    plain: float = 0.5
    flat: float = 0.5
    extent: tuple[float, float] | None = None
    turn: float = 12.0
    jitter: float = 0.05
    mirrored: float = 0.5
    empty: float = 0.03
    palette: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    combinations: Combinations = "trained"


# One thing in the middle, flat on a plain ground; and the same always of one size, upright and one way round.
SIMPLE = WorldOptions(styles=1, single=1.0, centred=1.0, plain=1.0, flat=1.0, turn=4.0, empty=0.0)
# The last is dark things on light grounds: a silhouette is then one template, whatever its colours.
STEADY = replace(SIMPLE, extent=(0.68, 0.76), turn=2.0, jitter=0.01, mirrored=0.0)
DARK_ON_LIGHT = replace(
    STEADY, palette=(("black", "blue", "purple", "brown", "green", "red"), ("white", "yellow", "turquoise", "pink"))
)


def held_out(noun: str, colour: str) -> bool:
    """Whether no model has seen this noun in this colour.

    >>> sum(held_out(noun, colour) for noun in nouns(48) for colour in COLOURS) / (48 * 12) < 0.15
    True
    """
    return zlib.crc32(f"{colour} {noun}".encode()) % HELD_OUT_SHARE == 0


@cache
def _grounds_for() -> dict[str, list[str]]:
    """The colours that stand out against each ground."""
    rgb = {name: np.array(value) / 255 for name, value in COLOURS.items()}
    return {
        thing: [
            ground for ground in COLOURS if np.linalg.norm(rgb[thing] - rgb[ground]) > CONTRAST * np.sqrt(3) / 1.2
        ]
        for thing in COLOURS
    }


class World:
    """Scenes by number: the same seed, options and number give the same scene.

    side  of the canvas, pixels
    """

    def __init__(self, seed: int = 0, options: WorldOptions | None = None, side: int = 128) -> None:
        self.seed = seed
        self.options = options or WorldOptions()
        self.side = side
        self.nouns = tuple(noun for noun in nouns(self.options.nouns) if glyphs_of(noun, self.options.fonts))
        self.glyphs: list[Glyph] = []
        self._styles: dict[str, range] = {}
        for noun in self.nouns:
            found = glyphs_of(noun, self.options.fonts)[: self.options.styles]
            self._styles[noun] = range(len(self.glyphs), len(self.glyphs) + len(found))
            self.glyphs.extend(found)
        self._colours = {noun: self._allowed(noun) for noun in self.nouns}
        self._sprites = glyph_sprites(self.glyphs)
        self._renderer = SpriteRenderer(self._sprites, side, side)
        middle = (np.arange(side, dtype=np.float32) + 0.5) / side
        self._down, self._across = np.meshgrid(middle, middle, indexing="ij")

    def _allowed(self, noun: str) -> list[str]:
        wanted = self.options.combinations
        kept = self.options.palette[0] if self.options.palette else COLOURS
        return [colour for colour in kept if wanted == "all" or held_out(noun, colour) == (wanted == "held out")]

    def scene(self, number: int) -> Scene:
        """The scene of that number."""
        rng = np.random.default_rng((self.seed, number))
        options = self.options
        single = rng.random() < options.single
        count = 1 if single else int(rng.choice([2, 2, 2, 3, 4]))
        alike = not single and rng.random() < 0.25
        usable = [noun for noun in self.nouns if self._colours[noun]]
        # Distinct nouns, so that a caption says which thing is meant.
        chosen = [usable[n] for n in rng.permutation(len(usable))[:count]]
        if alike:
            chosen = chosen[:1] * count
        pairs: list[tuple[str, str]] = []
        for noun in chosen:
            pairs.append(pairs[0] if alike and pairs else (noun, _pick(rng, self._colours[noun])))
        ground = self._ground(rng, [colour for _, colour in pairs])
        layout, side, spots = self._layout(rng, len(pairs))
        size = _pick(rng, list(SIZES)) if alike else None
        things = tuple(
            self._thing(rng, noun, colour, spot, len(pairs), side, size)
            for (noun, colour), spot in zip(pairs, spots, strict=True)
        )
        scene = Scene(things, ground, layout, side, alike, any_form(rng))
        text = "" if rng.random() < options.empty else caption(scene)
        return Scene(things, ground, layout, side, alike, scene.form, text)

    def _ground(self, rng: np.random.Generator, taken: list[str]) -> Ground:
        kept = self.options.palette[1] if self.options.palette else COLOURS
        allowed = [colour for colour in kept if all(colour in _grounds_for()[thing] for thing in taken)]
        colour = _pick(rng, allowed or ["white"])
        light = _shade(rng, colour)
        if rng.random() < self.options.plain:
            return Ground(colour, "plain", light, light)
        change = rng.uniform(0.72, 0.88) if np.mean(light) > 0.35 else rng.uniform(1.25, 1.5)
        lift = 0.0 if np.mean(light) > 0.12 else 0.08
        dark = tuple(float(np.clip(value * change + lift, 0, 1)) for value in light)
        kind = _pick(rng, ["gradient", "gradient", "dots", "stripes", "checks"])
        return Ground(colour, kind, light, dark, rng.uniform(0, 2 * np.pi), rng.uniform(0.09, 0.2))  # type: ignore[arg-type]

    def _layout(self, rng: np.random.Generator, count: int) -> tuple[str, str, list[tuple[float, float]]]:
        """How things are laid out, on which side, and where each one's middle is."""
        if count == 1:
            side = "centre" if rng.random() < self.options.centred else _pick(rng, list(SIDES))
            return "single", side, [SIDES[side]]
        if count == 2 or (count == 3 and rng.random() < 0.5):
            layout = _pick(rng, ["row", "row", "column"])
            along = (np.arange(count) + 0.5) / count
            spots = [(float(t), 0.5) if layout == "row" else (0.5, float(t)) for t in along]
            return layout, "", spots
        corners = [(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)]
        return "scattered", "", [corners[n] for n in rng.permutation(4)[:count]]

    def _thing(
        self,
        rng: np.random.Generator,
        noun: str,
        colour: str,
        spot: tuple[float, float],
        count: int,
        side: str,
        size: str | None,
    ) -> Thing:
        options = self.options
        if size is None:
            size = _pick(rng, list(SIZES))
        low, high = SIZES[size]
        centred = count == 1 and side == "centre" and rng.random() < options.centred
        if centred:
            size = "large" if rng.random() < 0.5 else ""
            low, high = options.extent or SIZES[size]
        share = {1: 1.0, 2: 0.72, 3: 0.6, 4: 0.56}[count]
        if count == 1 and side != "centre":
            share = 0.72  # room to be on a side
        extent = rng.uniform(low, high) * share
        jitter = options.jitter
        room = max(0.0, 0.5 - extent / 2)
        x, y = (float(np.clip(at + rng.uniform(-jitter, jitter), 0.5 - room, 0.5 + room)) for at in spot)
        return Thing(
            noun,
            colour,
            size,
            _shade(rng, colour),
            int(rng.choice(np.array(self._styles[noun]))),
            0 if rng.random() < options.flat else int(rng.integers(1, len(FILLS))),
            x,
            y,
            float(extent),
            float(rng.uniform(-options.turn, options.turn)),
            bool(rng.random() < options.mirrored),
        )

    def draw(self, scene: Scene) -> Pixels:
        """The scene as side x side x 3 bytes."""
        return straight(self._forward(scene.things, self._backdrop(scene.ground)))[..., :3]

    def _forward(self, things: Iterable[Thing], ground: NDArray[np.float32] | None) -> NDArray[np.float32]:
        things = list(things)
        placements = Placements(
            x=np.array([thing.x * self.side for thing in things]),
            y=np.array([thing.y * self.side for thing in things]),
            log_scale=np.log([thing.extent * self.side / TEXELS for thing in things]),
            rotation=np.deg2rad([thing.rotation for thing in things]),
            flip=np.array([thing.flip for thing in things], bool),
            which=np.array([len(FILLS) * thing.glyph + thing.fill for thing in things], np.int32),
            gain=np.array([thing.rgb for thing in things]).reshape(-1, 3),
        )
        return self._renderer.forward(placements, ground)

    def _backdrop(self, ground: Ground) -> NDArray[np.float32]:
        canvas = np.ones((self.side, self.side, 4), np.float32)
        light, dark = np.array(ground.light, np.float32), np.array(ground.dark, np.float32)
        if ground.kind == "plain":
            canvas[..., :3] = light
            return canvas
        cos, sin = np.float32(np.cos(ground.angle)), np.float32(np.sin(ground.angle))
        u, v = cos * self._across + sin * self._down, cos * self._down - sin * self._across
        wave = np.float32(2 * np.pi / ground.period)
        if ground.kind == "gradient":
            share = (u - u.min()) / (u.max() - u.min())
        else:
            if ground.kind == "stripes":
                share = np.sin(u * wave)
            elif ground.kind == "checks":
                share = 2 * np.sin(u * wave) * np.sin(v * wave)
            else:
                share = np.cos(u * wave) + np.cos(v * wave) - 1
            share = np.clip(0.5 + 2 * share, 0, 1)
        canvas[..., :3] = light + share[..., None] * (dark - light)
        return canvas

    def batch(self, first: int, count: int) -> tuple[Pixels, list[str]]:
        """Pictures (count x side x side x 3) and captions of the scenes from number ``first`` on."""
        scenes = [self.scene(number) for number in range(first, first + count)]
        return np.stack([self.draw(scene) for scene in scenes]), [scene.caption for scene in scenes]

    def layers(self, scene: Scene) -> list[tuple[Pixels, str]]:
        """The scene taken apart, back to front: (side x side x 4 straight RGBA, what it shows).

        The first is the ground. Laid over each other they are the scene.
        """
        ground = scene.ground
        form = Form(colour=True)
        parts = [(straight(self._backdrop(ground)), f"a {ground.colour} background")]
        for thing in scene.things:
            alone = Scene((thing,), ground, "single", "", False, form)
            parts.append((straight(self._forward([thing], None)), caption(alone)))
        return parts

    def silhouette(self, noun: str, style: int = 0, extent: float = 0.82) -> NDArray[np.float32]:
        """One noun's glyph alone, centred and upright: side x side coverage from 0 to 1."""
        glyph = self._styles[noun][style % len(self._styles[noun])]
        thing = Thing(noun, "black", "", (1.0, 1.0, 1.0), glyph, 0, 0.5, 0.5, extent, 0.0, False)
        return self._forward([thing], None)[..., 3]


def _pick(rng: np.random.Generator, words: list[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _shade(rng: np.random.Generator, colour: str) -> tuple[float, float, float]:
    """A colour as it turns up: a little off its name's."""
    rgb = np.array(COLOURS[colour]) / 255 + rng.normal(0, 0.018, 3)
    red, green, blue = np.clip(rgb, 0, 1).tolist()
    return red, green, blue
