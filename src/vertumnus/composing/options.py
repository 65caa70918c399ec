"""Every choice composing offers, in one model: the command line, the library and the document share it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from vertumnus.checked import Options
from vertumnus.document.collage import Rendering
from vertumnus.guidance.options import GuidanceKeywords
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import (
    Blur,
    Distance,
    Factor,
    PositiveFactor,
    Share,
    SignedFactor,
    Squeeze,
    Steps,
    Stride,
    words_or_degrees,
)

Turn = Annotated[float, Field(ge=0, le=360, allow_inf_nan=False)]
Gain = Annotated[float, Field(ge=0, le=8)]


class RenderLoss(Options):
    """What each term beside the guidance counts (`vertumnus.guidance.terms`, `vertumnus.composing.geometry`)."""

    render: Factor | None = Field(
        None, description="eq. (6): w_r, times all that follow; by default 1 for pictograms, 5 for a network"
    )
    geometry: Factor = Field(10.0, description="eq. (9): centres off the canvas, sizes out of bounds")
    center_limit: PositiveFactor = Field(0.95, description="eq. (9): t_lim, of half the canvas")
    scale_reference: PositiveFactor | None = Field(
        None,
        description="eq. (9): s_ref, the root of a piece's area as a share of the size of eq. (5); by default .6, and"
        " 1.2 where pieces may lie over each other",
    )
    scale_limit: Factor = Field(0.75, description="eq. (9): s_lim, how far a size may be from s_ref, as a share")
    overlap: Factor | None = Field(
        None,
        description="eq. (8): w_alpha, of eq. (11), rising over the run; by default .2, and 0 where pieces may lie"
        " over each other",
    )
    overlap_threshold: PositiveFactor = Field(1.0, description="eq. (11): tau, pieces over a pixel before it counts")
    floor: Factor = Field(0.0, description="pieces covering less of the canvas than floor_share")
    floor_share: Share = Field(0.2, description="of the canvas, for floor")
    containment: Factor = Field(0.0, description="pieces outside the container; 5 where there is one")
    harmony: SignedFactor = Field(0.0, description="colours unlike the background; below zero, colours like it")

    def times(self, factor: float, layered: bool = False) -> RenderLoss:
        """Every term's weight times w_r, or times ``factor`` where that is not given; what is left open, decided."""
        by = factor if self.render is None else self.render
        terms = ("geometry", "floor", "containment", "harmony")
        overlap = (0.0 if layered else 0.2) if self.overlap is None else self.overlap
        reference = (1.2 if layered else 0.6) if self.scale_reference is None else self.scale_reference
        decided = {"render": 1.0, "overlap": by * overlap, "scale_reference": reference}
        return self.model_copy(update=decided | {name: by * getattr(self, name) for name in terms})


