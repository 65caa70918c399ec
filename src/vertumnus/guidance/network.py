"""Score distillation from a diffusion network: what it would change in a render, as a gradient by the pixels.

    SDS, eq. (3):   grad = w(t) (eps_teacher(x_t; y, t) - eps)
    VSD, eq. (4):   grad = w(t) (eps_teacher(x_t; y, t) - eps_student(x_t; y, t))

of SCORE (Shao et al., AAAI 2026), x_t = sqrt(abar_t) x + sqrt(1 - abar_t) eps, eq. (1). The paper prints eq. (4) with
student and teacher the other way round; its sign would climb. Going down needs teacher minus student, as in eq. (3),
where the noise stands in the student's place, and as in ProlificDreamer (Wang et al., 2023, eq. 9).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vertumnus.composing.options import ComposeOptions
from vertumnus.errors import VertumnusError
from vertumnus.guidance.ink import ink_of
from vertumnus.guidance.lora import LoraStudent
from vertumnus.guidance.particle import Particle
from vertumnus.guidance.schedule import NoiseLevels, weight_of
from vertumnus.imaging.colour import parse_colour
from vertumnus.models import load
from vertumnus.models.names import ink_prompt

FINEST = 256  # guidance pixels of a side
SMALL = 50_000_000  # weights: a smaller network's steps are too short to be shared among a processor's threads

Canvas = NDArray[np.float32]
Tensor = torch.Tensor


class Network(Protocol):
    """What is asked of a prior; `vertumnus.models.diffusion.Diffusion` is one.

    name             what it was called
    shape            channels, rows and columns of what noise is added to
    alphas_cumprod   abar_t, T of them
    unet             the network itself, which the student's adapters go onto
    """

    name: str
    shape: tuple[int, int, int]
    alphas_cumprod: Tensor
    unet: Any

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def encode_text(self, prompts: str | Sequence[str]) -> Any:
        """Text states of prompts."""

    def encode(self, image: Tensor) -> Tensor:
        """Pictures, B x 3 x H x W from 0 to 1, as what noise is added to, B x ``shape``, with gradients."""

    def decode(self, x_0: Tensor) -> Tensor:
        """Pictures, from 0 to 1, of what noise is added to."""

    def add_noise(self, x_0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t, eq. (1)."""

    def predict_noise(self, x_t: Tensor, t: Tensor, text: Any, guidance: float = 1.0, negative: Any = None) -> Tensor:
        """The noise in x_t with classifier-free guidance: eps_negative + s (eps_text - eps_negative)."""


