"""A classifier of photographs as guidance: the whole is to be taken for a photograph of what the prompt names.

The loss is the negative logarithm of the probability of the prompt's classes (ImageNet's, see
`vertumnus.models.imagenet`), a mean over random looks at the canvas. EfficientNet-Lite0 guides; Lite2, trained apart
from it, is left to judge, and does not guide.
"""

from __future__ import annotations

import torch

from vertumnus.errors import VertumnusError
from vertumnus.guidance.looking import Looking
from vertumnus.guidance.options import ClassifierOptions
from vertumnus.guidance.protocol import Request
from vertumnus.guidance.views import fitted, looks, random_maps
from vertumnus.models.classifier import Classifier
from vertumnus.models.imagenet import match_classes

Tensor = torch.Tensor
JUDGE = "lite2"


class ClassifierSource:
    """A classifier; see `vertumnus.guidance.protocol.Source`.

    model   for one that is loaded already

    Raises `VertumnusError` if there is none of that name, if it is the judge, or if it is not installed.
    """

    iterations = 300
    render_weight = 1.0
    side_by_side = False
    layered = True

    def __init__(
        self, options: ClassifierOptions, *, device: str | None = None, model: Classifier | None = None
    ) -> None:
        if options.network == JUDGE:
            raise VertumnusError(f"guidance classifier: network: {JUDGE} judges what is made and does not guide")
        self.options = options
        self.name = f"classifier:{options.network}"
        self.model = model if model is not None else Classifier.load(options.network, device)
        self.resolution = self.model.resolution

    def guidance(self, request: Request) -> ClassifierGuidance:
        """The classes that a prompt means."""
        return ClassifierGuidance(self.model, self.options, request)

    def inputs(self) -> dict[str, str]:
        """Its weights, of a pinned package."""
        return {self.name: self.model.digest}


class ClassifierGuidance(Looking):
    """How unlikely the prompt's classes are, and how likely those of the negative prompt: natural logarithms.

    Raises `VertumnusError` for a prompt that names no class, with near words.
    """

    def __init__(self, model: Classifier, options: ClassifierOptions, request: Request) -> None:
        super().__init__(model.name, model.network, model.device, request)
        self.model, self.options = model, options
        self.wanted = list(match_classes(request.prompt))
        self.unwanted = (
            [n for n in match_classes(options.negative) if n not in self.wanted] if options.negative else []
        )

    def losses(self, pictures: Tensor, progress: float) -> Tensor:
        """-log p(wanted) - log(1 - p(unwanted)), the mean over random looks and the plain one."""
        o, side = self.options, self.model.resolution
        plain = fitted(pictures, side, self.ground)
        seen = plain[:, None]
        if o.looks:
            maps = random_maps(o.looks, self.generator, o.distortion, o.crop)
            seen = torch.cat([seen, looks(plain, maps, side, self.ground)], 1)
        said = self.model.log_probabilities(seen.flatten(0, 1)).view(*seen.shape[:2], -1)
        losses = -said[..., self.wanted].logsumexp(-1)
        if self.unwanted:
            losses = losses - torch.log1p(-said[..., self.unwanted].logsumexp(-1).exp().clamp(max=1 - 1e-6))
        return losses.mean(1)


def open_classifier(options: ClassifierOptions, *, device: str | None = None) -> ClassifierSource:
    """The source of a classifier."""
    return ClassifierSource(options, device=device)
