"""The sampler: a diffusion model as an iterator, which whoever drives it may steer between its steps.

    for step in sample(model, "a red fish", steps=30, seed=7):
        step.predicted_clean = ...
    picture = model.decode(step.next_latents)

`draw_pictures(model, sample(...))` runs it to its end. With nothing changed it equals diffusers' text-to-image,
image-to-image and ControlNet pipelines to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.diffusion import Diffusion
from vertumnus.models.text import TextStates
from vertumnus.sampling.control import Control, Controls
from vertumnus.sampling.schedulers import Schedule, SchedulerName, make_scheduler
from vertumnus.sampling.step import Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensor = torch.Tensor


def sample(
    model: Diffusion,
    prompt: str | Sequence[str] | TextStates,
    *,
    negative: str | Sequence[str] | TextStates = "",
    steps: int = 50,
    guidance: float = 7.5,
    rescale: float = 0.0,
    scheduler: SchedulerName | Any = "euler_ancestral",
    eta: float = 0.0,
    size: tuple[int, int] | None = None,
    image: Tensor | NDArray[Any] | None = None,
    strength: float = 1.0,
    seed: int | Sequence[int] = 0,
    batch: int | None = None,
    latents: Tensor | None = None,
    control: Control | Sequence[Control] = (),
) -> Iterator[Step]:
    """The steps from noise to pictures, one at a time; the last one's ``next_latents`` are for ``model.decode``.

    model      as `vertumnus.models.load_model` gives it
    prompt     one for all pictures or one each, or text states
    negative   what guidance steers away from, likewise
    steps      of the whole schedule
    guidance   classifier-free guidance (Ho and Salimans 2021), 1 for none
    rescale    of the guided answer's deviation, see `Diffusion.answer`
    scheduler  ``ddim``, ``euler``, ``euler_ancestral``, ``dpm++``, ``lcm``, or one of diffusers' own
    eta        of ``ddim``: share of the noise that is drawn anew
    size       width and height in pixels, multiples of ``model.factor``; the model's own, or the image's
    image      to begin from (SDEdit, Meng et al. 2022): 3 x H x W or B x 3 x H x W from 0 to 1, or H x W x 3 bytes
    strength   of the noise put onto it: share of the schedule that is run
    seed       of the first picture, the next ones' follow on it; or one each
    batch      pictures, where nothing else says how many
    latents    to begin from as they are, B x C x h x w, instead of noise that is drawn; with ``strength`` below 1,
               at the level where the schedule then begins
    control    ControlNets and adapters that steer the network

    Each picture has a generator of its own, on the processor: what it draws depends neither on its batch nor on
    the device.

    Raises `VertumnusError` at the first step for sizes, counts and strengths that cannot be.
    """
    texts = 1 if isinstance(prompt, str) else len(prompt)
    seeds = [seed] if isinstance(seed, int) else list(seed)
    pictures = None if image is None else as_pictures(image)
    given = [texts, len(seeds), 1 if pictures is None else len(pictures), 1 if latents is None else len(latents)]
    count = max(*given, batch or 1)
    if any(number not in (1, count) for number in given) or (batch or count) != count:
        raise VertumnusError(f"batch: prompts, seeds, images and latents do not go together ({given})")
    if isinstance(seed, int):
        seeds = [seed + number for number in range(count)]
    elif len(seeds) != count:
        raise VertumnusError(f"seed: {len(seeds)} for a batch of {count}")
    if steps < 1:
        raise VertumnusError(f"steps: {steps} are not enough")
    if not 0 <= strength <= 1:
        raise VertumnusError(f"strength: {strength} does not lie between 0 and 1")
    generators = [torch.Generator().manual_seed(number) for number in seeds]
    schedule = Schedule(make_scheduler(scheduler, model.scheduler_config), steps, model.device, strength, eta)
    if not len(schedule):
        raise VertumnusError(f"strength: {strength} of {steps} steps leaves none to run")

    text = _states(model.encode_text, prompt, count)
    against = None if guidance == 1.0 else _states(model.encode_negative, negative, count)
    rows, columns = _extent(model, size, pictures, latents)
    if latents is None:
        shape = (model.channels, rows, columns)
        latents = _begin(model, schedule, shape, pictures, generators)
    z = latents.to(model.device).expand(count, -1, -1, -1)
    wanted = [control] if isinstance(control, Control) else list(control)
    controls = Controls(model, wanted, (rows, columns), len(schedule)) if wanted else None

    def ask(latents: Tensor, index: int) -> Tensor:
        return model.answer(
            schedule.scaled(latents, index),
            schedule.timesteps[index],
            text,
            guidance,
            against,
            rescale,
            condition=None if controls is None else controls.at(index),
        )

    for index in range(len(schedule)):
        step = Step(index, schedule, z, generators, ask)
        yield step
        z = step.next_latents


def finish(steps: Iterable[Step]) -> Tensor:
    """Runs a sampler to its end: the last latents, B x C x h x w."""
    last: Step | None = None
    for step in steps:
        last = step
    if last is None:
        raise VertumnusError("steps: there are none to run")
    return last.next_latents


@torch.no_grad()
def draw_pictures(model: Diffusion, steps: Iterable[Step]) -> Tensor:
    """Runs a sampler to its end: pictures from 0 to 1, B x 3 x H x W."""
    return model.decode(finish(steps)).clamp(0, 1)


def as_pictures(image: Tensor | NDArray[Any]) -> Tensor:
    """B x 3 x H x W from 0 to 1, from a tensor of this kind, one of 3 x H x W, or an array of bytes or from 0 to 1,
    H x W x 3 or B x H x W x 3. Raises `VertumnusError` for anything else.
    """
    if isinstance(image, torch.Tensor):
        found = image
    else:
        array = np.asarray(image)
        if array.ndim not in (3, 4) or array.shape[-1] != 3:
            raise VertumnusError(f"image: is {array.shape}, and H x W x 3 is wanted")
        whole = np.issubdtype(array.dtype, np.integer)
        found = torch.tensor(array, dtype=torch.float32).movedim(-1, -3)
        found = found / 255 if whole else found
    found = found[None] if found.ndim == 3 else found
    if found.ndim != 4 or found.shape[1] != 3:
        raise VertumnusError(f"image: is {tuple(found.shape)}, and B x 3 x H x W is wanted")
    return found.float()


def _states(encode: Callable[[Any], TextStates], prompt: str | Sequence[str] | TextStates, count: int) -> TextStates:
    found = prompt if isinstance(prompt, TextStates) else encode(prompt)
    return found.repeated(count) if len(found) == 1 else found


def _extent(
    model: Diffusion, size: tuple[int, int] | None, pictures: Tensor | None, latents: Tensor | None
) -> tuple[int, int]:
    """Rows and columns of the latents."""
    factor = model.factor
    if latents is not None:
        return latents.shape[-2], latents.shape[-1]
    if pictures is not None:
        height, width = pictures.shape[-2:]
        if size is not None and size != (width, height):
            raise VertumnusError(f"size: {size[0]} x {size[1]} is not that of the image, {width} x {height}")
    else:
        width, height = size or (model.resolution, model.resolution)
    for name, side in (("width", width), ("height", height)):
        if side < factor or side % factor:
            near = max(round(side / factor), 1) * factor
            raise VertumnusError(f"size: a {name} of {side} is no multiple of {factor}; {near} is the nearest")
    return height // factor, width // factor


def _begin(
    model: Diffusion,
    schedule: Schedule,
    shape: tuple[int, int, int],
    pictures: Tensor | None,
    generators: Sequence[torch.Generator],
) -> Tensor:
    """The first latents, from noise alone or from pictures."""
    clean = None
    if pictures is not None:
        pictures = pictures.to(model.device).expand(len(generators), -1, -1, -1)
        with torch.no_grad():  # the posterior's sample is drawn before the noise, as in diffusers' pipelines
            clean = model.to_latents(pictures, generators)
    noise = torch.cat([torch.randn((1, *shape), generator=maker) for maker in generators]).to(model.device)
    return schedule.begin(noise) if clean is None else schedule.begin_from(clean, noise)
