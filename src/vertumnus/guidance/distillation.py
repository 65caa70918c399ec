"""Diffusion networks as sources of guidance; what each needs by default is data beside its weights.

``guidance.json`` in the folder of a model says how it is best asked: `ModelDefaults`. One that has none is asked as
the class below says.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vertumnus.checked import first_problem
from vertumnus.errors import VertumnusError
from vertumnus.guidance.interval import Intermittent
from vertumnus.guidance.options import Annealing, DistillationOptions, Method, Weighting
from vertumnus.guidance.protocol import Request
from vertumnus.limits import PositiveFactor, Steps
from vertumnus.models import load
from vertumnus.models.checkpoint import find
from vertumnus.models.mini.vocabulary import nouns, with_article
from vertumnus.models.names import nouns_in
from vertumnus.reading import open_file, read_json

if TYPE_CHECKING:
    from vertumnus.guidance.network import Network

FINEST = 256  # guidance pixels of a side: no finer a canvas is needed to show what it shows
BLACK = (0.0, 0.0, 0.0)
WHOLE = 1 << 24  # bytes of a file that are hashed whole; of a longer one its ends and its length


class Wording(BaseModel):
    """How a model that knows only some nouns is asked for what a prompt names.

    nouns   how many of the vocabulary it knows, from the start
    ink     a noun of it, where pieces are seen as ink; ``{noun}`` stands for it
    end     after all of them
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    nouns: int = Field(ge=1, le=1_000_000)
    ink: str = "black {noun}"
    end: str = ", on white"

    def caption(self, prompt: str, who: str) -> str:
        """The caption for silhouettes of what a prompt names; other words are passed over.

        Raises `VertumnusError` if it names nothing that is known.
        """
        named = nouns_in(prompt, nouns(self.nouns), who)
        return " and ".join(with_article(self.ink.format(noun=noun)) for noun in named) + self.end


class ModelDefaults(BaseModel):
    """How a model is asked where nothing else is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = "vsd"
    weighting: Weighting = "sds"
    noise_levels: tuple[float, float] = (0.98, 0.5)
    annealing: Annealing = "none"
    guidance_input: Literal["colours", "ink"] = "colours"
    iterations: Steps = 1500
    render_weight: PositiveFactor = 5.0
    wording: Wording | None = None


def model_defaults(folder: Path) -> ModelDefaults:
    """What the ``guidance.json`` of a model's folder says. Raises `VertumnusError` if it cannot be read."""
    file = folder / "guidance.json"
    if not file.is_file():
        return ModelDefaults()
    try:
        return ModelDefaults.model_validate(read_json(file))
    except ValidationError as error:
        raise VertumnusError(f"{file}: {first_problem(error)}") from None


class DistillationSource:
    """A diffusion network; see `vertumnus.guidance.protocol.Source`.

    model, defaults, folder   for one that is loaded already

    Raises `VertumnusError` if there is no such diffusion model on this machine.
    """

    side_by_side = True
    layered = False

    def __init__(
        self,
        options: DistillationOptions,
        *,
        device: str | None = None,
        model: Network | None = None,
        defaults: ModelDefaults | None = None,
    ) -> None:
        self.name = f"distillation:{options.model}"
        self._folder: Path | None = None
        if model is None:
            self._folder = find(options.model).path
            model = load(options.model, "diffusion", device=device, dtype=options.dtype)
        if defaults is None:
            defaults = model_defaults(self._folder) if self._folder is not None else ModelDefaults()
        self.model, self.defaults = model, defaults
        asked = {name for name in ModelDefaults.model_fields if getattr(options, name, None) is not None}
        missing = {name: value for name, value in dict(defaults).items() if name not in asked}
        self.options = options.model_copy(
            update={name: value for name, value in missing.items() if name in DistillationOptions.model_fields}
        )
        # The network's own size is reached by interpolation.
        self.resolution = min(getattr(model, "resolution", model.shape[-1]), FINEST)
        self.iterations, self.render_weight = defaults.iterations, defaults.render_weight

    def guidance(self, request: Request) -> Intermittent:
        """Score distillation; see `vertumnus.guidance.score`. Canvases may have any shape."""
        from vertumnus.guidance.score import ScoreDistillation

        o, wording = self.options, self.defaults.wording
        assert o.method is not None
        assert o.noise_levels is not None
        ink = o.guidance_input == "ink"
        prompt = wording.caption(request.prompt, o.model) if wording is not None and ink else request.prompt
        score = ScoreDistillation(
            self.model,
            prompt,
            request.rng,
            method=o.method,
            guidance_scale=o.guidance_scale,
            student_rate=o.student_rate,
            student_levels=o.student_levels,
            rank=o.student_rank,
            student_layers=o.student_layers,
            weighting=str(o.weighting),
            noise_levels=o.noise_levels,
            annealing=str(o.annealing),
            background=request.background,
            ink=BLACK if ink else None,
        )
        return Intermittent(score, o.guidance_interval, o.target_weight)

    def inputs(self) -> dict[str, str]:
        """Its weights."""
        return {self.name: fingerprint(self._folder)} if self._folder is not None else {}


def fingerprint(folder: Path) -> str:
    """A hash of a model's files, of long ones by length, beginning and end, so that it takes no second."""
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix not in (".json", ".safetensors", ".txt", ".model") or not file.is_file():
            continue
        size = file.stat().st_size
        found.update(f"{file.relative_to(folder).as_posix()} {size}\n".encode(errors="surrogateescape"))
        with open_file(file) as stream:
            if size <= WHOLE:
                found.update(stream.read())
            else:
                found.update(stream.read(WHOLE // 2))
                stream.seek(-WHOLE // 2, 2)
                found.update(stream.read())
    return found.hexdigest()


def open_distillation(options: DistillationOptions, *, device: str | None = None) -> DistillationSource:
    """The source of a diffusion network."""
    return DistillationSource(options, device=device)
