"""The pictogram prior: the exact noise predictor of a handful of icons, without a network or training.

A diffusion model learns to say which noise a noisy picture holds. If the pictures it is to know are a few known
ones, the answer is closed: the posterior mean of the picture is a softmax-weighted mean of all. So the icons that a
prompt means, flipped, turned and scaled a little, are a text-to-image model of that one prompt, at once and on any
machine. It lives on the canvas's ink, its coverage from 0 to 1, at 64 x 64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.elements.emoji import FONT as EMOJI
from vertumnus.elements.emoji import draw_emoji, emoji_names, emoji_of
from vertumnus.elements.icons import Glyph, draw_icon
from vertumnus.errors import VertumnusError
from vertumnus.models.mini.vocabulary import TRAINED_FONTS
from vertumnus.models.names import match_icons
from vertumnus.models.sentence import Sentence, read_sentence
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, premultiplied

SIDE = 64
TURNS = (-12.0, -6.0, 0.0, 6.0, 12.0)  # degrees, clockwise
EXTENTS = (0.66, 0.78, 0.9)  # of the canvas, the icon's longer side
DEALT = (0.82, 0.7)  # one of which is dealt to a seed
OUTLINED, PLAIN = 2.0, 1.15  # of pieces' sizes that outline a drawing; times the plainest one's outline
HOLE = 0.5  # of a piece, area, that can be left free
_TEXELS = 128

Floats = NDArray[np.float32]


def stable_diffusion_schedule(steps: int = 1000) -> NDArray[np.float64]:
    """abar_t of Stable Diffusion: the product of 1 - beta up to t, sqrt(beta) linear from sqrt(.00085) to sqrt(.012).

    >>> abar = stable_diffusion_schedule()
    >>> float(abar[0].round(5)), float(abar[-1].round(5))
    (0.99915, 0.00466)
    """
    beta = np.linspace(0.00085**0.5, 0.012**0.5, steps) ** 2
    return np.cumprod(1 - beta)


def empirical_weights(x_t: Floats, abar: ArrayLike, points: Floats, squares: Floats | None = None) -> Floats:
    """How likely each point is behind a noisy one: w = softmax(-|x_t - sqrt(abar) x_i|^2 / (2 (1 - abar))).

    x_t     B x D
    abar    B, or one for all; above 0 and below 1
    points  N x D
    squares  N, |x_i|^2, for who asks often

    The products are numpy's own and not BLAS's, whose threads round as many as there are, and wait for each other
    longer than they compute.

    Returns B x N. Raises `VertumnusError` for an abar that is not between 0 and 1.
    """
    level = np.broadcast_to(np.asarray(abar, np.float64), len(x_t))
    if not ((level > 0) & (level < 1)).all():
        raise VertumnusError(f"abar: must lie between 0 and 1, not {np.min(level)} to {np.max(level)}")
    # |x_t|^2 is the same for all points; it drops out of the softmax.
    signal = np.sqrt(level)[:, None]
    squares = np.einsum("nd,nd->n", points, points) if squares is None else squares
    nearness = signal * np.einsum("bd,nd->bn", x_t, points) - 0.5 * signal**2 * squares
    nearness /= (1 - level)[:, None]
    nearness -= nearness.max(axis=1, keepdims=True)
    weights = np.exp(nearness)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)


def empirical_mean(x_t: Floats, abar: ArrayLike, points: Floats, squares: Floats | None = None) -> Floats:
    """The exact denoiser of a set of points: D(x_t) = sum_i w_i x_i, with `empirical_weights`. B x D."""
    mean: Floats = np.einsum("bn,nd->bd", empirical_weights(x_t, abar, points, squares), points)
    return mean


def empirical_noise(x_t: Floats, abar: ArrayLike, points: Floats, squares: Floats | None = None) -> Floats:
    """The exact noise predictor of a set of points: eps = (x_t - sqrt(abar) D(x_t)) / sqrt(1 - abar). B x D."""
    level = np.broadcast_to(np.asarray(abar, np.float64), len(x_t))[:, None]
    mean = empirical_mean(x_t, abar, points, squares)
    return ((x_t - np.sqrt(level) * mean) / np.sqrt(1 - level)).astype(np.float32)


@dataclass(frozen=True)
class Icons:
    """The pictures that a prompt means, the counterpart of a network's text states.

    prompt    what was asked
    matched   the words of it that name icons
    pictures  N x 64 x 64 ink, 0 to 1
    colours   N x 64 x 64 x 3, red, green and blue times ink, of drawings in colour; None of others
    """

    prompt: str
    matched: tuple[str, ...]
    pictures: Floats
    colours: Floats | None = None

    @property
    def points(self) -> Floats:
        """The pictures as N x 4096."""
        return self.pictures.reshape(len(self.pictures), -1)

    @cached_property
    def squares(self) -> Floats:
        """The points' squared lengths."""
        squares: Floats = np.einsum("nd,nd->n", self.points, self.points)
        return squares


