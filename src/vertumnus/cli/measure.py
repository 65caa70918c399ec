"""``vertumnus measure``: how well a collage fills a shape, shows what a sentence says, or is like its reference."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.export.picture import FORMATS
from vertumnus.metrics.packing import measure_packing
from vertumnus.models.checkpoint import Dtype
from vertumnus.shapes import WHOLE, parse_shape

if TYPE_CHECKING:
    from PIL import Image

    from vertumnus.metrics.clip_scores import ImageTextModel
    from vertumnus.metrics.vision_language import VlmEndpoint

T = TypeVar("T")
LOOK = 768  # pixels of the longer side of the picture that models see
NEEDS_CLIP = (
    "needs a CLIP model: --clip FOLDER, such as a copy of openai/clip-vit-large-patch14 (MIT), or --clip mini"
)
NEEDS_HEAD = "needs LAION's predictor converted to safetensors (MIT or Apache-2.0): --aesthetic FILE"
NEEDS_VLM = "needs a vision-language model: --vlm URL --vlm-model NAME"


def measure(
    collage: Path,
    /,
    *,
    shape: str | None = None,
    block: list[str] | None = None,
    invert: Annotated[bool, Parameter(negative=())] = False,
    font: Path | None = None,
    prompt: str | None = None,
    clip: str | None = None,
    dtype: Dtype = "auto",
    aesthetic: Path | None = None,
    vlm: str | None = None,
    vlm_model: str | None = None,
    classifier: Annotated[bool, Parameter(negative=())] = False,
    reference: Path | None = None,
    lpips: Path | None = None,
    layers: Annotated[bool, Parameter(negative=())] = False,
    tiles: Annotated[bool, Parameter(negative=())] = False,
    blip: str | None = None,
    hps: str | None = None,
    image_reward: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Say how well a collage fills a shape, how well it shows what a sentence says, or how like its reference it is.

    Silhouettes are counted from the pictures' alpha at twice the canvas size.

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one; with --reference a picture too, or a mosaic's
        assignment.
    shape
        The shape it should fill, as for pack.
    block
        Another shape whose area is not part of it.
    invert
        The shape picture's light part instead of its dark one.
    font
        A font file for text: shapes.
    prompt
        What it should show, such as "a butterfly"; without it and without a shape, the collage's own.
    clip
        A CLIP model, a local folder or a name, for clip_rgb and clip_contour.
    dtype
        Of its weights: float32, float16 or bfloat16; auto is half on a GPU and single elsewhere.
    aesthetic
        A *.safetensors file of LAION's aesthetic predictor; needs --clip too.
    vlm
        The base of an endpoint that speaks OpenAI's chat completions; its key is read from OPENAI_API_KEY.
    vlm_model
        The vision-language model to ask there.
    classifier
        Ask EfficientNet-Lite2, which never guides, and Lite0, which may have, at which place among ImageNet's
        thousand names they put the prompt's; needs the extra vision.
    reference
        The picture it should look like: PSNR and SSIM at 32 to 256 pixels, and the error of a Gaussian pyramid.
    lpips
        A safetensors file of LPIPS weights on AlexNet, made as docs/measure.md says, to measure that too.
    layers
        Layer by layer, with --clip: the cosines of what is drawn where each shows and its text, and, of a harmonised
        collage, of what is drawn there and what was.
    tiles
        Tile by tile, of a mosaic that a model drew: how well each shows its prompt. With --clip, --blip, --hps and
        --image-reward; what is not named is named as missing.
    blip
        The folder of a BLIP that matches pictures and texts.
    hps
        The folder of Human Preference Score v2, as a CLIP of transformers.
    image_reward
        The folder of an ImageReward, converted as docs/measure.md says.
    as_json
        Print JSON: the numbers by name; what could not be computed is null, and "missing" says why.
    """
    if reference is not None:
        if classifier or any(given is not None for given in (shape, prompt, clip, aesthetic, vlm, vlm_model)):
            raise VertumnusError(
                "--reference: is measured alone; leave out --shape, --prompt and what goes with them"
            )
        from vertumnus.cli.likeness import measure_reference

        measure_reference(collage, reference, lpips, as_json)
        return
    if collage.suffix.lower() in FORMATS:
        raise VertumnusError(f"{collage}: is a picture; name the --reference that it should look like")
    if lpips is not None:
        raise VertumnusError("--lpips: goes with --reference; name the picture to compare with")
    if shape is None and (block or invert or font):
        raise VertumnusError("--shape: --block, --invert and --font go with it; name the shape")
    if not tiles and any(given is not None for given in (blip, hps, image_reward)):
        raise VertumnusError("--tiles: --blip, --hps and --image-reward go with it")
    document = Collage.load(collage)
    if tiles:
        from vertumnus.cli.tile_scores import print_tiles

        print_tiles(document, {"clip": clip, "blip": blip, "hps": hps, "image_reward": image_reward}, dtype, as_json)
        return
    if layers:
        from vertumnus.cli.layers import print_layers

        if clip is None:
            raise VertumnusError(f"--layers: {NEEDS_CLIP}")
        print_layers(document, load_clip(clip, dtype), as_json)
        return
    wanted = classifier or prompt is not None or any(given is not None for given in (clip, aesthetic, vlm, vlm_model))
    if shape is None or wanted:
        prompt = document.prompt if prompt is None else prompt
        if prompt is None:
            instead = "" if wanted else ", or name a --shape that it should fill"
            raise VertumnusError(f"--prompt: say what the collage is to show{instead}; it has no prompt of its own")
        if not prompt.strip():
            raise VertumnusError("--prompt: it is empty; write what the collage is to show, such as a butterfly")
    fitted = parse_shape(shape or WHOLE, invert=invert, font=font, block=block or [])
    looks = _Looks(prompt, clip, dtype, aesthetic, vlm, vlm_model, classifier) if prompt is not None else None
    with about(collage):
        found = measure_packing(document, fitted)
        unplaced = document.made_by.unplaced() if document.made_by else []
    numbers: dict[str, Any] = {name: round(value, 6) for name, value in found._asdict().items()}
    if shape is None:
        del numbers["coverage"], numbers["spill"]
    numbers["layers"] = len(document.layers)
    numbers["unplaced"] = len(unplaced)
    if looks is not None:
        numbers |= {name: _rounded(value) for name, value in looks.measure(document).items()}
        numbers["missing"] = looks.missing
    if as_json:
        print(json.dumps(numbers))
        return
    said: dict[str, str] = {}
    for name, (form, meaning) in LINES.items():
        value = numbers.get(name)
        if value is not None:
            shown = value[SHOWN[name]] if name in SHOWN else value
            print(f"{name:12s} {shown:{form}}  {meaning.format(value)}".rstrip())
        elif looks is not None and name in looks.missing:
            why = looks.missing[name]
            print(f"{name:12s} {'-':>8s}  {f'as {said[why]}' if why in said else why}")
            said.setdefault(why, name)


