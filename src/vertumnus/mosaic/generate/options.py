"""How tiles are generated, by the names the command line uses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vertumnus.checked import Options

MethodName = Literal[
    "guided", "quilt", "adain", "noise-blend", "image-to-image", "factorized", "colour-adapter", "match", "tone",
    "histogram", "free",
]  # fmt: skip
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class GenerateOptions(Options):
    """How a diffusion model draws the tiles of a mosaic."""

    method: MethodName = Field(
        "guided",
        description="guided: Generative Photomosaic; quilt: PhotoQuilt; the rest are what these are compared with",
    )
    guidance_weight: float = Field(5000.0, ge=0, le=1e7, allow_inf_nan=False, description="w of eq. (8)")
    guidance_decay: float = Field(0.95, gt=0, le=1, description="gamma of eq. (8), by which w shrinks each step")
    guidance_kind: Literal["rgb", "luminance", "perceptual"] = Field(
        "rgb", description="what of tile and block is compared: eq. (7), eq. (10), or as SyncDiffusion does"
    )
    guidance_through: Literal["network", "clean"] = Field(
        "network",
        description="the gradient goes to the latents through the network, eq. (8), or to the clean latents",
    )
    decoder: Literal["full", "linear", "tiny"] | str = Field(
        "full",
        description="what shows latents while they are guided: full, linear, tiny, or the folder of a tiny decoder",
    )
    blur: Share = Field(1 / 16, description="sigma of the low pass, in sides of a tile")
    align: Literal["latents", "pixels", "none"] = Field(
        "latents", description="what gets the block's mean and deviation at each step, eq. (5)"
    )
    noise: Literal["exact", "printed", "independent"] = Field(
        "printed", description="integral noise as in eq. (1), scaled exactly or as eq. (2) prints, or none of it"
    )
    steps: int = Field(50, ge=1, le=1000, description="of the schedule")
    guidance_scale: float = Field(7.5, ge=1, le=100, allow_inf_nan=False, description="classifier-free guidance")
    scheduler: Literal["ddim", "euler", "euler_ancestral", "dpm++", "lcm"] = "ddim"
    negative: str = Field("", max_length=2000, description="what classifier-free guidance steers away from")
    strength: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        0.6,
        description="share of the schedule that quilt and image-to-image run, and a film's tiles that are drawn anew",
    )
    structure: Share = Field(
        0.0, description="with photographs: share of the schedule that tiles run from those that match; 0 from noise"
    )
    blend: Share = Field(0.5, description="of noise-blend: the block's share")
    pool: int = Field(64, ge=1, le=4096, description="of match: pictures that are drawn to choose from")
    adapter: str | None = Field(
        None, description="of colour-adapter: the folder of a T2I-Adapter for colours; mini has one of its own"
    )
    candidates: int = Field(
        1, ge=1, le=64, description="pictures drawn for each cell, of which the nearest to its block is kept"
    )
    finish: Literal["affine", "none"] = Field(
        "affine", description="after all, the gain and offset of each channel that bring a tile nearest to its block"
    )
    finish_gain: float = Field(
        0.6, ge=0.05, le=1, description="of that finish: the least gain, below which a tile's contrast is not taken"
    )
    tile_size: str | None = Field(
        None, description="pixels that the model draws, as 768 or 768x512; its own by default"
    )
    batch: int | None = Field(None, ge=1, le=4096, description="tiles at once; found by trial where memory is short")
