"""Every choice composing offers, in one model: the command line, the library and the document share it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from vertumnus.imaging.colour import parse_colour

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class RenderLoss(BaseModel):
    """What each term beside the guidance counts (`vertumnus.guidance.terms`, `vertumnus.composing.geometry`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    render: NotNegative | None = Field(
        None, description="eq. (6): w_r, times all that follow; by default 1 for pictograms, 5 for a network"
    )
    geometry: NotNegative = Field(10.0, description="eq. (9): centres off the canvas, sizes out of bounds")
    center_limit: Positive = Field(0.95, description="eq. (9): t_lim, of half the canvas")
    scale_reference: Positive = Field(
        0.6, description="eq. (9): s_ref, the root of a piece's area as a share of the size of eq. (5)"
    )
    scale_limit: NotNegative = Field(0.75, description="eq. (9): s_lim, how far a size may be from s_ref, as a share")
    overlap: NotNegative = Field(0.2, description="eq. (8): w_alpha, of eq. (11), rising over the run")
    overlap_threshold: Positive = Field(1.0, description="eq. (11): tau, pieces over a pixel before it counts")
    floor: NotNegative = Field(0.0, description="pieces covering less of the canvas than floor_share")
    floor_share: Share = Field(0.2, description="of the canvas, for floor")
    containment: NotNegative = Field(0.0, description="pieces outside the container; 5 where there is one")
    harmony: Number = Field(0.0, description="colours unlike the background; below zero, colours like it")

    def times(self, factor: float) -> RenderLoss:
        """Every term's weight times w_r, or times ``factor`` where that is not given."""
        by = factor if self.render is None else self.render
        terms = ("geometry", "overlap", "floor", "containment", "harmony")
        return self.model_copy(update={"render": 1.0} | {name: by * getattr(self, name) for name in terms})


class ComposeOptions(BaseModel):
    """How elements are arranged, whatever guides them; what guides has options of its own (`vertumnus.guidance`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    iterations: Annotated[int, Field(ge=1)] | None = Field(
        None, description="steps; by default what the guidance needs, 1,500 for most"
    )
    gradient_blur: tuple[NotNegative, NotNegative] = Field(
        (6.0, 0.5), description="guidance pixels over which a gradient is felt, at the start and at the end"
    )
    kernel_sigma: NotNegative = Field(
        0.0, description="Gaussian kernel of the splatting renderer, guidance pixels; 0 draws sharply"
    )
    step: tuple[Positive, Positive] = Field((1.2, 0.15), description="guidance pixels a piece moves at a time")
    noise: Share = Field(0.03, description="of place and angle at the start, as a share of a piece's size")
    relocate: bool = Field(True, description="pieces that nothing wants jump to where ink is wanted")
    rotation: Literal["free", "none"] | NotNegative = Field(
        "free", description="free, none, or within so many degrees of upright"
    )
    gap: NotNegative = Field(0.0, description="kept between pieces by the overlap term, canvas pixels")
    strict: bool = Field(True, description="at the end no two pieces overlap, as after pack")
    background: str | None = Field(
        None, description="the collage's, a CSS colour; by default transparent, and white to who judges"
    )
    loss: RenderLoss = RenderLoss()

    @field_validator("background")
    @classmethod
    def _a_colour(cls, colour: str | None) -> str | None:
        if colour is not None:
            parse_colour(colour)
        return colour