TAKEN = "is its place of 1,000 (p {0[chance]:.2g}); taken for {0[taken_for]}"
LINES = {
    "coverage": ("8.2%", "of the shape is covered"),
    "overlap": ("8.4%", "of the elements' area lies on one another"),
    "spill": ("8.4%", "of the elements' area lies outside the shape"),
    "area_cv": ("8.3f", "spread of the elements' areas over their mean"),
    "layers": ("8d", ""),
    "unplaced": ("8d", ""),
    "clip_rgb": ("8.4f", "100 x cosine of the picture and the prompt"),
    "clip_contour": ("8.4f", "100 x cosine of its contours and the prompt"),
    "aesthetic": ("8.4f", "of 10, by LAION's predictor"),
    "vlm": (
        "8.1f",
        "of 10: contour expression {0[contour_expression]:g}, layout rationality {0[layout_rationality]:g},"
        " aesthetic quality {0[aesthetic_quality]:g}",
    ),
    "lite2": ("8d", TAKEN),
    "lite0": ("8d", TAKEN),
}
SHOWN = {"vlm": "mean", "lite2": "place", "lite0": "place"}  # of a number with parts


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(number) for name, number in value.items()}
    if isinstance(value, str | int):
        return value
    return value if value is None else round(value, 6)


class _Looks:
    """The numbers that say how well a collage shows a sentence, as far as the models for them are there.

    Raises `VertumnusError` at once for a file or an address that cannot be used; a model that is not on this machine
    and an endpoint that does not answer leave their line in ``missing``.
    """

    def __init__(
        self,
        prompt: str,
        clip: str | None,
        dtype: Dtype,
        aesthetic: Path | None,
        vlm: str | None,
        vlm_model: str | None,
        classifier: bool = False,
    ) -> None:
        self.prompt = prompt
        self.classifier = classifier
        self.missing: dict[str, str] = {}
        self.head = None
        self.endpoint: VlmEndpoint | None = None
        self.clip: ImageTextModel | None = None
        if aesthetic is not None:
            from vertumnus.metrics.aesthetic import load_aesthetic

            self.head = load_aesthetic(aesthetic)
        else:
            self.missing["aesthetic"] = NEEDS_HEAD
        if vlm is not None or vlm_model is not None:
            from vertumnus.metrics.vision_language import VlmEndpoint

            self.endpoint = VlmEndpoint.choose(vlm, vlm_model)
        else:
            self.missing["vlm"] = NEEDS_VLM
        no_clip = NEEDS_CLIP
        if clip is not None:
            try:
                self.clip = load_clip(clip, dtype)
            except VertumnusError as error:
                no_clip = str(error)
        if self.clip is None:
            for name in ("clip_rgb", "clip_contour", "aesthetic"):
                self.missing.setdefault(name, no_clip)

    def measure(self, document: Collage) -> dict[str, Any]:
        """The numbers by name, None for what could not be computed."""
        from vertumnus.metrics.aesthetic import aesthetic_score
        from vertumnus.metrics.clip_scores import clip_contour, clip_rgb
        from vertumnus.render.picture import render

        picture = render(document, LOOK / max(document.width, document.height), background="#0000")
        ground = document.background or "white"
        prompt, clip, head, endpoint = self.prompt, self.clip, self.head, self.endpoint
        found: dict[str, Any] = dict.fromkeys(("clip_rgb", "clip_contour", "aesthetic", "vlm"))
        if clip is not None:
            found["clip_rgb"] = self._number("clip_rgb", lambda: clip_rgb(picture, prompt, clip, ground))
            found["clip_contour"] = self._number("clip_contour", lambda: clip_contour(picture, prompt, clip))
            if head is not None:
                found["aesthetic"] = self._number("aesthetic", lambda: aesthetic_score(picture, clip, head, ground))
        if endpoint is not None:
            found["vlm"] = self._number("vlm", lambda: _rate(picture, prompt, endpoint, ground))
        for name in ("lite2", "lite0") if self.classifier else ():
            found[name] = self._number(name, lambda name=name: _named(picture, prompt, name, ground))  # type: ignore[misc]
        return found

    def _number(self, name: str, compute: Callable[[], T]) -> T | None:
        """What is computed, or None and a line in ``missing``."""
        try:
            return compute()
        except VertumnusError as error:
            self.missing[name] = str(error)
            return None


def _rate(picture: Image.Image, prompt: str, endpoint: VlmEndpoint, ground: str) -> dict[str, float]:
    from vertumnus.metrics.vision_language import vlm_score

    ratings = vlm_score(picture, prompt, endpoint, time.sleep, ground)
    return {**ratings._asdict(), "mean": ratings.mean}


def _named(picture: Image.Image, prompt: str, name: str, ground: str) -> dict[str, Any]:
    from vertumnus.metrics.named import named
    from vertumnus.models.classifier import Classifier

    found = named(picture, prompt, Classifier.load(name), ground)
    taken_for = ", ".join(f"{label} {chance:.2f}" for label, chance in found.likeliest)
    return {"place": found.place, "chance": found.chance, "taken_for": taken_for}


def load_clip(spec: str, dtype: Dtype = "auto") -> ImageTextModel:
    """The CLIP that ``--clip`` names. Raises `VertumnusError` if it is not on this machine."""
    from vertumnus.metrics.clip_scores import PriorClip
    from vertumnus.models import load

    return PriorClip(load(spec, "clip", dtype=dtype))
