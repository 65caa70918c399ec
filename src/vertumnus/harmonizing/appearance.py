"""What layers look like, learned as words before their own: textual inversion (Collage Diffusion, sec. 4.3).

Eq. (1): the vectors a of a modifier before the layer's text c are those for which the network best denoises the
composite up to that layer, where the layer is:

    a* = argmin E || alpha (x_target - D(x_target + noise, sigma, (a, c))) ||^2

The error is that of what the network was taught to say: of the noise, as in the authors' program, which is eq. (1)'s
weighed by the signal over the noise; of the velocity for a network that says that, or there would be next to nothing
to learn from high noise, where words count most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.words import word_names
from vertumnus.models.adapters import Adapters
from vertumnus.models.device import is_out_of_memory

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion

Tensor = torch.Tensor
Watcher = Callable[[int, int, float], None]  # which subject, steps of the most that there may be, the loss held out
BEGIN = "a"  # the word whose vector learning begins at, as in the authors' program
# Of AdamW, in deviations of the encoder's own vectors: some 5e-3 for Stable Diffusion's, as in Gal et al. 2022. With
# theirs, 4e-4, mini's words stay near where they began.
RATE = 0.4
BATCH = 4  # draws of noise a step, as theirs
HELD_OUT = 8  # draws that are not learned from, at as many noise levels
EVERY = 10  # steps between two looks at them
PATIENCE = 5  # looks without a gain before learning ends
GAIN = 1e-3  # share of the loss that is one


@dataclass(frozen=True)
class Subject:
    """What one word is to be learned from.

    text   the layer's own, c of eq. (1)
    image  3 x H x W from 0 to 1, the composite up to the layer, of a size that the model takes
    alpha  H x W, the layer's
    """

    text: str
    image: Tensor
    alpha: Tensor


class Learned(NamedTuple):
    """Vectors, k x width for each text encoder; the loss on what was held out, before and after; steps taken."""

    vectors: list[Tensor]
    before: float
    after: float
    steps: int


def learn(
    model: Diffusion,
    subjects: Sequence[Subject],
    vectors: int = 1,
    steps: int = 250,
    seed: int = 0,
    watch: Watcher | None = None,
) -> list[Learned]:
    """The words of some subjects, learned side by side, or in smaller groups where memory does not suffice.

    vectors  of each word
    steps    at most; fewer where the loss on held-out noise no longer falls

    The vectors are the best ones found on held-out noise. What is drawn for a subject goes by its content and the
    seed; on the processor, where side by side is no faster, each is learned by itself, so that its vectors do not
    depend on the others, to the bit.
    Raises `VertumnusError` if not even one subject and one draw fit into memory.
    """
    found: list[Learned] = []
    group, draws = len(subjects) if side_by_side(model) else 1, BATCH
    while len(found) < len(subjects):
        now = range(len(found), min(len(found) + group, len(subjects)))
        done = len(found)

        def show(which: int, step: int, loss: float, done: int = done) -> None:
            if watch is not None:
                watch(done + which, step, loss)

        try:
            found += _learn_together(
                model,
                [subjects[n] for n in now],
                [_seed_of(subjects[n], seed) for n in now],
                vectors,
                steps,
                draws,
                show,
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if group == 1 and draws == 1:
                raise VertumnusError(
                    f"{model.name}: out of memory learning what {subjects[now[0]].text!r} looks like; choose a"
                    " smaller longest side, or a method without ti"
                ) from None
            group, draws = (group + 1) // 2, draws if group > 1 else draws // 2
    return found


def side_by_side(model: Diffusion) -> bool:
    """Whether subjects are learned at once: on a GPU, which has room for more than one draws."""
    return model.device.type != "cpu"


def _seed_of(subject: Subject, seed: int) -> int:
    digest = hashlib.sha256(f"{seed} {subject.text}".encode())
    for part in (subject.image, subject.alpha):
        digest.update(part.float().cpu().numpy().tobytes())
    return int.from_bytes(digest.digest()[:7], "big")


def _learn_together(
    model: Diffusion,
    subjects: Sequence[Subject],
    seeds: Sequence[int],
    vectors: int,
    steps: int,
    draws: int,
    show: Callable[[int, int, float], None],
) -> list[Learned]:
    makers = [torch.Generator().manual_seed(seed) for seed in seeds]
    with torch.no_grad():
        clean = torch.cat([model.to_latents(one.image[None].to(model.device)) for one in subjects])
        masks = torch.cat(
            [
                torch.nn.functional.interpolate(one.alpha[None, None].float(), clean.shape[-2:], mode="area")
                for one in subjects
            ]
        ).to(clean)
    total = len(model.alphas_cumprod)
    levels = (torch.arange(HELD_OUT) * 2 + 1) * total // (2 * HELD_OUT)
    held = [torch.randn((HELD_OUT, *clean.shape[1:]), generator=maker) for maker in makers]
    with model.threads(), Adapters(model) as adapters:
        words = adapters.words
        begin = [one.mean(0, keepdim=True).expand(vectors, -1) for one in words.vectors_of(BEGIN)]
        named = [word_names(number, vectors) for number in range(len(subjects))]
        tables: list[torch.nn.Parameter] = []
        for names in named:
            for place, name in enumerate(names):
                tables = words.add(name, [one[place : place + 1] for one in begin])
        rates = [RATE * float(table.weight.float().std()) for table in words.tables]
        for table in tables:
            table.requires_grad_(True)
        optimiser = torch.optim.AdamW(
            [{"params": [table], "lr": rate} for table, rate in zip(tables, rates, strict=True)]
        )
        # Down to nothing, so that the vectors come to rest; the authors' stays as it is.
        slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        prompts = [f"{' '.join(names)} {one.text}" for names, one in zip(named, subjects, strict=True)]

        def wanted(clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
            """What the network is to say: noise, velocity or the clean latents, whichever it was taught."""
            if model.prediction == "sample":
                return clean
            # v = sqrt(abar) eps - sqrt(1 - abar) x_0, x_t with noise and -x_0 in their places.
            return noise if model.prediction == "epsilon" else model.add_noise(noise, -clean, t)

        def errors(which: Sequence[int], t: Tensor, noise: Tensor) -> Tensor:
            """The masked loss of each of ``which``, each with as many draws of t and noise, in turn."""
            each = len(t) // len(which)
            of = torch.tensor([n for n in which for _ in range(each)], device=clean.device)
            text = model.encode_text([prompts[n] for n in which], gradients=torch.is_grad_enabled())
            text = text.taken([place for place in range(len(which)) for _ in range(each)])
            x_t = model.add_noise(clean[of], noise, t)
            wrong = (model.answer(x_t, t, text) - wanted(clean[of], noise, t)).float().square() * masks[of].square()
            area = masks[of].square().sum((1, 2, 3)).clamp(min=1e-6) * clean.shape[1]
            return (wrong.sum((1, 2, 3)) / area).view(len(which), each).mean(1)

        @torch.no_grad()
        def judged(which: Sequence[int]) -> list[float]:
            return [
                float(errors([n], levels.to(clean.device), held[n].to(clean))[0]) for n in which
            ]  # one at a time: no more memory than learning takes

        def rows(number: int) -> list[Tensor]:
            return [table.detach()[number * vectors : (number + 1) * vectors].clone() for table in tables]

        active = list(range(len(subjects)))
        before = judged(active)
        best, kept, waited = list(before), [rows(n) for n in active], [0] * len(subjects)
        taken = [0] * len(subjects)
        for step in range(1, steps + 1):
            t = torch.cat([torch.randint(total, (draws,), generator=makers[n]) for n in active]).to(clean.device)
            noise = torch.cat([torch.randn((draws, *clean.shape[1:]), generator=makers[n]) for n in active]).to(clean)
            optimiser.zero_grad()
            with torch.enable_grad():
                loss = errors(active, t, noise).sum()
            # In half precision gradients would be too small to be told from nothing; AdamW does not mind the factor.
            # Of these alone: a LoRA that the model carries may be in training elsewhere.
            torch.autograd.backward(loss * 1024, inputs=list(tables))
            if all(table.grad is not None and bool(torch.isfinite(table.grad).all()) for table in tables):
                optimiser.step()
            slower.step()
            if step % EVERY and step < steps:
                for n in active:
                    show(n, step, best[n])
                continue
            for n, found in zip(list(active), judged(active), strict=True):
                taken[n] = step
                waited[n] += 1
                if found < best[n] * (1 - GAIN):
                    best[n], kept[n], waited[n] = found, rows(n), 0
                show(n, step if waited[n] < PATIENCE else steps, best[n])
            active = [n for n in active if waited[n] < PATIENCE]
            if not active:
                break
    return [Learned([one.cpu() for one in kept[n]], before[n], best[n], taken[n]) for n in range(len(subjects))]
