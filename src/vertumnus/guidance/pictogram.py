"""Score distillation in closed form: what the pictogram prior, and what its student says of a canvas's ink.

    SDS, eq. (3):   grad = w(t) (eps_teacher(x_t) - eps)
    VSD, eq. (4):   grad = w(t) (eps_teacher(x_t) - eps_student(x_t))

of SCORE (Shao et al., AAAI 2026), x_t = sqrt(abar_t) x + sqrt(1 - abar_t) eps. The student is to know the
distribution of the renders; here that is the exact noise predictor of a window of recent ones, as the teacher is
that of the icons a prompt means, so no network is trained. (The paper prints eq. (4) with student and teacher the
other way round; descent needs this way, as in ProlificDreamer, Wang et al., 2023, eq. 9.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.guidance.options import PictogramOptions
from vertumnus.guidance.protocol import Canvas, Request, Things, Values
from vertumnus.guidance.schedule import NoiseLevels, weight_of
from vertumnus.models.mini.vocabulary import TRAINED_FONTS
from vertumnus.models.names import noun_for
from vertumnus.models.pictogram import Icons, Pictogram, empirical_noise, empirical_weights
from vertumnus.models.scenes import SceneBelief
from vertumnus.models.sentence import Sentence
from vertumnus.optimise.checkpoint import State

Predictor = Callable[[Canvas, NDArray[np.intp]], Canvas]


def distil(
    x: Canvas, t: Any, abar: Any, noise: Canvas, weight: Any, teacher: Predictor, student: Predictor | None
) -> Canvas:
    """The gradient by the pictures: eq. (4), or eq. (3) without a student. Arrays of pictures are of one shape."""
    x_t = (np.sqrt(abar) * x + np.sqrt(1 - abar) * noise).astype(np.float32)
    against = noise if student is None else student(x_t, t)
    return (weight * (teacher(x_t, t) - against)).astype(np.float32)


class RecentRenders:
    """The student: it knows the last renders, of one collage or of several.

    size   renders it remembers
    """

    def __init__(self, alphas_cumprod: NDArray[np.float64], size: int) -> None:
        self.alphas_cumprod, self.size = alphas_cumprod, size
        # Room for twice as many, so that the last ones, in their order, are nearly always there without a copy.
        self._room = np.zeros((2 * size, 0), np.float32)
        self._squares = np.zeros(2 * size, np.float32)
        self._end = 0

    @property
    def renders(self) -> Canvas:
        """What it remembers, M x D with M up to ``size``, the oldest first."""
        return self._room[max(0, self._end - self.size) : self._end]

    def learn(self, x: Canvas) -> None:
        """Takes in one more render."""
        if not self._end:
            self._room = np.zeros((2 * self.size, x.size), np.float32)
        if self._end == len(self._room):
            kept = slice(self._end - self.size + 1, self._end)
            self._end = self.size - 1
            self._room[: self._end], self._squares[: self._end] = self._room[kept], self._squares[kept]
        newest = self._room[self._end]
        newest[:] = x.ravel()
        self._squares[self._end] = np.einsum("d,d->", newest, newest)
        self._end += 1

    def predict_noise(self, x_t: Canvas, t: NDArray[np.intp] | int) -> Canvas:
        """The exact noise predictor of what it remembers, of pictures of the shape it was taught, or of B of them."""
        points = self.renders
        squares = self._squares[self._end - len(points) : self._end]
        abar = self.alphas_cumprod[t]
        return empirical_noise(x_t.reshape(-1, points.shape[1]), abar, points, squares).reshape(x_t.shape)

    def restore(self, renders: Sequence[Canvas] | Canvas) -> None:
        """Remembers these, M of D, in place of what it did."""
        self._end = 0
        for render in renders[-self.size :]:
            self.learn(render)


class PictogramSource:
    """The icons of some fonts as a source; see `vertumnus.guidance.protocol.Source`.

    fonts   whose icons it knows; those of `Pictogram` by default
    """

    iterations = 1000
    render_weight = 1.0
    side_by_side = False  # it takes less than a millisecond
    layered = False
    name = "pictogram"

    def __init__(self, options: PictogramOptions | None = None, fonts: tuple[str, ...] | None = None) -> None:
        self.options = options or PictogramOptions()
        self.model = Pictogram(fonts or TRAINED_FONTS, self.options.drawings == "emoji")
        self.resolution = self.model.resolution

    def guidance(self, request: Request) -> PictogramGuidance:
        """What it wants of canvases no side of which is longer than its resolution."""
        options, abar = self.options, self.model.alphas_cumprod
        levels = NoiseLevels(abar, *options.noise_levels, options.annealing)
        student = RecentRenders(abar, options.window) if options.method == "vsd" else None
        sentence = self.model.read(request.prompt)
        drawing = options.drawing or ("fitting" if request.warm else "dealt")
        dealt = request.seed if drawing == "dealt" else None
        fill = options.fill and options.fill * min(request.shape) / self.resolution
        meant = sentence if sentence.posed else self.model.encode_text(request.prompt, dealt, fill, request.pieces)
        return PictogramGuidance(
            self.model, meant, levels, options.weighting, student, request.shape, request.rng, options.fill
        )

    def understood(self, prompt: str) -> dict[str, Any]:
        """What of a prompt is shown, for the document: ``understood`` and, where there is any, ``passed_over``."""
        return self.model.read(prompt).report()

    def inputs(self) -> dict[str, str]:
        """The fonts it draws from; their files come with pinned packages."""
        fonts = [*self.model.fonts, *(["emoji"] if self.model.emoji else [])]
        return {self.name: hashlib.sha256(" ".join(fonts).encode()).hexdigest()}


class PictogramGuidance:
    """What a pictogram prior wants of canvases' ink, their alpha; the colours are not looked at.

    meant     the icons of one thing, or a sentence of several, of which each canvas gets a layout of its own
    levels    noise levels over the run
    student   None for SDS
    shape     (H, W) of the canvases, no side longer than the prior's; they are looked at in the middle of a square
    fill      share of the canvas's shorter side that a sentence's scene fills

    ``target_alpha`` is, after each call, the ink the prior expects behind the noise.
    """

    reference: Canvas | None = None

    skipped = 0

    def __init__(
        self,
        prior: Pictogram,
        meant: Icons | Sentence,
        levels: NoiseLevels,
        weighting: str,
        student: RecentRenders | None,
        shape: tuple[int, int],
        rng: np.random.Generator,
        fill: float | None = None,
    ) -> None:
        self.fill = fill
        self.prior, self.meant, self.levels, self.weighting = prior, meant, levels, weighting
        self.scenes: list[SceneBelief] = []
        self._seen: tuple[Canvas, NDArray[np.float64]] | None = (
            None  # the noisy canvases of the last call, their abar
        )
        self.student, self.rng = student, rng
        top, left = (prior.resolution - shape[0]) // 2, (prior.resolution - shape[1]) // 2
        self.window = slice(top, top + shape[0]), slice(left, left + shape[1])
        self.target_alpha: Canvas | None = np.zeros((1, *shape), np.float32)
        if isinstance(meant, Sentence):
            self._seed = int(rng.integers(1 << 62))  # of the layouts
            self._layouts = np.random.default_rng(self._seed)

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """Values, half the weighted mean squared distance from where the gradient points, and the gradients."""
        count, side = len(canvases), self.prior.resolution
        x = np.zeros((count, side, side), np.float32)
        x[:, *self.window] = canvases[..., 3]
        t = np.array([self.levels.draw(progress, self.rng) for _ in range(count)])
        abar = self.prior.alphas_cumprod[t]
        if self.student is not None:
            for picture in x:
                self.student.learn(picture)
        seen: list[Canvas] = []
        coloured = isinstance(self.meant, Icons) and self.meant.colours is not None
        level = abar.reshape(-1, 1, 1)

        def teacher(x_t: Canvas, t: NDArray[np.intp]) -> Canvas:
            if coloured:
                self._seen = x_t, abar
            if isinstance(self.meant, Icons):
                noise = self.prior.predict_noise(x_t, t, self.meant)
                seen.append((x_t - np.sqrt(1 - level) * noise) / np.sqrt(level))
                return noise
            pairs = zip(self._scenes(count), x_t, abar, strict=True)
            seen.append(np.stack([scene.expected(one, float(a)) for scene, one, a in pairs]))
            return ((x_t - np.sqrt(level) * seen[0]) / np.sqrt(1 - level)).astype(np.float32)

        noise = self.rng.standard_normal(x.shape).astype(np.float32)
        student = self.student.predict_noise if self.student is not None else None
        weight = np.array([weight_of(self.weighting, float(a)) for a in abar]).reshape(-1, 1, 1)
        grad = distil(x, t, level, noise, weight, teacher, student)[:, *self.window]
        self.target_alpha = seen[0][:, *self.window].astype(np.float32)
        pixels = np.float32(canvases[0, ..., 3].size)
        gradients = np.zeros_like(canvases)
        gradients[..., 3] = grad / pixels
        return 0.5 * (grad.astype(np.float64) ** 2).sum((1, 2)) / float(pixels), gradients

    @property
    def target_colour(self) -> Canvas | None:
        """Which colours are wanted where, B x H x W x 4; None if no thing has a colour."""
        if isinstance(self.meant, Sentence):
            found = [scene.colour() for scene in self.scenes]
            known = [one[self.window] for one in found if one is not None]
            return np.stack(known) if known else None
        if self.meant.colours is None or self._seen is None:
            return None
        x_t, abar = self._seen
        weights = empirical_weights(x_t.reshape(len(x_t), -1), abar, self.meant.points, self.meant.squares)
        shown = [np.tensordot(weights, part, 1) for part in (self.meant.colours, self.meant.pictures[..., None])]
        return np.concatenate(shown, axis=-1)[:, *self.window].astype(np.float32)

    @property
    def target_things(self) -> Things:
        """Each thing as often as it is there; of one alone, all the ink that is wanted."""
        if isinstance(self.meant, Icons):
            return (
                ((noun_for(self.meant.matched[-1])[0], self.target_alpha),) if self.target_alpha is not None else ()
            )
        told = [scene.things() for scene in self.scenes]
        return tuple((one[0][0], np.stack([ink[self.window] for _, ink in one])) for one in zip(*told, strict=True))

    def _scenes(self, count: int) -> list[SceneBelief]:
        """What is believed of each canvas."""
        assert isinstance(self.meant, Sentence)
        while len(self.scenes) < count:
            self.scenes.append(SceneBelief(self.meant, self.prior.resolution, self.window, self._layouts, self.fill))
        return self.scenes

    def state(self) -> dict[str, Any]:
        """The renders that the student remembers, and what is believed of the things of a scene."""
        found: dict[str, Any] = {"renders": self.student.renders.copy()} if self.student is not None else {}
        if isinstance(self.meant, Sentence):
            found["scenes"] = self._seed
        for number, scene in enumerate(self.scenes):
            found |= {f"scene{number}.{name}": value for name, value in scene.state().items()}
        return found

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state."""
        if self.student is not None:
            pixels = self.prior.resolution**2
            renders = State.of(state).array("renders", (None, pixels)) if len(state["renders"]) else ()
            self.student.restore(renders)
        if isinstance(self.meant, Sentence):
            kept = State.of(state)
            self._seed, self.scenes = kept.number("scenes"), []
            self._layouts = np.random.default_rng(self._seed)
            while f"scene{len(self.scenes)}.mean" in kept:
                part = kept.part(f"scene{len(self.scenes)}")
                scene = self._scenes(len(self.scenes) + 1)[-1]
                mean, ink = part.array("mean", scene.mean.shape), part.array("ink", scene.ink.shape)
                scene.restore(mean, ink, part.flag("fresh"))

    def close(self) -> None:
        """It holds nothing."""


def open_pictogram(options: PictogramOptions, *, device: str | None = None) -> PictogramSource:
    """The source of icons; it computes on the processor."""
    return PictogramSource(options)
