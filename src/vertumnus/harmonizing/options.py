"""How a collage is harmonised: the switches of Collage Diffusion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vertumnus.checked import Options
from vertumnus.models.checkpoint import Dtype

Method = Literal["sa", "gh", "gh+ca", "gh+ca+ln", "gh+ln", "gh+ca+ti", "gh+ca+ti+ln", "none"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class HarmonizeOptions(Options):
    """What harmonising does, beside what each layer says for itself (noise, control, attract, repel)."""

    method: Method = Field(
        "gh+ca+ln",
        description="sa: Plug-and-Play on the composite, a baseline; gh: SDEdit of the composite; with ca: attention"
        " held to the layers' places; ti: a word learned for each layer's appearance; ln: noise per layer; none:"
        " tones and seams, no model",
    )
    steps: int = Field(50, ge=1, le=1000, description="of the whole schedule")
    guidance: float = Field(7.0, ge=1, le=100, allow_inf_nan=False, description="classifier-free guidance")
    negative: str = Field("", max_length=2000, description="what guidance steers away from")
    scheduler: Literal["ddim", "euler", "euler_ancestral", "dpm++", "lcm"] = "euler_ancestral"
    strength: Share | None = Field(
        None, description="noise of every layer that is not kept, in place of its own; without ln, of the whole"
    )
    background: Share | None = Field(
        None, description="noise where no layer is seen; the most any layer has by default"
    )
    # With 1, rounding makes the first step of a schedule that begins at pure noise the root of less than 0.
    eta: float = Field(
        0.3, ge=0, le=0.9, description="of sa: share of the noise drawn anew, by which seeds differ; 0 as published"
    )
    blur: Share = Field(10 / 512, description="of the noise map, standard deviation in shares of the longer side")
    detail: Share = Field(
        0.0, description="of the layers' own fine detail put back where a layer stayed in its place"
    )
    longest: int | None = Field(None, ge=8, le=8192, description="pixels of the result's longer side")
    vectors: int = Field(1, ge=1, le=16, description="of each learned word")
    learning: int = Field(250, ge=1, le=100_000, description="steps of learning a word, at most")
    dtype: Dtype = Field("auto", description="of the model's weights; auto is half on a GPU, single elsewhere")
    lora: tuple[str, ...] = Field((), description="FILE or FILE=WEIGHT, put onto the model while it draws")
    auto: bool = Field(False, description="settings of every layer from its size, by the auto-adjust rule")

    @property
    def attention(self) -> bool:
        """Whether attention is held to the layers' places (CA)."""
        return "+ca" in self.method

    @property
    def appearance(self) -> bool:
        """Whether words are learned for what layers look like (TI)."""
        return "+ti" in self.method

    @property
    def layer_noise(self) -> bool:
        """Whether noise is per layer (LN)."""
        return "+ln" in self.method