class Student(Protocol):
    """The noise predictor of what is being rendered; `LoraStudent` is one."""

    def predict_noise(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The noise it sees in x_t."""

    def learn(self, x_0: Tensor) -> float:
        """Takes in the current renders; its loss."""

    def state(self) -> dict[str, Any]:
        """Arrays and plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state."""

    def close(self) -> None:
        """Gives back what it holds."""


class NetworkPrior:
    """A diffusion network as a prior of compositions; see `vertumnus.guidance.prior`.

    spec     ``mini``, a folder or a hub id, as `vertumnus.models.load` takes it
    device   a torch device; a GPU if there is one

    Raises `VertumnusError` if there is no such diffusion model on this machine.
    """

    iterations = 1500
    render_weight = 5.0

    def __init__(self, spec: str | Path, device: str | None = None) -> None:
        self.name = str(spec)
        self.model = load(spec, "diffusion", device=device)
        # No finer a canvas is needed to show what it shows; the network's own size is reached by interpolation.
        self.resolution = min(self.model.resolution, FINEST)

    def guidance(
        self, prompt: str, options: ComposeOptions, shape: tuple[int, int], rng: np.random.Generator
    ) -> Particle:
        """Score distillation from the network. Its canvas may have any ``shape``."""
        return Particle(self.network(prompt, options, rng), options.every, options.agreement)

    def network(self, prompt: str, options: ComposeOptions, rng: np.random.Generator) -> NetworkGuidance:
        """The judge of any number of canvases."""
        mini = self.name == "mini"
        sees = options.sees or ("ink" if mini else "colours")
        return NetworkGuidance(
            self.model,
            ink_prompt(prompt) if mini and sees == "ink" else prompt,
            rng,
            method=options.method or ("sds" if mini else "vsd"),
            guidance_scale=options.guidance_scale,
            student_rate=options.student_rate,
            weighting=options.weighting or "sds",
            noise_levels=options.noise_levels or (0.98, 0.5),
            annealing=options.annealing or "none",
            background=_rgb(options.background),
            ink=_rgb("black") if sees == "ink" else None,
        )


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue, _ = parse_colour(colour)
    return red / 255, green / 255, blue / 255


class NetworkGuidance:
    """Contract 2: what a diffusion network wants of a canvas that is to show a prompt.

    model            the prior
    prompt           what the canvas is to show
    rng              seeds everything drawn here; from then on the guidance has a generator of its own
    method           vsd, eq. (4), or sds, eq. (3), which trains no student
    guidance_scale   classifier-free guidance of the teacher, 1 for none
    student_scale    the student's
    student_rate     learning rate of the student, which takes one step down eq. (7) a call
    rank             of its LoRA
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

    Raises `VertumnusError` for an empty prompt, and for a prior that is no diffusion network.
    """

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
        rank: int = 4,
        weighting: str = "sds",
        noise_levels: tuple[float, float] = (0.98, 0.02),
        annealing: str = "none",
        background: tuple[float, float, float] = (1.0, 1.0, 1.0),
        ink: tuple[float, float, float] | None = None,
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
        self.memory = memory
        self.expected: Tensor | None = None  # B x ``model.shape``, the running mean of the teacher's x0-hat
        self._shape = (0, 0)
        self.levels = NoiseLevels(model.alphas_cumprod.cpu().double().numpy(), *noise_levels, annealing)
        self.skipped = 0
        self.student_loss = math.nan
        self._in_a_row = 0
        self._answered = False
        numbers = sum(weights.numel() for weights in model.unet.parameters())
        self._small = self.model.device.type == "cpu" and numbers < SMALL
        with self._computing():
            self.text = model.encode_text(prompt)
            self.negative = model.encode_text(negative)
            self.student = student if method == "vsd" else None
            if method == "vsd" and student is None:
                self.student = LoraStudent(
                    model, self.text, self.rng, rank, student_rate, student_scale, self.negative
                )

    def __call__(self, picture: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss of one canvas, H x W x C, and its gradient; as `distill`."""
        losses, gradients = self.distill(picture[None], progress)
        return float(losses[0]), gradients[0]

    def distill(self, canvases: Canvas, progress: float) -> tuple[NDArray[np.float64], Canvas]:
        """The losses of B canvases, which share one student, and the gradients; the student then learns from them.

        canvases   B x H x W x C, premultiplied red, green, blue and alpha from 0 to 1, then what is none of ours
        progress   share of the run that is done

        The loss of a canvas is half the mean of |x - stopgrad(x - grad)|^2 over what noise is added to: half the
        mean square of eq. (3) or (4), so its own gradient is theirs. It tells how far the prior is from
        content, not how far the run has come. It is NaN for a canvas that the network had no finite answer for.

        Raises `VertumnusError` if the answer was not finite ``patience`` calls in a row, if memory runs out, or
        if the network's parts do not fit together.
        """
        with self._computing():
            layers = torch.tensor(canvases[..., :4], device=self.model.device).movedim(-1, 1).requires_grad_()
            x = self.model.encode(self._picture(layers))
            grad = self._gradient(x.detach(), progress)
            self._answered = True
            # The mean's division comes last: an encoder in half precision would lose gradients so small.
            by_layers = torch.autograd.grad(x, layers, grad)[0] / x[0].numel()
            self._shape = canvases.shape[1:3]
            losses = 0.5 * grad.float().square().flatten(1).mean(1)
            finite = torch.isfinite(by_layers).flatten(1).all(1) & torch.isfinite(losses)
            if self.student is not None and bool(torch.isfinite(x).all()):
                self.student_loss = self.student.learn(x.detach())
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
    def _gradient(self, x: Tensor, progress: float) -> Tensor:
        """Eq. (3) or (4) by x, B x ``model.shape``, each with a step t and noise of its own."""
        steps = [self.levels.draw(progress, self.rng) for _ in range(len(x))]
        # A copy, since torch rounds by where in memory numbers lie, and numpy's lie anywhere.
        noise = torch.tensor(self.rng.standard_normal(x.shape, np.float32)).to(x)
        t = torch.tensor(steps, device=x.device)
        x_t = self.model.add_noise(x, noise, t)
        teacher = self.model.predict_noise(x_t, t, self.text, self.guidance_scale, self.negative)
        self._expect(x_t, teacher, t)
        against = noise if self.student is None else self.student.predict_noise(x_t, t)
        weight = [weight_of(self.weighting, float(self.levels.alphas_cumprod[step])) for step in steps]
        return torch.tensor(weight, device=x.device, dtype=x.dtype).view(-1, 1, 1, 1) * (teacher - against)

    def _expect(self, x_t: Tensor, noise: Tensor, t: Tensor) -> None:
        """Takes in x0-hat = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t), where it is finite."""
        abar = self.model.alphas_cumprod.to(x_t)[t].view(-1, 1, 1, 1)
        x_0 = (x_t - (1 - abar).sqrt() * noise) / abar.sqrt()
        before = self.expected if self.expected is not None and len(self.expected) == len(x_0) else x_0
        found = self.memory * before + (1 - self.memory) * x_0
        found = torch.where(torch.isfinite(found), found, torch.nan_to_num(before, 0.0, 0.0, 0.0))
        self.expected = found.contiguous()  # in one order always, as from a checkpoint: rounding depends on it

    @torch.no_grad()
    def wanted(self) -> Canvas | None:
        """The ink that it expects of the canvases last given, B x H x W from 0 to 1; None before."""
        if self.expected is None:
            return None
        with self._computing():
            pictures = self.model.decode(self.expected).float()
            rows, columns = self._shape
            side = max(rows, columns)
            pictures = torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
        top, left = (side - rows) // 2, (side - columns) // 2
        ink = ink_of(pictures.clamp(0, 1).cpu().numpy())
        return ink[:, top : top + rows, left : left + columns]

    def _count(self, well: bool) -> None:
        self._in_a_row = 0 if well else self._in_a_row + 1
        self.skipped += not well
        if self._in_a_row >= self.patience:
            raise VertumnusError(
                f"{self.model.name}: its answer was not finite {self._in_a_row} times in a row;"
                " load it in full precision, or lower the guidance scale or the student's rate"
            )

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """On one thread if the network is small; says in one sentence what is the machine's or the weights' fault."""
        threads = torch.get_num_threads()
        if self._small:
            torch.set_num_threads(1)
        try:
            yield
        except VertumnusError:
            raise
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                raise VertumnusError(
                    f"{self.model.name}: out of memory; lower --particles, the collages judged at once, choose"
                    " --method sds, which trains no student, or take a smaller prior"
                ) from None
            if self._answered:
                raise
            line = next(iter(str(error).splitlines()), type(error).__name__)
            raise VertumnusError(
                f"{self.model.name}: its parts do not fit together, as with weights for another architecture ({line})"
            ) from error
        finally:
            torch.set_num_threads(threads)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on from here: arrays and plain values, for `vertumnus.optimise.checkpoint`."""
        own = {"network_rng": self.rng.bit_generator.state, "network_skipped": [self.skipped, self._in_a_row]}
        if self.expected is not None:
            own |= {"network_expected": self.expected.cpu().numpy()}
        return own | (self.student.state() if self.student is not None else {})

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state. Raises `VertumnusError` if it is of another network."""
        if self.student is not None:
            self.student.restore(state)
        self.rng.bit_generator.state = state["network_rng"]
        self.skipped, self._in_a_row = state["network_skipped"]
        if "network_expected" in state:
            self.expected = torch.tensor(state["network_expected"], device=self.model.device)

    def close(self) -> None:
        """Takes the student off the network, for whoever uses it next."""
        if self.student is not None:
            self.student.close()