class Pictogram:
    """The pictogram prior.

    fonts  whose icons it knows; one icon font is left out by default, for judges to use
    emoji  whether things are drawn as emoji, in colour, where there is one

    Raises `VertumnusError` for emoji where the package that carries them is missing.
    """

    family = "pictogram"
    resolution = SIDE

    def __init__(self, fonts: tuple[str, ...] = TRAINED_FONTS, emoji: bool = False) -> None:
        self.fonts, self.emoji = fonts, emoji
        if emoji:
            emoji_names()
        self.alphas_cumprod = stable_diffusion_schedule()

    def encode_text(
        self, prompt: str, dealt: int | None = None, fill: float | None = None, pieces: int | None = None
    ) -> Icons:
        """The icons that a prompt means, augmented.

        dealt   number of the drawing, its hand and its size, which are then the only ones; any number, beginning
                again after the last
        fill    the size, in the canvas's side; by default `EXTENTS`
        pieces  how many are to draw it: of what is dealt, drawings too intricate for them are left out, and holes too
                small for them filled; None draws all as they are

        Raises `VertumnusError` for a prompt that is empty or names nothing it knows.
        """
        sentence = self.read(prompt)
        if len(sentence.things) == 1 and (sentence.passed_over or self.emoji):
            # Of two nouns side by side one is meant.
            glyphs, matched = list(sentence.things[0].glyphs), [sentence.things[0].noun]
        else:
            glyphs, matched = match_icons(prompt, self.fonts)
        extents = EXTENTS if fill is None else (fill,)
        if dealt is not None and pieces is not None:
            glyphs = plain_enough(glyphs, pieces)
        if dealt is None:
            shown = drawn_pictures(glyphs, SIDE, TURNS, extents)
        else:
            turn, which = divmod(dealt, len(glyphs))
            size, flip = divmod(turn, 2)
            sizes = DEALT if fill is None else extents
            shown = drawn_pictures([glyphs[which]], SIDE, TURNS, (sizes[size % len(sizes)],))[flip::2]
        coloured = any(glyph.font == EMOJI for glyph in glyphs)
        ink = np.ascontiguousarray(shown[..., 3])
        if dealt is not None and pieces is not None and not coloured:
            ink = np.stack([without_small_holes(one, pieces) for one in ink])
        return Icons(prompt, tuple(matched), ink, np.ascontiguousarray(shown[..., :3]) if coloured else None)

    def read(self, prompt: str) -> Sentence:
        """What a prompt says is to be seen, as far as its fonts can show it.

        Raises `VertumnusError` for a prompt that is empty or names nothing it knows.
        """
        sentence = read_sentence(prompt, self.fonts, emoji_of if self.emoji else None)
        if not sentence.things:
            match_icons(prompt, self.fonts)  # says what is near
        return sentence

    def predict_noise(self, x_t: Floats, t: ArrayLike, icons: Icons) -> Floats:
        """The noise in pictures of ink.

        x_t  B x 64 x 64, sqrt(abar_t) ink + sqrt(1 - abar_t) noise
        t    B steps of the schedule from 0 to 999, or one for all
        """
        flat = np.asarray(x_t, np.float32).reshape(len(x_t), -1)
        levels = self.alphas_cumprod[np.asarray(t)]
        return empirical_noise(flat, levels, icons.points, icons.squares).reshape(x_t.shape)

    def denoise(self, x_t: Floats, t: ArrayLike, icons: Icons) -> Floats:
        """The expected picture behind a noisy one, D(x_t), B x 64 x 64; as `predict_noise`."""
        flat = np.asarray(x_t, np.float32).reshape(len(x_t), -1)
        levels = self.alphas_cumprod[np.asarray(t)]
        return empirical_mean(flat, levels, icons.points, icons.squares).reshape(x_t.shape)


