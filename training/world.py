"""The world of icons: an endless, seeded supply of captioned scenes, drawn with the program's own renderer."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from captions import TOLD, Form, any_form, caption
from drawings import EMOJI, TRAINED, Drawing, drawings_of, render
from fills import FILLS, TEXELS, fill_ink, premultiplied
from grounds import PATTERNS, PHOTOGRAPHS, TEXTURES, Ground, backdrop, mean_colour
from numpy.typing import NDArray

from vertumnus.models.mini.vocabulary import COLOURS, nouns
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites

Pixels = NDArray[np.uint8]
Combinations = Literal["all", "trained", "held out"]
CONTRAST = 0.52  # least distance of a thing's colour from the ground's, in RGB from 0 to 1
HELD_OUT_SHARE = 12  # one in so many combinations of noun and colour is never trained on
MOST = 3  # things in a scene
SMALL, LARGE = 0.34, 0.6  # extents below and above which a thing is called so
_APART = 0.13  # sides of the canvas; nearer to the middle is "centre", and nearer to each other is neither side
_SLOTS = ((0.26, 0.5), (0.74, 0.5), (0.5, 0.26), (0.5, 0.74))


@dataclass(frozen=True)
class Thing:
    """One object of a scene. Places and sizes are in sides of the canvas, the rotation in degrees clockwise.

    colour   its name; empty for a drawing in colours of its own
    drawing  which of the world's
    """

    noun: str
    colour: str
    size: str
    rgb: tuple[float, float, float]
    drawing: int
    fill: str
    x: float
    y: float
    extent: float
    rotation: float
    flip: bool


@dataclass(frozen=True)
class Scene:
    """Things on a ground, back to front, and what the picture is called.

    side   where a single thing is: left, right, top, bottom, centre; empty if it is in a corner
    alike  all things are the same noun in the same colour
    """

    things: tuple[Thing, ...]
    ground: Ground
    side: str
    alike: bool
    form: Form
    caption: str = ""


@dataclass(frozen=True)
class WorldOptions:
    """How varied the scenes are.

    nouns         how many of the vocabulary, from its start; or which
    families      whose drawings there are
    drawings      of a noun at most
    counts        the shares of scenes with one, two and three things
    extents       the longer side of a thing among so many, in canvas sides: (least, most) for each count
    slots         two things lie side by side or one above the other, in the same two places every time
    centred       of single things, the share in the middle
    alike         of several things, the share that are all the same
    plain         the share of grounds that are one flat colour
    photos        of the other grounds, the share that are textures or photographs
    flat          the share of things that are filled flatly
    emoji         the share of scenes whose things are drawn in colours of their own
    fills         what things that are not flat are filled with
    turn          degrees, the largest rotation
    mirrored      the share of things that are mirrored
    empty         the share of empty captions
    told          how often captions tell colours, sizes, sides and the ground
    palette       colours of things and colours of grounds to keep to, where they allow it; None for all
    combinations  of nouns and colours: all, those trained on, or those held out
    """

    nouns: int | tuple[str, ...] = 64
    families: tuple[str, ...] = TRAINED
    drawings: int = 5
    counts: tuple[float, float, float] = (0.4, 0.45, 0.15)
    extents: tuple[tuple[float, float], ...] = ((0.25, 0.8), (0.3, 0.52), (0.25, 0.4))
    slots: bool = False
    centred: float = 0.3
    alike: float = 0.1
    plain: float = 0.5
    photos: float = 0.35
    flat: float = 0.5
    emoji: float = 0.06
    fills: tuple[str, ...] = FILLS[1:]
    turn: float = 12.0
    mirrored: float = 0.5
    empty: float = 0.03
    told: tuple[float, float, float, float] = TOLD
    palette: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    combinations: Combinations = "trained"


# One thing in the middle, flat on a plain ground; and the same always of one size, upright and one way round.
SIMPLE = WorldOptions(
    counts=(1.0, 0.0, 0.0), extents=((0.42, 0.8),), centred=1.0, plain=1.0, flat=1.0, emoji=0.0, turn=4.0, empty=0.0
)
STEADY = replace(SIMPLE, extents=((0.68, 0.76),), turn=2.0, mirrored=0.0)
# Two things, always in the same places and of the same size, flat on a plain ground.
PAIRS = replace(
    SIMPLE, counts=(0.0, 1.0, 0.0), extents=((0.5, 0.5), (0.43, 0.47)), slots=True, alike=0.0, turn=2.0, mirrored=0.0
)
# Dark things on light grounds: a silhouette is then one template, whatever its colours.
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
        thing: [ground for ground in COLOURS if np.linalg.norm(rgb[thing] - rgb[ground]) > CONTRAST]
        for thing in COLOURS
    }


class World:
    """Scenes by number: the same seed, options and number give the same scene.

    side    of the canvas, pixels; the shorter one
    aspect  the canvas's width and height in sides; places are measured in sides too
    """

    def __init__(
        self,
        seed: int = 0,
        options: WorldOptions | None = None,
        side: int = 128,
        aspect: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        self.seed = seed
        self.options = options or WorldOptions()
        self.side = side
        self.aspect = aspect
        self.width, self.height = (round(side * length) for length in aspect)
        wanted = self.options.nouns
        self.nouns = tuple(
            noun
            for noun in (nouns(wanted) if isinstance(wanted, int) else wanted)
            if drawings_of(noun, self.options.families)
        )
        self.drawings: list[Drawing] = []
        self._plain: dict[str, range] = {}
        self._emoji: dict[str, range] = {}
        for noun in self.nouns:
            self._plain[noun] = self._add(drawings_of(noun, self.options.families)[: self.options.drawings])
        for noun in self.nouns if self.options.emoji else ():
            self._emoji[noun] = self._add(drawings_of(noun, EMOJI))
        self._colours = {noun: self._allowed(noun) for noun in self.nouns}
        self._fills = dict.fromkeys((FILLS[0], *self.options.fills))
        pictures, self._first = [], []
        for drawing in self.drawings:
            self._first.append(len(pictures))
            ink = render(drawing, TEXELS)
            if drawing.coloured:
                pictures.append(premultiplied(ink))
            else:
                pictures.extend(fill_ink(ink[..., 3], fill) for fill in self._fills)
        sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
        self._renderer = SpriteRenderer(Sprites.of(pictures, sizes, [0] * len(pictures)), self.width, self.height)
        # What a collage of other things is made of: white flat drawings, coloured by a gain.
        self.pieces = np.array([self._first[n] for noun in self.nouns for n in self._plain[noun]], np.int32)
        self.texels = TEXELS

    def _add(self, drawings: tuple[Drawing, ...]) -> range:
        self.drawings.extend(drawings)
        return range(len(self.drawings) - len(drawings), len(self.drawings))

    def _allowed(self, noun: str) -> list[str]:
        wanted = self.options.combinations
        kept = self.options.palette[0] if self.options.palette else COLOURS
        return [colour for colour in kept if wanted == "all" or held_out(noun, colour) == (wanted == "held out")]

    def scene(self, number: int) -> Scene:
        """The scene of that number."""
        rng = np.random.default_rng((self.seed, number))
        options = self.options
        count = 1 + int(rng.choice(MOST, p=options.counts))
        alike = count > 1 and rng.random() < options.alike
        emoji = bool(self._emoji) and rng.random() < options.emoji
        usable = [noun for noun in self.nouns if (self._emoji[noun] if emoji else self._colours[noun])]
        # Distinct nouns, so that a caption says which thing is meant.
        chosen = [usable[n] for n in rng.permutation(len(usable))[:count]]
        if alike:
            chosen = chosen[:1] * count
        pairs: list[tuple[str, str]] = []
        for noun in chosen:
            colour = "" if emoji else pairs[0][1] if alike and pairs else _pick(rng, self._colours[noun])
            pairs.append((noun, colour))
        ground = self._ground(rng, [colour for _, colour in pairs])
        spots = self._spots(rng, count, alike)
        things = tuple(
            self._thing(rng, noun, colour, spot) for (noun, colour), spot in zip(pairs, spots, strict=True)
        )
        side = _side_of(things[0], self.aspect) if count == 1 else ""
        scene = Scene(things, ground, side, alike, any_form(rng, emoji, options.told))
        text = "" if rng.random() < options.empty else caption(scene)
        return replace(scene, caption=text)

    def _ground(self, rng: np.random.Generator, taken: list[str]) -> Ground:
        kept = self.options.palette[1] if self.options.palette else COLOURS
        allowed = [colour for colour in kept if all(colour in _grounds_for()[thing] for thing in taken if thing)]
        plain = rng.random() < self.options.plain
        cut = (*tuple(rng.random(2).tolist()), float(rng.uniform(0.3, 0.8)))
        if not plain and rng.random() < self.options.photos:
            if rng.random() < 0.5:
                which = _pick(rng, list(PHOTOGRAPHS))
                mean = np.array(mean_colour(which, cut))
                far = [
                    np.linalg.norm(mean - np.array(COLOURS[colour]) / 255) > CONTRAST for colour in taken if colour
                ]
                if all(far):
                    red, green, blue = mean.tolist()
                    return Ground("", "photo", (red, green, blue), (red, green, blue), which=which, cut=cut)
            which = _pick(rng, list(TEXTURES))
        else:
            which = ""
        colour = _pick(rng, allowed or ["white"])
        light = _shade(rng, colour)
        if plain:
            return Ground(colour, "plain", light, light)
        change = rng.uniform(0.72, 0.88) if np.mean(light) > 0.35 else rng.uniform(1.25, 1.5)
        lift = 0.0 if np.mean(light) > 0.12 else 0.08
        red, green, blue = (float(np.clip(value * change + lift, 0, 1)) for value in light)
        kind = "texture" if which else _pick(rng, ["gradient", "gradient", *PATTERNS])
        angle, period = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.09, 0.2))
        return Ground(colour, kind, light, (red, green, blue), angle, period, which, cut)

    def _spots(self, rng: np.random.Generator, count: int, alike: bool) -> list[tuple[float, float, float]]:
        """Where each thing's middle is, and its extent; nothing covers much of another."""
        options = self.options
        low, high = options.extents[count - 1]
        room = np.array(self.aspect)
        middle = room / 2
        if count == 1 and rng.random() < options.centred:
            extent = rng.uniform(low, high)
            x, y = middle + rng.uniform(-0.02, 0.02, 2)
            return [(x, y, extent)]
        if options.slots and count == 2:
            pair = _SLOTS[:2] if rng.random() < 0.6 else _SLOTS[2:]
            order = rng.permutation(2)
            return [(*pair[n], rng.uniform(low, high)) for n in order]
        shrink = 1.0
        while True:
            extents = rng.uniform(low, high, count) * shrink
            if alike:
                extents[:] = extents[0]
            places = middle + (rng.random((count, 2)) - 0.5) * (room - extents[:, None])
            gaps = [
                np.hypot(*(places[a] - places[b])) / (0.5 * (extents[a] + extents[b]))
                for a in range(count)
                for b in range(a)
            ]
            if min(gaps, default=2.0) > 1.0:
                return [(float(x), float(y), float(e)) for (x, y), e in zip(places, extents, strict=True)]
            shrink = max(0.7, shrink * 0.99)

    def _thing(self, rng: np.random.Generator, noun: str, colour: str, spot: tuple[float, float, float]) -> Thing:
        options = self.options
        x, y, extent = spot
        drawings = self._plain[noun] if colour else self._emoji[noun]
        fill = FILLS[0] if rng.random() < options.flat or not options.fills else _pick(rng, list(options.fills))
        return Thing(
            noun,
            colour,
            "small" if extent < SMALL else "large" if extent > LARGE else "",
            _shade(rng, colour) if colour else (1.0, 1.0, 1.0),
            int(rng.choice(np.array(drawings))),
            fill,
            float(x),
            float(y),
            float(extent),
            float(rng.uniform(-options.turn, options.turn)),
            bool(rng.random() < options.mirrored),
        )

    def render(self, placements: Placements) -> NDArray[np.float32]:
        """Drawings laid over each other: height x width x 4 premultiplied, from 0 to 1."""
        return self._renderer.forward(placements)

    def layer(self, thing: Thing) -> NDArray[np.float32]:
        """One thing alone: height x width x 4 premultiplied, from 0 to 1."""
        sprite = self._first[thing.drawing]
        if not self.drawings[thing.drawing].coloured:
            sprite += list(self._fills).index(thing.fill)
        placements = Placements(
            x=np.array([thing.x * self.side]),
            y=np.array([thing.y * self.side]),
            log_scale=np.log([thing.extent * self.side / TEXELS]),
            rotation=np.deg2rad([thing.rotation]),
            flip=np.array([thing.flip], bool),
            which=np.array([sprite], np.int32),
            gain=np.array([thing.rgb]),
        )
        return self._renderer.forward(placements)

    def draw(self, scene: Scene) -> Pixels:
        """The scene as height x width x 3 bytes."""
        return self.draw_with_masks(scene)[0]

    def draw_with_masks(self, scene: Scene) -> tuple[Pixels, NDArray[np.uint8]]:
        """The scene, and what is seen of each thing: MOST x height x width bytes, hidden parts not counted."""
        canvas = backdrop(scene.ground, self.width, self.height)
        covers: list[NDArray[np.float32]] = []
        for thing in scene.things:
            laid = self.layer(thing)
            through = 1 - laid[..., 3:]
            canvas = laid[..., :3] + through * canvas
            covers = [cover * through[..., 0] for cover in covers] + [laid[..., 3]]
        masks = np.zeros((MOST, self.height, self.width), np.uint8)
        for n, cover in enumerate(covers):
            masks[n] = np.clip(255 * cover + 0.5, 0, 255)
        return (np.clip(canvas, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8), masks

    def batch(self, first: int, count: int) -> tuple[Pixels, list[str]]:
        """Pictures (count x height x width x 3) and captions of the scenes from number ``first`` on."""
        scenes = [self.scene(number) for number in range(first, first + count)]
        return np.stack([self.draw(scene) for scene in scenes]), [scene.caption for scene in scenes]

    def silhouette(self, noun: str, drawing: int = 0, extent: float = 0.82) -> NDArray[np.float32]:
        """One noun's drawing alone, centred and upright: height x width coverage from 0 to 1."""
        chosen = self._plain[noun][drawing % len(self._plain[noun])]
        return self.layer(
            Thing(
                noun,
                "black",
                "",
                (1.0, 1.0, 1.0),
                chosen,
                FILLS[0],
                self.aspect[0] / 2,
                self.aspect[1] / 2,
                extent,
                0.0,
                False,
            )
        )[..., 3]


def _side_of(thing: Thing, aspect: tuple[float, float]) -> str:
    across, down = thing.x - aspect[0] / 2, thing.y - aspect[1] / 2
    if max(abs(across), abs(down)) < _APART / 2:
        return "centre"
    if abs(across) > max(_APART, 1.5 * abs(down)):
        return "left" if across < 0 else "right"
    if abs(down) > max(_APART, 1.5 * abs(across)):
        return "top" if down < 0 else "bottom"
    return ""


def _pick(rng: np.random.Generator, words: list[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _shade(rng: np.random.Generator, colour: str) -> tuple[float, float, float]:
    """A colour as it turns up: a little off its name's."""
    rgb = np.array(COLOURS[colour]) / 255 + rng.normal(0, 0.018, 3)
    red, green, blue = np.clip(rgb, 0, 1).tolist()
    return red, green, blue
