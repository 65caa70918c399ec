"""The pictogram prior of a sentence of several things: beliefs about each one's drawing, hand, size and place.

A picture is x = 1 - prod_i (1 - s_i), the union of the inks of N instances; s_i is drawing k of a thing, mirrored or
not, of some size, at place p. Given x_t = sqrt(abar) x + sqrt(1 - abar) eps, and what the others are believed to look
like (their expected inks m_j), the belief of one instance is in closed form, for all k and p at once by correlation:

    log q_i(k, p) = [ sqrt(abar) <x_t - sqrt(abar) a_i, v_i s_kp> - abar |s_kp|^2_v / 2 ] / (1 - abar) + log prior(p)

a_i is the sum of the m_j that may not lie over i, v_i = prod (1 - m_j) over those that may, which hide it. Blocks are
renewed one after the other (mean field): for one instance the result is exact, for several it is where each agrees
with the expectation of the others, and it is exact again as the noise goes down, when there is one explanation left.
The prior of places is a Gaussian about the layout drawn for the seed (`vertumnus.models.arrangement`), and one about
the offset of each pair that a relation ties; of squares, so that the others count by their means alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from vertumnus.elements.emoji import FONT as EMOJI
from vertumnus.elements.emoji import draw_emoji
from vertumnus.elements.icons import Glyph, draw_icon
from vertumnus.models.arrangement import arrange
from vertumnus.models.mini.vocabulary import COLOURS
from vertumnus.models.pictogram import drawn_pictures
from vertumnus.models.sentence import Sentence

Floats = NDArray[np.float32]
DRAWINGS = 6  # of a thing, at most
AROUND = (0.9, 1.1)  # sizes tried, of the layout's
ANCHOR, TIE = 0.08, 0.03  # standard deviation of a place and of a tied pair's offset, canvas sides
FIRST = 4  # rounds of all blocks before the first answer
LEAST = 1e-4  # probability from which on a drawing is still drawn


class SceneBelief:
    """Beliefs about one canvas.

    sentence   what is to be seen, two instances or more
    side       pixels of the canvases' square
    window     (rows, columns) of it that are seen, as slices
    rng        draws the layout, and which of a thing's drawings are looked at first
    """

    def __init__(
        self,
        sentence: Sentence,
        side: int,
        window: tuple[slice, slice],
        rng: np.random.Generator,
        fill: float | None = None,
    ) -> None:
        self.side = side
        top, left = window[0].start, window[1].start
        across, down = (part.stop - part.start for part in window[::-1])
        glyphs = [
            [thing.glyphs[n] for n in rng.permutation(len(thing.glyphs))[:DRAWINGS]] for thing in sentence.things
        ]
        self.nouns = [thing.noun for thing in sentence.things]
        aspects = np.array([_aspect(of) for of in glyphs])
        self.arrangement = arrange(sentence, aspects, (across / side, down / side), rng, fill)
        self.anchor = self.arrangement.place * side + [left, top]
        self.mean = self.anchor.copy()  # N x 2, x and y of the expected place
        self.ink = np.zeros((len(self.anchor), side, side), np.float32)
        self.fresh = True
        self.weights = [np.zeros((0, side, side), np.float32)] * len(self.anchor)
        drawn = {}
        self.colours: dict[int, Floats] = {}  # of things that have any: K x S x S x 3, premultiplied
        for thing, extent in zip(self.arrangement.thing.tolist(), self.arrangement.extent.tolist(), strict=True):
            if thing not in drawn:
                shown = drawn_pictures(glyphs[thing], side, [0.0], [around * extent for around in AROUND])
                drawn[thing] = Block(shown[..., 3], (top, left, top + down, left + across))
                said = sentence.things[thing].colour
                if said:
                    self.colours[thing] = (shown[..., 3:] * (np.array(COLOURS[said], np.float32) / 255)).astype(
                        np.float32
                    )
                elif any(glyph.font == EMOJI for glyph in glyphs[thing]):
                    self.colours[thing] = shown[..., :3]
        self.blocks = [drawn[thing] for thing in self.arrangement.thing.tolist()]

    def expected(self, x_t: Floats, abar: float) -> Floats:
        """The expected picture behind a noisy one, side x side."""
        for _ in range(FIRST if self.fresh else 1):
            for n in range(len(self.blocks)):
                self._renew(n, x_t, abar)
        self.fresh = False
        return (1 - np.prod(1 - self.ink, axis=0)).astype(np.float32)

    def colour(self) -> Floats | None:
        """The expected colours, side x side x 4: red, green and blue times how sure they are, and that; None if no
        thing has a colour.

        They are those of the last `expected`; where one thing may hide another, the one named last lies over it.
        """
        if not self.colours:
            return None
        total = np.zeros((self.side, self.side, 4), np.float32)
        for n, thing in enumerate(self.arrangement.thing.tolist()):
            total *= 1 - self.ink[n][..., None]
            if thing in self.colours:
                total[..., :3] += self.blocks[n].expected(self.weights[n], self.colours[thing])
                total[..., 3] += self.ink[n]
        return total

    def things(self) -> list[tuple[str, Floats]]:
        """Every instance: its noun, and its expected ink, side x side, as of the last `expected`."""
        return [(self.nouns[thing], self.ink[n]) for n, thing in enumerate(self.arrangement.thing.tolist())]

    def _renew(self, n: int, x_t: Floats, abar: float) -> None:
        others = np.arange(len(self.ink)) != n
        over = self.arrangement.overlap[n]
        seen = np.prod(1 - self.ink[over], axis=0) if over.any() else None
        alone = self.ink[others & ~over].sum(0)
        weights = self.blocks[n].weights(x_t, abar, alone, seen, self._log_prior(n))
        self.ink[n], self.mean[n] = self.blocks[n].ink(weights), self.blocks[n].place(weights)
        if self.colours:
            self.weights[n] = weights

    def _log_prior(self, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of x and of y, each for every pixel of a row or column."""
        at = np.arange(self.side) + 0.5
        total = -0.5 * ((at - self.anchor[n][:, None]) / (ANCHOR * self.side)) ** 2
        for a, b in self.arrangement.pairs:
            if n in (a, b):
                other = b if n == a else a
                wanted = self.mean[other] + self.anchor[n] - self.anchor[other]
                total -= 0.5 * ((at - wanted[:, None]) / (TIE * self.side)) ** 2
        return total[0], total[1]

    def state(self) -> dict[str, Any]:
        """What is believed; the layout is drawn again."""
        return {"mean": self.mean.copy(), "ink": self.ink.copy(), "fresh": self.fresh}

    def restore(self, mean: NDArray[np.float64], ink: Floats, fresh: bool) -> None:
        """Goes on from a state, of arrays shaped as those of this scene."""
        self.mean, self.ink, self.fresh = mean.copy(), ink.astype(np.float32), fresh


