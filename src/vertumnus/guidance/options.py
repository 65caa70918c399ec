"""Every choice that each kind of guidance offers, one model a kind; the command line and the document share them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, TypedDict

from pydantic import Field, field_validator, model_validator

from vertumnus.guidance.protocol import GuidanceOptions
from vertumnus.limits import Factor, Rate, Share, Steps
from vertumnus.models.checkpoint import Dtype

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
    window: Annotated[int, Field(ge=1, le=4096)] = Field(16, description="recent renders that the student knows")
    drawings: Literal["icons", "emoji"] = Field(
        "icons", description="silhouettes of icons, or emoji, which say which colour is wanted where, too"
    )
    drawing: Literal["fitting", "dealt"] | None = Field(
        None,
        description="which drawing of a noun: what the pieces come to look like most; or dealt by the seed, with its"
        " hand and size, so that seeds in a row are unlike each other; by default dealt, but for pieces that start"
        " where they lay in another collage",
    )
    fill: Annotated[float, Field(ge=0.1, le=1)] | None = Field(
        None, description="share of the canvas's shorter side that the figure fills; by default .66 to .9"
    )


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
    target_weight: Factor = Field(4.0, description="the canvas's ink unlike that of the picture the network expects")
    guidance_interval: Steps = Field(10, description="steps that one answer serves")
    guidance_scale: Factor = Field(7.5, description="classifier-free guidance of the teacher")
    student_rate: Rate = Field(1e-4, description="learning rate of the scene's own noise predictor")
    student_rank: Annotated[int, Field(ge=1, le=256)] = Field(4, description="of its LoRA")
    student_layers: Literal["attention", "all"] = Field(
        "attention",
        description="that its LoRA is on: attention, or convolutions, too, which it takes to know a picture",
    )
    student_levels: Literal["any", "current"] = Field(
        "any",
        description="which noise it learns at: any of the schedule, or that which the picture was just seen through",
    )


class ShapeOptions(GuidanceOptions):
    """A silhouette that the canvas's ink is to have; see `vertumnus.guidance.shape`."""

    kind: ClassVar[str] = "shape"
    argument: ClassVar[str | None] = "shape"
    needs_prompt: ClassVar[bool] = False

    shape: str = Field("heart", description="as for pack: a picture, an SVG, text:Q, icon:NAME, heart ...")
    shape_loss: Literal["matching", "filling"] = Field(
        "matching", description="the inks' mean squared distance, or as pack: what is bare, and what lies outside"
    )


class LookingOptions(GuidanceOptions):
    """How a network that looks at pictures is shown the canvas; see `vertumnus.guidance.views`."""

    looks: Annotated[int, Field(ge=0, le=64)] = Field(4, description="random looks at the canvas at every step")
    distortion: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5, description="perspective of a look: how far its corners move, as a share of half a side"
    )
    crop: tuple[Share, Share] = Field((0.7, 0.9), description="least and most share of the canvas that a look sees")

    @field_validator("crop")
    @classmethod
    def _ordered(cls, crop: tuple[float, float]) -> tuple[float, float]:
        if not 0 < crop[0] <= crop[1]:
            raise ValueError("the first must be above 0 and not above the second")
        return crop


class ClassifierOptions(LookingOptions):
    """A classifier of photographs; see `vertumnus.guidance.classifier`."""

    kind: ClassVar[str] = "classifier"
    argument: ClassVar[str | None] = "network"

    network: str = Field("lite0", description="lite0 or lite1")
    negative: str = Field("", description="what it is not to show")


class ClipOptions(LookingOptions):
    """A CLIP, or another contrastive model; see `vertumnus.guidance.clip`."""

    kind: ClassVar[str] = "clip"
    argument: ClassVar[str | None] = "model"

    model: str = Field("mini", description="mini, a folder or a hub id")
    negative: str = Field("", description="what it is not to show")
    negative_weight: Factor = Field(0.3, description="what that counts beside the prompt")
    template: str = Field("{}", description="a sentence around each prompt, {} standing for it")
    windows: tuple[str, ...] = Field(
        (),
        description="prompts of overlapping windows, a row each, separated by |: 'sky|sun|sky'; empty ones are free",
    )
    boxes: tuple[str, ...] = Field(
        (), description="prompts of parts, LEFT,TOP,RIGHT,BOTTOM:PROMPT each, in shares of the canvas"
    )

    @field_validator("template")
    @classmethod
    def _has_a_place(cls, template: str) -> str:
        if "{}" not in template:
            raise ValueError("it must hold {}, where the prompt goes")
        return template


class PhotoOptions(GuidanceOptions):
    """A photograph that pieces are to look like; see `vertumnus.guidance.photo`."""

    kind: ClassVar[str] = "photo"
    argument: ClassVar[str | None] = "reference"
    needs_prompt: ClassVar[bool] = False

    reference: str = Field(description="the picture's file; its middle, at the canvas's ratio")
    resolution: Annotated[int, Field(ge=16, le=2048)] = Field(
        256, description="pixels of a side that it is compared at"
    )
    mse: Factor = Field(1.0, description="weight of mean squared differences")
    l1: Factor = Field(0.0, description="weight of mean absolute differences")
    ssim: Factor = Field(0.0, description="weight of 1 - SSIM")
    edges: Factor = Field(0.0, description="weight of squared differences of steps between pixels")
    deep: Factor = Field(0.0, description="weight of the distance of a classifier's features (extra vision)")

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not any((self.mse, self.l1, self.ssim, self.edges, self.deep)):
            raise ValueError("of mse, l1, ssim, edges and deep one must be above 0")
        return self


class GuidanceKeywords(TypedDict, total=False):
    """The fields of all kinds' options as keywords, for editors and type checkers."""

    method: Method
    weighting: Weighting
    noise_levels: tuple[float, float]
    annealing: Annealing
    window: int
    drawings: Literal["icons", "emoji"]
    drawing: Literal["fitting", "dealt"] | None
    fill: float
    model: str
    dtype: Dtype
    guidance_input: Literal["colours", "ink"]
    target_weight: float
    guidance_interval: int
    guidance_scale: float
    student_rate: float
    student_rank: int
    student_layers: Literal["attention", "all"]
    student_levels: Literal["any", "current"]
    shape: str
    shape_loss: Literal["matching", "filling"]
    looks: int
    distortion: float
    crop: tuple[float, float]
    negative: str
    negative_weight: float
    template: str
    windows: tuple[str, ...]
    boxes: tuple[str, ...]
    network: str
    reference: str
    resolution: int
    mse: float
    l1: float
    ssim: float
    edges: float
    deep: float
