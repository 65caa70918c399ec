"""`harmonize`: a rough layered collage becomes one picture, and stays a document."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vertumnus.document.bundle import to_json
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.gallery import Gallery
from vertumnus.harmonizing.layers import Pixels, Stack, stack_of, working_size
from vertumnus.harmonizing.options import HarmonizeOptions
from vertumnus.harmonizing.rounds import edit_stack, first_layers, results, with_result
from vertumnus.harmonizing.tokens import find_spans, prompt_of
from vertumnus.models.checkpoint import Dtype

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.models.room import Room

Watcher = Callable[[int, int, int, int], None]
Learning = Callable[[int, int, int, float], None]
RESOLUTION = 512  # pixels a side that a collage is worked on without a model
BATCH = 4  # seeds at once without a model


def harmonize(
    collage: Collage,
    prompt: str | None = None,
    *,
    model: str | Path | Diffusion | None = "mini",
    seed: int = 0,
    layer: str | None = None,
    options: HarmonizeOptions | None = None,
    controls: Sequence[str] = (),
) -> Collage:
    """Turns the layers of a collage into one coherent picture (Collage Diffusion, Sarukkai et al., WACV 2024).

    prompt   what the whole shows; every layer's text is a part of it. The collage's own by default; ``auto`` makes
             one from the layers
    model    a diffusion model: ``mini``, a folder, an id; None to fit tones and smooth seams without one
    seed     the same collage, prompt, options, model and seed give the same picture on one machine
    layer    name or text of a layer to make anew over the last result, everything else staying to the bit (sec. 4.5)
    options  how
    controls  ControlNets, ``MODEL`` for the layers' own edges or ``MODEL=PICTURE`` for another map; each layer's
             ``control`` says how firmly it is held

    Returns the collage with the result as what is seen and its layers hidden behind their settings.
    Raises `VertumnusError` if the prompt, a layer or the model cannot be used.
    """
    job = HarmonizeJob(collage, prompt, model, layer, options or HarmonizeOptions(), controls)
    try:
        return job.document(job.pictures([seed])[0], seed)
    finally:
        job.close()


class HarmonizeJob:
    """A collage made ready to be harmonised, with any number of seeds.

    prompt   as it is used, with every layer's text in it
    stack    the layers on the working canvas

    Parameters are those of `harmonize`.
    """

    def __init__(
        self,
        collage: Collage,
        prompt: str | None,
        model: str | Path | Diffusion | None,
        layer: str | None,
        options: HarmonizeOptions,
        controls: Sequence[str] = (),
    ) -> None:
        collage.name_layers()  # layers are spoken of by their ids
        self.collage, self.options, self.layer = collage, options, layer
        self.controls = list(controls)
        self.model = None if options.method == "none" or model is None else open_model(model, options.dtype)
        resolution = self.model.resolution if self.model is not None else RESOLUTION
        size = working_size(collage.width, collage.height, resolution, options.longest)
        self.stack = edit_stack(collage, layer, size) if layer is not None else first_stack(collage, size)
        self.texts = [text_of(one.prompt, one.name) for one in self.stack.layers]
        self.prompt = self._prompt(prompt)
        done = {one.name for one in results(collage)}
        # What attention is not to be drawn to nor kept from need not be spoken of.
        self.spoken = [
            n
            for n, one in enumerate(self.stack.layers)
            if one.name not in done and (options.auto or one.attract or one.repel)
        ]
        if self.model is not None and options.attention:
            find_spans(self.prompt, [self.texts[n] for n in self.spoken])
        self._run: Any = None

        self.adapters: Any = None
        if self.model is not None and options.lora:
            from vertumnus.models.adapters import Adapters

            self.adapters = Adapters(self.model)
            for text in options.lora:
                file, weight = lora_of(text)
                self.adapters.add_lora(file, weight)

    def close(self) -> None:
        """Takes off the model what was put onto it."""
        if self.adapters is not None:
            self.adapters.close()

    def _prompt(self, prompt: str | None) -> str:
        chosen = prompt if prompt is not None else self.collage.prompt
        own = [text for one, text in zip(self.stack.layers, self.texts, strict=True) if one.prompt]
        if chosen == "auto" or (chosen is None and own):
            return prompt_of(own or self.texts)
        if chosen is None and self.model is None:
            return ""
        if chosen is None or not chosen.strip():
            raise VertumnusError("prompt: it is empty; write what the picture is to show, or auto")
        return chosen

    def identity(self) -> dict[str, Any]:
        """Plain values that tell these results from others."""
        return {
            "collage": collage_digest(self.collage),
            "prompt": self.prompt,
            "layer": self.layer,
            "model": self.model.name if self.model is not None else None,
            "options": self.options.model_dump(mode="json"),
            "controls": self.controls,
        }

    def pictures(self, seeds: Sequence[int], watch: Watcher | None = None) -> list[Pixels]:
        """The results of some seeds in one batch.

        watch   called after every step with (step, steps, done seeds, seeds)

        Raises `VertumnusError` if there is not the memory for a single one.
        """
        try:
            return self._pictures(seeds, watch)
        except (MemoryError, RuntimeError) as error:
            if len(seeds) > 1 or not self._out_of_memory(error):
                raise
            raise VertumnusError(
                "there is not enough memory for one picture of this size; try a smaller longest side, or float16"
            ) from None

    @staticmethod
    def _out_of_memory(error: BaseException) -> bool:
        from vertumnus.models.device import is_out_of_memory  # torch is here by now

        return is_out_of_memory(error)

    def _pictures(self, seeds: Sequence[int], watch: Watcher | None) -> list[Pixels]:
        if self.model is None:
            from vertumnus.harmonizing.tone import harmonize_tones, tones_of

            return [harmonize_tones(self.stack, tones_of(self.stack, self.options.strength))] * len(seeds)
        self.learn()
        last = None
        for step in self._run.steps(seeds):
            last = step
            if watch is not None:
                _ = step.next_latents
                watch(step.index + 1, step.count, 0, len(seeds))
        if last is None:
            raise VertumnusError(f"strength: too little of {self.options.steps} steps to change anything")
        finished: list[Pixels] = self._run.finished(last.next_latents)
        return finished

    def learn(self, watch: Learning | None = None) -> None:
        """Makes everything ready that all seeds share; with ti, learns the layers' words or finds them kept.

        watch   called with (which of `spoken`, step, steps at most, loss on held-out noise)
        """
        if self.model is None or self._run is not None:
            return
        from vertumnus.harmonizing.prepare import prepare

        def told(which: int, step: int, loss: float) -> None:
            if watch is not None:
                watch(which, step, self.options.learning, loss)

        self._run = prepare(self, told)

    def attention_picture(self, seed: int) -> Pixels:
        """Where each layer's words were looked for while a seed's result was made, side by side over it."""
        from vertumnus.harmonizing.attention import attention_picture
        from vertumnus.sampling.attention import attention_control
        from vertumnus.sampling.attention_maps import ReadMaps

        if self.model is None:
            raise VertumnusError("attention: there is none without a model")
        if not self.options.attention:
            raise VertumnusError("attention: layers have no words in it with this method; choose one with ca")
        self.learn()
        run, reader = self._run, ReadMaps()
        with attention_control(self.model, reader):
            picture = run.run([seed])[0]
        height, width = run.h.shape
        maps = reader.mean(height, width)[0]
        factor, (wide, high) = self.model.factor, self.stack.size
        maps = maps[:, : -(-high // factor), : -(-wide // factor)]
        return attention_picture(maps, [words for _, words in run.spoken], picture)

    def fill(self, gallery: Gallery, seeds: Iterable[int], watch: Watcher | None = None) -> None:
        """Writes the results of all seeds that a gallery lacks, some at a time.

        Batches are as large as there is room for, and halved, down to one, whenever memory runs out all the same.
        """
        missing = gallery.missing(seeds)
        count = len(missing)
        room = self._room()
        done = 0
        while missing:
            now = missing[: BATCH if room is None else room.count]

            def show(step: int, steps: int, _: int, __: int, done: int = done) -> None:
                if watch is not None:
                    watch(step, steps, done, count)

            try:
                with nullcontext() if room is None else room.measured(len(now)):
                    found = self.pictures(now, show)
            except (MemoryError, RuntimeError) as error:
                if room is None or not self._out_of_memory(error):
                    raise
                room.less(len(now))
                continue
            for seed, picture in zip(now, found, strict=True):
                gallery.put(seed, picture, now)
            done += len(now)
            missing = missing[len(now) :]

    def _room(self) -> Room | None:
        if self.model is None:
            return None
        from vertumnus.models.room import Room

        return Room(self.model, *self.stack.size)

    def document(
        self,
        picture: Pixels,
        seed: int,
        identity: dict[str, Any] | None = None,
        batch: Sequence[int] | None = None,
    ) -> Collage:
        """The collage with a result in it.

        identity   of the job that made it, if that is another one
        batch      seeds that were drawn with it, itself among them
        """
        facts = dict(identity or self.identity())
        facts.pop("prompt", None)
        if identity is None and self.model is not None:
            facts["weights"] = self.weights()
        if batch is not None and list(batch) != [seed]:
            facts["batch"] = list(batch)
        tones = {}
        if facts.get("model") is None:
            from vertumnus.harmonizing.tone import tones_of

            matched = tones_of(self.stack, self.options.strength)
            tones = {layer.id: tone for layer, tone in zip(self.stack.layers, matched, strict=True)}
        return with_result(self.collage, picture, prompt=self.prompt or None, seed=seed, facts=facts, tones=tones)

    def weights(self) -> str | None:
        """A hash that tells the model's weights from others."""
        if self.model is None:
            return None
        from vertumnus.harmonizing.words import fingerprint

        return fingerprint(self.model)


