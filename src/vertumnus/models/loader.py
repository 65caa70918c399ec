"""One loader for every network: mini, local folders, single files and hub ids."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import MINI, Checkpoint, Dtype, find
from vertumnus.models.pictogram import Pictogram

if TYPE_CHECKING:
    from vertumnus.models.blip import Matcher
    from vertumnus.models.classifier import Classifier
    from vertumnus.models.clip import Clip
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.models.memory import Memory
    from vertumnus.models.segmentation import Segmenter

Kind = Literal["diffusion", "clip", "control", "decoder", "classifier", "segmentation", "matching"]
_NEEDED = ("torch", "diffusers", "transformers", "safetensors", "accelerate", "peft")


@overload
def load_model(
    spec: str | Path,
    kind: Literal["diffusion"],
    *,
    device: str | None = None,
    dtype: Dtype = "auto",
    memory: Memory | None = None,
    config: str | Path | None = None,
) -> Diffusion: ...
@overload
def load_model(
    spec: str | Path, kind: Literal["clip"], *, device: str | None = None, dtype: Dtype = "auto"
) -> Clip: ...
@overload
def load_model(spec: str | Path, kind: Literal["classifier"], *, device: str | None = None) -> Classifier: ...
@overload
def load_model(
    spec: str | Path, kind: Literal["matching"], *, device: str | None = None, dtype: Dtype = "auto"
) -> Matcher: ...
@overload
def load_model(spec: str | Path, kind: Literal["segmentation"], *, device: str | None = None) -> Segmenter: ...
@overload
def load_model(
    spec: str | Path,
    kind: Kind | None = None,
    *,
    device: str | None = None,
    dtype: Dtype = "auto",
    memory: Memory | None = None,
    config: str | Path | None = None,
) -> Any: ...
def load_model(
    spec: str | Path,
    kind: Kind | None = None,
    *,
    device: str | None = None,
    dtype: Dtype = "auto",
    memory: Memory | None = None,
    config: str | Path | None = None,
) -> Any:
    """The model that ``spec`` names, ready for use; which class it is, its own configuration says.

    spec    ``pictogram``, ``mini``, ``mini-clip``, ``mini-colours`` (a T2I-Adapter that is shown 4 x 4 colours),
            ``mini-shapes`` (a ControlNet that is shown silhouettes or edges), a local folder, a checkpoint in
            one file, or a hub id that has been fetched before
    kind    what is wanted: ``diffusion``, ``clip``, ``control`` (a ControlNet or T2I-Adapter of diffusers),
            ``decoder`` (a tiny one), ``classifier`` (``lite0`` to ``lite2``), ``segmentation`` (of transformers) or
            ``matching`` (BLIP); of ``mini``, which of its two. Anything else that does not fit is an error
    device  a torch device, ``cuda`` if there is one
    dtype   ``float32``, ``float16`` or ``bfloat16``; by default half on a GPU and single elsewhere. An autoencoder
            that overflows in half precision computes in single
    memory  what is traded for memory, of a diffusion model; see `vertumnus.models.memory.Memory`
    config  for a checkpoint in one file: a folder or a hub id with the configuration that belongs to it

    Raises `VertumnusError` if the weights are not on this machine (saying how to get them), are not
    safetensors, are of another kind or of an unknown architecture, or if the extra ``models`` is not installed.
    """
    if str(spec) == "pictogram":
        if kind is not None:
            raise VertumnusError(f"pictogram: is not a {kind} model")
        return Pictogram()
    if kind == "classifier":
        from vertumnus.models.classifier import Classifier

        return Classifier.load(str(spec), device)
    if str(spec) == "mini" and kind == "clip":
        spec = "mini-clip"
    checkpoint = find(spec)
    if kind is not None and checkpoint.kind != kind:
        raise VertumnusError(f"{spec}: is a {checkpoint.kind} model, and a {kind} model is wanted")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise VertumnusError(f"{spec}: needs {', '.join(missing)}; pip install 'vertumnus[models]'")
    try:
        model = _opened(checkpoint, spec, device, dtype, memory, config)
        if str(spec) not in MINI and hasattr(model, "try_out"):
            model.try_out()
        return model
    except (VertumnusError, MemoryError):
        raise
    except Exception as error:  # transformers, tokenizers and safetensors raise whatever their parts raise
        said = " ".join(str(error).split())[:200]
        raise VertumnusError(f"{spec}: cannot be loaded ({type(error).__name__}: {said})") from error


def _opened(
    checkpoint: Checkpoint,
    spec: str | Path,
    device: str | None,
    dtype: Dtype,
    memory: Memory | None,
    config: str | Path | None,
) -> Any:
    if checkpoint.kind == "clip":
        from vertumnus.models.clip import Clip

        return Clip.load(checkpoint, device, dtype)
    if checkpoint.kind == "segmentation":
        from vertumnus.models.segmentation import Segmenter

        return Segmenter.load(checkpoint, device)
    if checkpoint.kind == "matching":
        from vertumnus.models.blip import Matcher

        return Matcher.load(checkpoint, device, dtype)
    if checkpoint.kind in ("control", "decoder"):
        from vertumnus.models.opening import open_network

        return open_network(checkpoint, device, dtype)
    from vertumnus.models.diffusion import Diffusion

    return Diffusion.load(checkpoint, device, dtype, memory, config)
