"""Everything a run needs of the model beside the layers: attention and control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertumnus.harmonizing.attention import layer_bias
from vertumnus.harmonizing.diffuse import Harmonizer, make_plan, size_multiple
from vertumnus.harmonizing.tokens import Spoken, speak

if TYPE_CHECKING:
    from vertumnus.harmonizing.harmonize import HarmonizeJob


def prepare(job: HarmonizeJob) -> Harmonizer:
    """The run of a job.

    Raises `VertumnusError` for a model whose attention cannot be steered, and for a prompt that does not go with it.
    """
    model = job.model
    assert model is not None
    plan = make_plan(job.stack, job.options)
    multiple = size_multiple(model)
    controls = []
    if job.controls:
        from vertumnus.harmonizing.control import ControlSpec, make_controls

        specs = [ControlSpec.parse(text) for text in job.controls]
        controls = make_controls(specs, job.stack, plan.control, model, multiple)
    hooks = []
    if job.options.attention:
        spoken = spoken_layers(job)
        window = int(model.pipeline.tokenizer.model_max_length)
        hooks.append(layer_bias(job.stack, spoken, plan.attract, plan.repel, window, multiple))
    return Harmonizer(job.stack, job.prompt, model, job.options, plan, controls=controls, hooks=hooks)


def spoken_layers(job: HarmonizeJob) -> list[tuple[int, Spoken]]:
    """(index in the stack, its part of the prompt) of every layer that speaks."""
    assert job.model is not None
    texts = [job.texts[index] for index in job.spoken]
    return list(zip(job.spoken, speak(job.model.pipeline.tokenizer, job.prompt, texts), strict=True))