class ComposeOptions(Options):
    """How elements are arranged, whatever guides them; what guides has options of its own (`vertumnus.guidance`)."""

    iterations: Steps | None = Field(None, description="steps; by default what the guidance needs, 1,500 for most")
    gradient_blur: tuple[Blur, Blur] = Field(
        (6.0, 0.5), description="guidance pixels over which a gradient is felt, at the start and at the end"
    )
    kernel_sigma: Blur = Field(
        0.0, description="Gaussian kernel of the splatting renderer, guidance pixels; 0 draws sharply"
    )
    step: tuple[Stride, Stride] = Field((1.2, 0.15), description="guidance pixels a piece moves at a time")
    noise: Share = Field(0.03, description="of place and angle at the start, as a share of a piece's size")
    relocate: bool = Field(True, description="pieces that nothing wants jump to where ink is wanted")
    population: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="layouts that are arranged side by side and compete; the best is kept"
    )
    evolution: Literal["microbial", "strategies"] = Field(
        "microbial",
        description="of two the worse becomes a mutated copy of the better, or all become one of the best",
    )
    evolution_interval: Steps = Field(100, description="steps between two competitions")
    initial_search: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="random layouts that are tried at the start; the run begins with the best"
    )
    initial_search_steps: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="steps that each of them is arranged for before it is judged"
    )
    swaps: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        None,
        description="pieces for which other pictures are tried every ten steps; by default 4 where there are more"
        " pictures than pieces and pieces may lie over each other",
    )
    rotation: Literal["free", "none"] | Turn = Field(
        "free", description="free, none, or within so many degrees of upright"
    )
    gap: Distance = Field(0.0, description="kept between pieces by the overlap term, canvas pixels")
    match: Literal["none", "names"] = Field(
        "none",
        description="whether pieces go, and are chosen where there are more than places, by what they are called:"
        " leaves to the crown of a tree, fish to the waves",
    )
    by_colour: Share = Field(
        1.0,
        description="how much it counts which colours are wanted where: 0 for the silhouette alone, 1 for all colour",
    )
    strict: bool | None = Field(
        None, description="at the end no two pieces overlap, as after pack; by default where only ink is looked at"
    )
    render: Rendering = Field(
        "alpha", description="how pieces make a picture: laid over each other, or a method of CLIP-CLOP"
    )
    initial: Literal["random", "structure"] | None = Field(
        None,
        description="where pieces start: anywhere, or more and smaller ones where a reference photograph has detail;"
        " by default the second where there is one",
    )
    squeeze: tuple[Squeeze, Squeeze] | None = Field(
        None, description="least and most that a piece's height is multiplied by; by default it keeps its form"
    )
    shear: Annotated[float, Field(ge=0, le=60)] = Field(0.0, description="degrees that a piece may be sheared by")
    colour: Literal["own", "rgb", "hsv"] | None = Field(
        None,
        description="whether pieces may change colour, by gains on red, green and blue or by hue; by default rgb"
        " where a photograph guides, else own",
    )
    gain: tuple[Gain, Gain] | None = Field(
        None,
        description="least and most of the gains, or of their value; by default .25 2 where a photograph guides, else"
        " .5 1",
    )
    opacity: tuple[Share, Share] | None = Field(
        None, description="least and most opacity a piece may take; by default it has its own"
    )
    background: str | None = Field(
        None, description="the collage's, a CSS colour; by default transparent, and white to who judges"
    )
    loss: RenderLoss = RenderLoss()

    @field_validator("rotation", mode="before")
    @classmethod
    def _words_or_degrees(cls, rotation: object) -> object:
        return words_or_degrees(rotation, ("free", "none"))

    @field_validator("background")
    @classmethod
    def _a_colour(cls, colour: str | None) -> str | None:
        if colour is not None:
            parse_colour(colour)
        return colour

    @field_validator("squeeze", "gain", "opacity")
    @classmethod
    def _ordered(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and limits[0] > limits[1]:
            raise ValueError(f"the least, {limits[0]:g}, is above the most, {limits[1]:g}")
        return limits


class ComposeKeywords(GuidanceKeywords, total=False):
    """The fields of `ComposeOptions` and of the guidances' options as keywords, for editors and type checkers."""

    iterations: int | None
    gradient_blur: tuple[float, float]
    kernel_sigma: float
    step: tuple[float, float]
    noise: float
    relocate: bool
    population: int
    evolution: Literal["microbial", "strategies"]
    evolution_interval: int
    initial_search: int
    initial_search_steps: int
    swaps: int | None
    rotation: Literal["free", "none"] | float
    gap: float
    match: Literal["none", "names"]
    by_colour: float
    strict: bool | None
    render: Rendering
    initial: Literal["random", "structure"] | None
    squeeze: tuple[float, float] | None
    shear: float
    colour: Literal["own", "rgb", "hsv"] | None
    gain: tuple[float, float] | None
    opacity: tuple[float, float] | None
    background: str | None
    loss: RenderLoss
