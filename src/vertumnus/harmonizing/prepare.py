"""Everything a run needs of the model beside the layers: words, attention and control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertumnus.harmonizing.attention import layer_bias
from vertumnus.harmonizing.diffuse import Harmonizer, StructureRun, make_plan, size_multiple
from vertumnus.harmonizing.tokens import Spoken, check_window, find_spans, speak, with_words
from vertumnus.harmonizing.words import learned_words, word_names
from vertumnus.models.adapters import Adapters

if TYPE_CHECKING:
    from vertumnus.harmonizing.appearance import Watcher
    from vertumnus.harmonizing.harmonize import HarmonizeJob
    from vertumnus.sampling.attention import Hook


def prepare(job: HarmonizeJob, watch: Watcher | None = None) -> Harmonizer:
    """The run of a job.

    watch   told of learning, where words are learned: which layer of the prompt's, the step, the loss

    Raises `VertumnusError` for a model whose attention cannot be steered, and for a prompt that does not go with it.
    """
    model = job.model
    assert model is not None
    plan = make_plan(job.stack, job.options)
    # Before anything is learned: what does not fit would be learned in vain.
    learned = job.options.vectors * len(job.spoken) if job.options.appearance else 0
    check_window(model.text.tokenizers, job.prompt, learned)
    check_window(model.text.tokenizers, job.options.negative, name="negative")
    multiple = size_multiple(model)
    controls = []
    if job.controls:
        from vertumnus.harmonizing.control import ControlSpec, make_controls

        specs = [ControlSpec.parse(text) for text in job.controls]
        controls = make_controls(specs, job.stack, plan.control, model, multiple)
    with Adapters(model) as adapters:
        prompt, spoken = read(job, adapters, watch)
        text = model.encode_text(prompt)
    hooks: list[Hook] = []
    if job.options.attention:
        window = int(model.pipeline.tokenizer.model_max_length)
        hooks.append(layer_bias(job.stack, spoken, plan.attract, plan.repel, window, multiple))
    kind = StructureRun if job.options.method == "sa" else Harmonizer
    return kind(
        job.stack, job.prompt, model, job.options, plan, text=text, controls=controls, hooks=hooks, spoken=spoken
    )


def read(job: HarmonizeJob, adapters: Adapters, watch: Watcher | None = None) -> tuple[str, list[tuple[int, Spoken]]]:
    """The prompt as the model reads it, and of every layer that speaks its index in the stack and its part of that.

    Learned words are taught to the adapters' model.
    """
    model = job.model
    assert model is not None
    if not job.options.attention:
        return job.prompt, []
    prompt = job.prompt
    texts = [job.texts[index] for index in job.spoken]
    spans = find_spans(prompt, texts)
    if job.options.appearance:
        words = []
        for number, vectors in enumerate(learned_words(job.stack, job.spoken, texts, model, job.options, watch)):
            names = word_names(number, len(vectors[0]))
            for place, name in enumerate(names):
                adapters.words.add(name, [one[place : place + 1] for one in vectors])
            words.append(" ".join(names))
        prompt, spans = with_words(prompt, spans, words)
    return prompt, list(zip(job.spoken, speak(model.text.tokenizers, prompt, texts, spans), strict=True))
