"""Score distillation from a diffusion network: what it would change in a render, as a gradient by the pixels.

    SDS, eq. (3):   grad = w(t) (eps_teacher(x_t; y, t) - eps)
    VSD, eq. (4):   grad = w(t) (eps_teacher(x_t; y, t) - eps_student(x_t; y, t))

of SCORE (Shao et al., AAAI 2026), x_t = sqrt(abar_t) x + sqrt(1 - abar_t) eps, eq. (1). The paper prints eq. (4) with
student and teacher the other way round; its sign would climb. Going down needs teacher minus student, as in eq. (3),
where the noise stands in the student's place, and as in ProlificDreamer (Wang et al., 2023, eq. 9).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch

from vertumnus.errors import VertumnusError
from vertumnus.guidance.expected import ExpectedPictures
from vertumnus.guidance.network import Computing, Network, Student
from vertumnus.guidance.protocol import Canvas, Colour, Things, Values
from vertumnus.guidance.schedule import NoiseLevels, weight_of
from vertumnus.guidance.student import ALL, TARGETS, LoraStudent

Tensor = torch.Tensor


class ScoreDistillation:
    """What a diffusion network wants of canvases that are to show a prompt; a `vertumnus.guidance.protocol.Guidance`.

    model            the network
    prompt           what the canvases are to show
    rng              seeds everything drawn here; from then on the guidance has a generator of its own
    method           vsd, eq. (4), or sds, eq. (3), which trains no student
    guidance_scale   classifier-free guidance of the teacher, 1 for none
    student_scale    the student's
    student_rate     learning rate of the student, which takes one step down eq. (7) a call
    student_levels   whether it learns at any step of the schedule, or at those, and of that noise, just asked about
    rank             of its LoRA
    student_layers   that the LoRA is on
    weighting        w(t), see `vertumnus.guidance.schedule`
    noise_levels, annealing   the steps t that are drawn, likewise
    background       red, green and blue, 0 to 1, that the canvas is laid over
    ink              red, green and blue that all pieces are seen in, as one silhouette; their own colours by default
    memory           how much of the expected picture is kept at a call
    negative         the prompt that guidance steers away from
    patience         calls in a row with an answer that is not finite before it gives up
    student          for vsd, instead of a LoRA

    ``skipped`` counts calls in which an answer was not finite; a canvas without a gradient then gets a zero one.
    ``student_loss`` is eq. (7) at the last call.

    Raises `VertumnusError` for an empty prompt, and for a model that is no diffusion network.
    """

    reference: Canvas | None = None
    target_colour: Canvas | None = None
    target_things: Things = ()

    def __init__(
        self,
        model: Network,
        prompt: str,
        rng: np.random.Generator,
        *,
        method: Literal["vsd", "sds"] = "vsd",
        guidance_scale: float = 7.5,
        student_scale: float = 1.0,
        student_rate: float = 1e-4,
        student_levels: Literal["any", "current"] = "any",
        rank: int = 4,
        student_layers: Literal["attention", "all"] = "attention",
        weighting: str = "sds",
        noise_levels: tuple[float, float] = (0.98, 0.02),
        annealing: str = "none",
        background: Colour = (1.0, 1.0, 1.0),
        ink: Colour | None = None,
        memory: float = 0.85,
        negative: str = "",
        patience: int = 10,
        student: Student | None = None,
    ) -> None:
        if not hasattr(model, "unet"):
            name = getattr(model, "name", type(model).__name__)
            raise VertumnusError(f"{name}: is no diffusion network, which score distillation needs")
        if not prompt.strip():
            raise VertumnusError("prompt: is empty")
        self.model = model
        self.rng = np.random.default_rng(rng.integers(2**63))
        self.guidance_scale, self.weighting, self.patience = guidance_scale, weighting, patience
        self.background = torch.tensor(background, device=model.device).view(1, 3, 1, 1)
        self.ink = None if ink is None else torch.tensor(ink, device=model.device).view(1, 3, 1, 1)
        self.levels = NoiseLevels(model.alphas_cumprod.cpu().double().numpy(), *noise_levels, annealing)
        self.skipped = 0
        self.student_loss = math.nan
        self.student_levels = student_levels
        self._asked: tuple[Tensor, Tensor] | None = None  # steps and noise of the last question
        self._in_a_row = 0
        self._computing = Computing(model)
        self.expected = ExpectedPictures(model, self._computing, memory)
        with self._computing():
            self.text = model.encode_text(prompt)
            self.negative = model.encode_negative(negative)
            self.student = student if method == "vsd" else None
            if method == "vsd" and student is None:
                self.student = LoraStudent(
                    model, self.text, self.rng, rank, student_rate, student_scale, self.negative,
                    ALL if student_layers == "all" else TARGETS,
                )  # fmt: skip

    @property
    def target_alpha(self) -> Canvas | None:
        """The ink of the pictures that it expects; counted as skipped where the decoder's answer was not finite."""
        found, failures = self.expected.target_alpha, self.expected.failures
        self.skipped += failures
        self.expected.failures = 0
        return found

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """The values of B canvases, which share one student, and the gradients; the student then learns from them.

        The value of a canvas is half the mean of |x - stopgrad(x - grad)|^2 over what noise is added to: half the
        mean square of eq. (3) or (4), so its own gradient is theirs. It tells how far the network is from
        content, not how far the run has come. It is NaN for a canvas that the network had no finite answer for.

        Raises `VertumnusError` if the answer was not finite ``patience`` calls in a row, if memory runs out, or
        if the network's parts do not fit together.
        """
        with self._computing():
            layers = torch.tensor(canvases[..., :4], device=self.model.device).movedim(-1, 1).requires_grad_()
            x = self.model.encode(self._picture(layers))
            grad = self._gradient(x.detach(), progress, canvases.shape[1:3])
            self._computing.answered = True
            # The mean's division comes last: an encoder in half precision would lose gradients so small.
            by_layers = torch.autograd.grad(x, layers, grad)[0] / x[0].numel()
            losses = 0.5 * grad.float().square().flatten(1).mean(1)
            finite = torch.isfinite(by_layers).flatten(1).all(1) & torch.isfinite(losses)
            if self.student is not None and bool(torch.isfinite(x).all()):
                self.student_loss = self._teach(x.detach())
        well = bool(finite.all()) and not (self.student is not None and math.isnan(self.student_loss))
        self._count(well)
        losses = torch.where(finite, losses, math.nan)
        by_layers = torch.where(finite.view(-1, 1, 1, 1), by_layers, 0.0)
        gradients = np.zeros_like(canvases)
        gradients[..., :4] = by_layers.movedim(1, -1).cpu().numpy()
        return losses.cpu().numpy().astype(np.float64), gradients

    def _picture(self, layers: Tensor) -> Tensor:
        """B x 4 x H x W over the background, B x 3 x S x S: a square, so that nothing is stretched."""
        rows, columns = layers.shape[-2:]
        side = max(rows, columns)
        left, top = (side - columns) // 2, (side - rows) // 2
        square = torch.nn.functional.pad(layers, (left, side - columns - left, top, side - rows - top))
        pieces = square[:, :3] if self.ink is None else square[:, 3:] * self.ink
        return pieces + (1 - square[:, 3:]) * self.background

    @torch.no_grad()
    def _gradient(self, x: Tensor, progress: float, shape: tuple[int, ...]) -> Tensor:
        """Eq. (3) or (4) by x, B x ``model.shape``, each with a step t and noise of its own."""
        steps = [self.levels.draw(progress, self.rng) for _ in range(len(x))]
        # A copy, since torch rounds by where in memory numbers lie, and numpy's lie anywhere.
        noise = torch.tensor(self.rng.standard_normal(x.shape, np.float32)).to(x)
        t = torch.tensor(steps, device=x.device)
        self._asked = t, noise
        x_t = self.model.add_noise(x, noise, t)
        teacher = self.model.predict_noise(x_t, t, self.text, self.guidance_scale, self.negative)
        self.expected.take(x_t, teacher, t, (shape[0], shape[1]))
        against = noise if self.student is None else self.student.predict_noise(x_t, t)
        weight = [weight_of(self.weighting, float(self.levels.alphas_cumprod[step])) for step in steps]
        return torch.tensor(weight, device=x.device, dtype=x.dtype).view(-1, 1, 1, 1) * (teacher - against)

    def _teach(self, x: Tensor) -> float:
        """One step of the student's down eq. (7); its loss before."""
        assert self.student is not None
        if self.student_levels == "any" or self._asked is None:
            return self.student.learn(x)
        return self.student.learn(x, *self._asked)

    def _count(self, well: bool) -> None:
        self._in_a_row = 0 if well else self._in_a_row + 1
        self.skipped += not well
        if self._in_a_row >= self.patience:
            raise VertumnusError(
                f"{self.model.name}: its answer was not finite {self._in_a_row} times in a row;"
                " load it in full precision, or lower the guidance scale or the student's rate"
            )

    def state(self) -> dict[str, Any]:
        """Everything needed to go on from here: arrays and plain values, for `vertumnus.optimise.checkpoint`."""
        own = {"network_rng": self.rng.bit_generator.state, "network_skipped": [self.skipped, self._in_a_row]}
        return own | self.expected.state() | (self.student.state() if self.student is not None else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state. Raises `VertumnusError` if it is of another network."""
        if self.student is not None:
            self.student.restore(dict(state))
        self.rng.bit_generator.state = state["network_rng"]
        self.skipped, self._in_a_row = state["network_skipped"]
        self.expected.restore(state)

    def close(self) -> None:
        """Takes the student off the network, for whoever uses it next."""
        if self.student is not None:
            self.student.close()
