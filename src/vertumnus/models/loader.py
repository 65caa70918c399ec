"""One loader for everything that judges an image: mini, local folders and hub ids, diffusion models and CLIPs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import find
from vertumnus.models.pictogram import Pictogram

if TYPE_CHECKING:
    from vertumnus.models.clip import Clip
    from vertumnus.models.diffusion import Diffusion

Kind = Literal["diffusion", "clip"]
_NEEDED = ("torch", "diffusers", "transformers", "safetensors", "accelerate", "peft")


@overload
def load(
    spec: str | Path, kind: Literal["diffusion"], *, device: str | None = None, half: bool | None = None
) -> Diffusion: ...
@overload
def load(spec: str | Path, kind: Literal["clip"], *, device: str | None = None, half: bool | None = None) -> Clip: ...
@overload
def load(
    spec: str | Path, kind: None = None, *, device: str | None = None, half: bool | None = None
) -> Diffusion | Clip | Pictogram: ...
def load(
    spec: str | Path, kind: Kind | None = None, *, device: str | None = None, half: bool | None = None
) -> Diffusion | Clip | Pictogram:
    """The prior that ``spec`` names, ready for use; which class it is, its own configuration says.

    spec    ``pictogram``, ``mini``, ``mini-clip``, a local folder, or a hub id that has been fetched before
    kind    what is wanted; of ``mini``, which of the two. Anything else that does not fit is an error
    device  a torch device, ``cuda`` if there is one
    half    half precision; on a GPU by default

    Raises `VertumnusError` if the weights are not on this machine (saying how to get them), are not
    safetensors, are of another kind or of an unknown architecture, or if the extra ``models`` is not installed.
    """
    if str(spec) == "pictogram":
        if kind is not None:
            raise VertumnusError(f"pictogram: is not a {kind} model")
        return Pictogram()
    if str(spec) == "mini" and kind == "clip":
        spec = "mini-clip"
    checkpoint = find(spec)
    if kind is not None and checkpoint.kind != kind:
        raise VertumnusError(f"{spec}: is a {checkpoint.kind} model, and a {kind} model is wanted")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise VertumnusError(f"{spec}: needs {', '.join(missing)}; pip install 'vertumnus[models]'")
    if checkpoint.kind == "clip":
        from vertumnus.models.clip import Clip

        return Clip.load(checkpoint, device, half)
    from vertumnus.models.diffusion import Diffusion

    return Diffusion.load(checkpoint, device, half)
