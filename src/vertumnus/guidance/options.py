"""Every choice that each kind of guidance offers, one model a kind; the command line and the document share them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from vertumnus.guidance.protocol import GuidanceOptions
from vertumnus.models.checkpoint import Dtype

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
AtLeastOne = Annotated[int, Field(ge=1)]
Method = Literal["vsd", "sds"]
Weighting = Literal["data", "sds", "uniform", "fantasia3d"]
Annealing = Literal["sqrt", "linear", "none"]


class PictogramOptions(GuidanceOptions):
    """Score distillation in closed form, from the icons that a prompt means; see `vertumnus.guidance.pictogram`."""

    kind: ClassVar[str] = "pictogram"

    method: Method = Field("vsd", description="variational score distillation, or plain: eq. (4) or (3)")
    weighting: Weighting = Field("data", description="w(t)")
    noise_levels: tuple[Share, Share] = Field((0.98, 0.1), description="of the schedule, at the start and at the end")
    annealing: Annealing = Field("sqrt", description="how the noise level falls")
    window: AtLeastOne = Field(16, description="recent renders that the student knows")


class DistillationOptions(GuidanceOptions):
    """Score distillation from a diffusion network; see `vertumnus.guidance.distillation`.

    What is left open here is as the model's ``guidance.json`` says, which lies beside its weights; and else as said.
    """

    kind: ClassVar[str] = "distillation"
    argument: ClassVar[str | None] = "model"

    model: str = Field("mini", description="mini, a folder or a hub id")
    dtype: Dtype = Field("auto", description="of its weights; auto is half on a GPU, single elsewhere")
    method: Method | None = Field(None, description="eq. (4) or (3); by default vsd, for mini sds")
    weighting: Weighting | None = Field(None, description="w(t); by default sds")
    noise_levels: tuple[Share, Share] | None = Field(
        None, description="of the schedule, at the start and at the end; by default .98 .5"
    )
    annealing: Annealing | None = Field(
        None, description="how the noise level falls; by default none: any between the two"
    )
    guidance_input: Literal["colours", "ink"] | None = Field(
        None,
        description="what it sees of the pieces: their colours, or their ink in black as one silhouette;"
        " by default colours, for mini ink",
    )
    target_weight: NotNegative = Field(
        4.0, description="the canvas's ink unlike that of the picture the network expects"
    )
    guidance_interval: AtLeastOne = Field(10, description="steps that one answer serves")
    guidance_scale: NotNegative = Field(7.5, description="classifier-free guidance of the teacher")
    student_rate: Positive = Field(1e-4, description="learning rate of the scene's own noise predictor")


class ShapeOptions(GuidanceOptions):
    """A silhouette that the canvas's ink is to have; see `vertumnus.guidance.shape`."""

    kind: ClassVar[str] = "shape"
    argument: ClassVar[str | None] = "shape"
    needs_prompt: ClassVar[bool] = False

    shape: str = Field("heart", description="as for pack: a picture, an SVG, text:Q, icon:NAME, heart ...")
    shape_loss: Literal["matching", "filling"] = Field(
        "matching", description="the inks' mean squared distance, or as pack: what is bare, and what lies outside"
    )
