"""Finding a checkpoint on this machine, and saying what it is, from its own configuration alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.models.registry import KNOWN, how_to_fetch

MINI = ("mini", "mini-clip")
# What a pipeline's or a model's configuration calls itself, and what it is here: (kind, family).
_PIPELINES = {
    "StableDiffusionPipeline": ("diffusion", "stable-diffusion"),
    "StableDiffusionImg2ImgPipeline": ("diffusion", "stable-diffusion"),
    "StableDiffusionXLPipeline": ("diffusion", "stable-diffusion-xl"),
    "StableDiffusionXLImg2ImgPipeline": ("diffusion", "stable-diffusion-xl"),
    "IFPipeline": ("diffusion", "deepfloyd-if"),
    "IFImg2ImgPipeline": ("diffusion", "deepfloyd-if"),
}
_MODELS = {"clip": ("clip", "clip"), "siglip": ("clip", "siglip")}


class Checkpoint(NamedTuple):
    """A checkpoint in a folder: what it was called, where it lies, its kind and family."""

    name: str
    path: Path
    kind: str
    family: str


def find(spec: str | Path) -> Checkpoint:
    """The checkpoint that ``mini``, ``mini-clip``, a folder or a hub id names, if it is on this machine.

    Nothing is downloaded. Raises `VertumnusError` with how to fetch it if it is not here, and for a folder that
    holds none, or none that can be read.
    """
    name = str(spec)
    if name in MINI:
        path = mini_folder("clip" if name == "mini-clip" else "diffusion")
        if not path.is_dir():
            raise VertumnusError(f"{name}: its weights are missing from the package; install vertumnus again")
        return understand(name, path)
    path = Path(spec).expanduser()
    if path.is_dir():
        return understand(name, path)
    if path.is_file():
        raise VertumnusError(
            f"{name}: is one file; give a folder in the layout of diffusers or transformers (their"
            " from_single_file and save_pretrained make one)"
        )
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        names = [*MINI, "pictogram", *(known.id for known in KNOWN)]
        raise VertumnusError(f"{name}: there is no such folder and no model of this name{did_you_mean(name, names)}")
    cached = _cached(name)
    if cached is None:
        raise VertumnusError(how_to_fetch(name))
    return understand(name, cached)


def mini_folder(part: str) -> Path:
    """Where the package keeps mini's ``diffusion`` or ``clip``."""
    return Path(str(files("vertumnus.models.mini").joinpath("weights", part)))


def understand(name: str, path: Path) -> Checkpoint:
    """What the checkpoint in a folder is.

    Raises `VertumnusError` if there is none, if its configuration cannot be read, if it is of a kind that is not
    supported, or if its weights are not safetensors.
    """
    index, config = path / "model_index.json", path / "config.json"
    if index.is_file():
        calls_itself = str(_json(index).get("_class_name"))
        found, supported = _PIPELINES.get(calls_itself), _PIPELINES
        parts = [path / part for part in ("unet", "text_encoder")]
    elif config.is_file():
        calls_itself = str(_json(config).get("model_type"))
        found, supported = _MODELS.get(calls_itself), _MODELS
        parts = [path]
    else:
        raise VertumnusError(f"{path}: holds no checkpoint, neither model_index.json nor config.json is there")
    if found is None:
        raise VertumnusError(f"{name}: is a {calls_itself}, which is not supported; {', '.join(supported)} are")
    for part in parts:
        if not any(part.glob("*.safetensors")):
            pickled = any(part.glob("*.bin")) or any(part.glob("*.ckpt"))
            why = "only pickled weights, which are never loaded" if pickled else "no weights"
            raise VertumnusError(f"{name}: {part} holds {why}; safetensors are needed")
    return Checkpoint(name, path, *found)


def _json(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VertumnusError(f"{file}: cannot be read as JSON ({error})") from None
    if not isinstance(read, dict):
        raise VertumnusError(f"{file}: is not a JSON object")
    return read


def _hub() -> Path:
    """The folder in which the hub's own tools keep what they fetched."""
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"])
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "huggingface"
    return Path(home) / "hub"


def _cached(id_: str) -> Path | None:
    """The newest snapshot of a hub id in the cache, if it was fetched."""
    repository = _hub() / f"models--{id_.replace('/', '--')}"
    main = repository / "refs" / "main"
    if main.is_file():
        path = repository / "snapshots" / main.read_text().strip()
        if path.is_dir():
            return path
    snapshots = sorted(repository.glob("snapshots/*"), key=lambda path: path.stat().st_mtime)
    return snapshots[-1] if snapshots else None


def on_this_machine() -> Iterator[Checkpoint]:
    """Every checkpoint here that can be used: mini's, and what lies in the hub's cache."""
    for name in MINI:
        path = mini_folder("clip" if name == "mini-clip" else "diffusion")
        if path.is_dir():
            yield understand(name, path)
    for repository in sorted(_hub().glob("models--*--*")):
        id_ = "/".join(repository.name.split("--")[1:3])
        snapshot = _cached(id_)
        if snapshot is not None:
            try:
                yield understand(id_, snapshot)
            except VertumnusError:
                continue