def first_stack(collage: Collage, size: tuple[int, int]) -> Stack:
    """The layers of a collage that was not harmonised before, or was: then those that the last round hid."""
    return stack_of(collage.model_copy(update={"layers": first_layers(collage)}), size)


def collage_digest(collage: Collage) -> str:
    """SHA-256 of what a collage shows: its canvas and layers, whose pictures are named by their own hashes."""
    return hashlib.sha256(to_json(collage.model_copy(update={"made_by": None}))).hexdigest()


def lora_of(text: str) -> tuple[str, float]:
    """The file and the weight of ``FILE`` or ``FILE=WEIGHT``.

    >>> lora_of("ink=wash.safetensors=0.5")
    ('ink=wash.safetensors', 0.5)
    >>> lora_of("wash.safetensors")
    ('wash.safetensors', 1.0)
    """
    file, equals, weight = text.rpartition("=")
    try:
        return (file, float(weight)) if equals and file else (text, 1.0)
    except ValueError:
        return text, 1.0


def text_of(prompt: str | None, name: str) -> str:
    """What a layer is called in the prompt: its own text, or its name as words."""
    return (prompt or name.replace("_", " ").replace("-", " ")).strip()


def open_model(model: str | Path | Diffusion, dtype: Dtype = "auto") -> Diffusion:
    """A diffusion model with cross-attention. Raises `VertumnusError` for one that cannot be had or used."""
    if not isinstance(model, str | Path):
        return model
    from vertumnus.models import load

    found = load(model, "diffusion", dtype=dtype)
    if found.vae is None:
        raise VertumnusError(
            f"{found.name}: works on pixels with text and picture in one attention, which layers cannot steer; use a"
            " Stable Diffusion 1.x, 2.x or XL model, or mini"
        )
    return found
