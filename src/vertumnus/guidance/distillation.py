"""Score distillation in closed form: what the pictogram prior, and what its student says of a canvas.

    SDS, eq. (3):   grad = w(t) (eps_teacher(x_t) - eps)
    VSD, eq. (4):   grad = w(t) (eps_teacher(x_t) - eps_student(x_t))

x_t = sqrt(abar_t) x + sqrt(1 - abar_t) eps. The student is to know the distribution of the renders; here that is the
exact noise predictor of a window of recent ones, as the teacher is that of the icons a prompt means, so no network is
trained. (The paper prints eq. (4) with student and teacher the other way round; descent needs this way, as in
ProlificDreamer, Wang et al., 2023, eq. 9.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vertumnus.guidance.schedule import NoiseLevels, weight_of
from vertumnus.models.pictogram import Icons, Pictogram, empirical_noise

Canvas = NDArray[np.float32]
Predictor = Callable[[Canvas, int], Canvas]


def distil(
    x: Canvas, t: int, abar: float, noise: Canvas, weight: float, teacher: Predictor, student: Predictor | None
) -> Canvas:
    """The gradient by the picture: eq. (4), or eq. (3) without a student. All arrays are of one shape."""
    x_t = (np.sqrt(abar) * x + np.sqrt(1 - abar) * noise).astype(np.float32)
    against = noise if student is None else student(x_t, t)
    return (weight * (teacher(x_t, t) - against)).astype(np.float32)


class RecentRenders:
    """The student of the pictogram prior: it knows the last renders, of one collage or of several.

    size   renders it remembers
    """

    def __init__(self, alphas_cumprod: NDArray[np.float64], size: int) -> None:
        self.alphas_cumprod = alphas_cumprod
        self.renders: deque[Canvas] = deque(maxlen=size)

    def learn(self, x: Canvas) -> None:
        """Takes in one more render."""
        self.renders.append(x.ravel().copy())

    def predict_noise(self, x_t: Canvas, t: int) -> Canvas:
        """The exact noise predictor of what it remembers."""
        points = np.stack(list(self.renders))
        return empirical_noise(x_t.reshape(1, -1), self.alphas_cumprod[t], points).reshape(x_t.shape)


class InkDistillation:
    """What a pictogram prior wants of a canvas's ink, its alpha; the colours are not looked at.

    levels    noise levels over the run
    student   None for SDS
    shape     (H, W) of the canvas, no side longer than the prior's; it is looked at in the middle of a square

    ``wanted`` is, after each call, the ink the prior expects behind the noise, H x W, 0 to 1.
    """

    def __init__(
        self,
        prior: Pictogram,
        icons: Icons,
        levels: NoiseLevels,
        weighting: str,
        student: RecentRenders | None,
        shape: tuple[int, int],
        rng: np.random.Generator,
    ) -> None:
        self.prior, self.icons, self.levels, self.weighting = prior, icons, levels, weighting
        self.student, self.rng = student, rng
        top, left = (prior.resolution - shape[0]) // 2, (prior.resolution - shape[1]) // 2
        self.window = slice(top, top + shape[0]), slice(left, left + shape[1])
        self.wanted: Canvas = np.zeros(shape, np.float32)

    def __call__(self, ink: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss, half the weighted mean squared distance from where the gradient points, and the gradient."""
        x = np.zeros((self.prior.resolution, self.prior.resolution), np.float32)
        x[self.window] = ink
        t = self.levels.draw(progress, self.rng)
        abar = float(self.prior.alphas_cumprod[t])
        if self.student is not None:
            self.student.learn(x)
        seen: list[Canvas] = []

        def teacher(x_t: Canvas, t: int) -> Canvas:
            noise = self.prior.predict_noise(x_t[None], np.array([t]), self.icons)[0]
            seen.append((x_t - np.sqrt(1 - abar) * noise) / np.sqrt(abar))
            return noise

        noise = self.rng.standard_normal(x.shape).astype(np.float32)
        student = self.student.predict_noise if self.student is not None else None
        grad = distil(x, t, abar, noise, weight_of(self.weighting, abar), teacher, student)[self.window]
        self.wanted = seen[0][self.window].astype(np.float32)
        pixels = np.float32(ink.size)
        return float(0.5 * (grad.astype(np.float64) ** 2).sum() / pixels), grad / pixels