def plain_enough(glyphs: list[Glyph], pieces: int) -> list[Glyph]:
    """Those of some drawings that so many pieces can draw, at least the plainest.

    A piece is about as large as its share of the ink, so that N of them edge an outline of N times the root of that,
    twice over where they lie in one row: `OUTLINED`. Plainer than the plainest by `PLAIN` need none be.

    >>> from vertumnus.elements.icons import filled_glyph
    >>> moons = [filled_glyph("moon", "fa6"), filled_glyph("weather-night", "mdi6")]
    >>> [len(plain_enough(moons, pieces)) for pieces in (16, 64)]
    [1, 2]
    """
    if len(glyphs) < 2:
        return glyphs
    shown = drawn_pictures(glyphs, SIDE, (0.0,), DEALT[:1])[::2, ..., 3]
    smooth = ndimage.gaussian_filter(shown.astype(np.float64), (0, 0.7, 0.7))
    # The total variation of a picture of ink is the length of its outline.
    outline = np.hypot(*np.gradient(smooth, axis=(1, 2))).sum((1, 2)) / np.sqrt(shown.sum((1, 2)))
    most = max(OUTLINED * np.sqrt(pieces), PLAIN * float(outline.min()))
    return [glyph for glyph, length in zip(glyphs, outline, strict=True) if length <= most]


def without_small_holes(ink: Floats, pieces: int) -> Floats:
    """Ink with holes filled that are smaller than `HOLE` of a piece's share of it: so many cannot leave them free.

    >>> ring = np.zeros((9, 9), np.float32)
    >>> ring[1:8, 1:8] = 1
    >>> ring[4, 4] = 0
    >>> [float(without_small_holes(ring, pieces)[4, 4]) for pieces in (16, 64)]
    [1.0, 0.0]
    """
    holes, count = ndimage.label(np.pad(ink < 0.5, 1, constant_values=True))
    area = ndimage.sum_labels(np.ones_like(holes), holes, np.arange(count + 1))
    small = np.asarray(area < HOLE * float(ink.sum()) / pieces, np.bool_)
    small[[0, holes[0, 0]]] = False
    # With the soft rim about it.
    filled = ndimage.binary_dilation(small[holes], np.ones((3, 3), np.bool_))[1:-1, 1:-1]
    return np.where(filled, np.float32(1), ink)


def augmented(glyphs: list[Glyph], side: int = SIDE, extents: Sequence[float] = EXTENTS) -> Floats:
    """Every glyph as it is and mirrored, at every turn and extent: N x side x side ink, 0 to 1."""
    return drawn_pictures(glyphs, side, TURNS, extents)[..., 3]


def drawn_pictures(glyphs: list[Glyph], side: int, turns: Sequence[float], extents: Sequence[float]) -> Floats:
    """Glyphs in the middle of a square, as they are and mirrored: N x side x side x 4, premultiplied, 0 to 1.

    turns     degrees, clockwise
    extents   of the longer side, in the square's

    Icons are white, emoji in their colours.
    """
    sprites = _sprites(glyphs)
    renderer = SpriteRenderer(sprites, side, side)
    pictures = []
    for which in range(len(glyphs)):
        for turn in turns:
            for extent in extents:
                for flip in (False, True):
                    place = Placements(
                        x=np.array([side / 2]),
                        y=np.array([side / 2]),
                        log_scale=np.log([extent * side / _TEXELS]),
                        rotation=np.deg2rad([turn]),
                        flip=np.array([flip]),
                        which=np.array([which], np.int32),
                    )
                    pictures.append(renderer.forward(place))
    return np.stack(pictures)


def _sprites(glyphs: list[Glyph]) -> Sprites:
    pictures = []
    for glyph in glyphs:
        if glyph.font == EMOJI:
            drawn = premultiplied(Image.fromarray(draw_emoji(glyph, _TEXELS), "RGBA"))
            pictures.append(np.pad(drawn, ((2, 2), (2, 2), (0, 0))))
            continue
        ink = np.pad(draw_icon(glyph, _TEXELS, _TEXELS), 2)
        pictures.append(np.repeat(ink[..., None], 4, axis=-1))
    sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
    return Sprites.of(pictures, sizes, [0] * len(pictures))
