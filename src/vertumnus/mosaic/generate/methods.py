"""Every method to draw tiles, behind one function: from a batch of tiles to their pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models import load_model
from vertumnus.models.checkpoint import mini_folder
from vertumnus.mosaic.generate.decoders import open_decoder
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.generate.steer import AlignLatents, AlignPixels, Blend, Change, Factor, Guide, Tiles
from vertumnus.sampling.control import Control
from vertumnus.sampling.sample import sample
from vertumnus.sampling.schedulers import Schedule, make_scheduler

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.sampling.step import Step

Tensor = torch.Tensor
Perceptual = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Recipe:
    """How a method samples.

    changes   to each step, in their order
    begins    from ``noise``, from the ``block`` with noise on it, or from the ``quilt``'s layout
    strength  share of the schedule that is run
    adapter   a T2I-Adapter that sees the block
    """

    changes: tuple[Change, ...] = ()
    begins: str = "noise"
    strength: float = 1.0
    adapter: object | None = None


def make_recipe(options: GenerateOptions, model: Diffusion, perceptual: Perceptual | None = None) -> Recipe:
    """The recipe of a method for a model.

    guided          integral noise, colour alignment, low-frequency guidance (Chung et al. 2026, sec. 3)
    free            none of them: the prompt alone
    adain           colour alignment alone (Huang and Belongie 2017, as the paper's baseline uses it)
    noise-blend     predictions mixed with the block's in a fixed ratio
    image-to-image  SDEdit of the enlarged block, as StreamDiffusion does with few steps
    factorized      low frequencies replaced at every step
    quilt           PhotoQuilt: the layout of a low-resolution pass, its latents enlarged and re-noised
    colour-adapter  a T2I-Adapter that sees a few colours of the block (Mou et al. 2024); mini has one of its own

    Methods that draw no tile for its block (match, tone, histogram) draw from ``free``; see `pool`.
    """
    method = options.method
    if method in ("free", "match", "tone", "histogram"):
        return Recipe()
    if method == "adain":
        return Recipe(_aligning(options))
    if method == "noise-blend":
        return Recipe((Blend(options.blend),))
    if method == "image-to-image":
        return Recipe((), "block", options.strength)
    if method == "quilt":
        return Recipe((), "quilt", options.strength)
    rows = model.shape[1]
    if method == "factorized":
        return Recipe((Factor(options.blur * rows),))
    if method == "colour-adapter":
        return Recipe(adapter=_adapter(options.adapter, model))
    guide = Guide(
        open_decoder(options.decoder, model),
        options.guidance_weight,
        options.guidance_decay,
        options.blur * rows,
        options.guidance_kind,
        options.guidance_through,
        perceptual,
    )
    aligning = _aligning(options)
    if options.guidance_through == "clean":
        return Recipe((*aligning, guide))
    return Recipe((guide, *aligning))


def _aligning(options: GenerateOptions) -> tuple[Change, ...]:
    if options.align == "none":
        return ()
    return (AlignLatents(),) if options.align == "latents" else (AlignPixels(),)


def _adapter(folder: str | None, model: Diffusion) -> object:
    if folder is None and model.name == "mini" and mini_folder("colours").is_dir():
        folder = "mini-colours"
    if folder is None:
        raise VertumnusError("`adapter`: the method colour-adapter needs the folder of a T2I-Adapter for colours")
    return load_model(folder, "control", device=str(model.device))


def draw(
    tiles: Tiles, recipe: Recipe, options: GenerateOptions, watch: Callable[[Step], None] | None = None
) -> Tensor:
    """The pictures of a batch of tiles, B x 3 x H x W from 0 to 1, unclipped.

    watch  called with each step once it is changed
    """
    model = tiles.model
    control = (
        ()
        if recipe.adapter is None
        else (Control(recipe.adapter, colours_alone(tiles.pictures, colour_grid(recipe.adapter))),)
    )
    last = None
    for step in sample(
        model,
        tiles.text,
        negative=options.negative,
        steps=options.steps,
        guidance=options.guidance_scale,
        scheduler=options.scheduler,
        seed=list(tiles.seeds),
        latents=_begin(tiles, recipe, options),
        strength=recipe.strength,
        control=control,
    ):
        for change in recipe.changes:
            change(step, tiles)
        if watch is not None:
            watch(step)
        last = step
    if last is None:
        raise VertumnusError(f"`strength`: {recipe.strength:g} of {options.steps} steps leaves none")
    with torch.no_grad():
        return model.decode(last.next_latents)


def _begin(tiles: Tiles, recipe: Recipe, options: GenerateOptions) -> Tensor:
    """The first latents at the schedule's level, from the tiles' noise and what the method begins with."""
    scheduler = make_scheduler(options.scheduler, tiles.model.scheduler_config)
    schedule = Schedule(scheduler, options.steps, tiles.model.device, recipe.strength)
    if recipe.begins == "noise":
        return schedule.begin(tiles.noise)
    if not len(schedule):
        raise VertumnusError(f"`strength`: {recipe.strength:g} of {options.steps} steps leaves none")
    clean = tiles.latents if recipe.begins == "block" else tiles.layout
    assert clean is not None
    return schedule.begin_from(clean, tiles.noise)


def colour_grid(network: object) -> int:
    """Colours a side that an adapter was trained to see: what its configuration says, or 8 (Mou et al. 2024)."""
    config: Any = getattr(network, "config", {})
    return int(config.get("colour_grid") or 8)


def colours_alone(pictures: Tensor, grid: int) -> Tensor:
    """What a colour adapter sees: the mean colours of grid x grid parts, each a flat square, B x 3 x H x W."""
    mean = torch.nn.functional.adaptive_avg_pool2d(pictures, grid)
    return torch.nn.functional.interpolate(mean, pictures.shape[-2:], mode="nearest")