def _aspect(glyphs: list[Glyph]) -> tuple[float, float]:
    """Width and height that drawings have on the mean, as shares of the longer."""
    drawn = [draw_emoji(glyph, 64) if glyph.font == EMOJI else draw_icon(glyph, 64, 64) for glyph in glyphs]
    shapes = np.array([one.shape[1::-1] for one in drawn], float)
    across, down = (shapes / shapes.max(1, keepdims=True)).mean(0)
    return float(across), float(down)


class Block:
    """One instance: its drawings at every place where they lie within the canvas.

    pictures   K x S x S ink, centred
    window     top, left, bottom, right of the canvas in the square
    """

    def __init__(self, pictures: Floats, window: tuple[int, int, int, int]) -> None:
        count, side, _ = pictures.shape
        self.side = side
        # A place is where the square's middle goes, so that pixel (side / 2, side / 2) at place p + 1/2 is pixel p.
        centred = np.roll(pictures, (-(side // 2), -(side // 2)), (1, 2))
        self.shown = fft.rfft2(centred)
        self.squared = fft.rfft2(centred**2)
        self.squares = np.einsum("kyx,kyx->k", pictures, pictures)
        top, left, bottom, right = window
        inside = np.zeros((count, side, side), bool)
        for drawing, picture in zip(inside, pictures, strict=True):
            rows, columns = (np.flatnonzero(picture.any(axis)) - side // 2 for axis in (1, 0))
            first = max(top - rows[0], 0), max(left - columns[0], 0)
            last = min(bottom - rows[-1], side), min(right - columns[-1], side)
            drawing[first[0] : max(last[0], first[0] + 1), first[1] : max(last[1], first[1] + 1)] = True
        self.outside = np.where(inside, 0, -np.inf).astype(np.float32)

    def weights(
        self,
        x_t: Floats,
        abar: float,
        alone: Floats,
        seen: Floats | None,
        log_prior: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> Floats:
        """How likely each drawing is at each place, K x S x S.

        x_t     S x S, the noisy canvas
        alone   S x S, the ink of what may not lie over this one
        seen    S x S, the share of each pixel that is not hidden; None for all
        log_prior   of x, and of y, S each
        """
        root, shape = np.sqrt(abar), (self.side, self.side)
        rest = x_t * np.float32(root) - alone * np.float32(abar)
        if seen is not None:
            # What is hidden tells nothing: the union there is the other's ink whatever lies beneath.
            rest = (x_t * np.float32(root) - np.float32(abar) * (alone + 1 - seen)) * seen
        score = fft.irfft2(fft.rfft2(rest) * self.shown.conj(), shape)
        if seen is None:
            score -= (0.5 * abar * self.squares)[:, None, None]
        else:
            score -= 0.5 * abar * fft.irfft2(fft.rfft2(seen**2) * self.squared.conj(), shape)
        across, down = log_prior
        score = score / (1 - abar) + (down[:, None] + across) + self.outside
        score -= score.max()
        weights = np.exp(score, dtype=np.float32)
        weights /= weights.sum()
        return weights

    def ink(self, weights: Floats) -> Floats:
        """The expected ink, S x S."""
        there, rest = _likely(weights)
        ink = fft.irfft2((fft.rfft2(weights[there]) * self.shown[there]).sum(0), (self.side, self.side))
        return np.clip(ink / rest, 0, 1).astype(np.float32)

    def expected(self, weights: Floats, pictures: Floats) -> Floats:
        """The expected picture, S x S x C, of as many pictures as there are drawings, K x S x S x C."""
        there, rest = _likely(weights)
        middle = -(self.side // 2)
        rolled = np.roll(pictures[there], (middle, middle), (1, 2))
        many = fft.rfft2(weights[there])[..., None] * fft.rfft2(rolled, axes=(1, 2))
        return np.clip(fft.irfft2(many.sum(0), (self.side, self.side), axes=(0, 1)) / rest, 0, 1).astype(np.float32)

    def place(self, weights: Floats) -> NDArray[np.float64]:
        """The expected place, (x, y)."""
        at, place = np.arange(self.side) + 0.5, weights.sum(0)
        return np.array([place.sum(0) @ at, place.sum(1) @ at], np.float64)


def _likely(weights: Floats) -> tuple[NDArray[np.bool_], np.float32]:
    """The drawings that are likely at all, and how likely together."""
    by_drawing = weights.sum((1, 2))
    there = by_drawing > LEAST
    return there, by_drawing[there].sum()
