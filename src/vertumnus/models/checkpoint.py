"""Finding a checkpoint on this machine, and saying what it is, from its own configuration alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.limits import MAX_JSON_BYTES
from vertumnus.models.registry import KNOWN, fetch_configuration, how_to_fetch
from vertumnus.reading import open_file, parse_json, read_json

# What ships with the program, and where among mini's weights it lies.
_PARTS = {"mini": "diffusion", "mini-clip": "clip", "mini-colours": "colours", "mini-shapes": "shapes"}
MINI = tuple(_PARTS)
Dtype = Literal["auto", "float32", "float16", "bfloat16"]  # of weights; auto is half on a GPU and single elsewhere
# What a pipeline's or a model's configuration calls itself, and what it is here: (kind, family).
_PIPELINES = {
    "StableDiffusionPipeline": ("diffusion", "stable-diffusion"),
    "StableDiffusionImg2ImgPipeline": ("diffusion", "stable-diffusion"),
    "StableDiffusionXLPipeline": ("diffusion", "stable-diffusion-xl"),
    "StableDiffusionXLImg2ImgPipeline": ("diffusion", "stable-diffusion-xl"),
    "IFPipeline": ("diffusion", "deepfloyd-if"),
    "IFImg2ImgPipeline": ("diffusion", "deepfloyd-if"),
}
_MODELS = {
    "clip": ("clip", "clip"),
    "siglip": ("clip", "siglip"),
    "blip": ("matching", "blip"),
    "ControlNetModel": ("control", "controlnet"),
    "T2IAdapter": ("control", "t2i-adapter"),
    "AutoencoderTiny": ("decoder", "autoencoder-tiny"),
}
# What transformers calls the class, by its end.
_SEGMENTING = {
    "ForSemanticSegmentation": ("segmentation", "semantic"),
    "ForUniversalSegmentation": ("segmentation", "instance"),
    "ForInstanceSegmentation": ("segmentation", "instance"),
    "SamModel": ("segmentation", "prompted"),
    "SamHQModel": ("segmentation", "prompted"),
}
# Where the configuration and the tokenizers of a checkpoint that is one file are looked for.
CONFIGURATIONS = {
    "stable-diffusion": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "stable-diffusion-xl": "stabilityai/stable-diffusion-xl-base-1.0",
}


class Checkpoint(NamedTuple):
    """A checkpoint in a folder: what it was called, where it lies, its kind and family."""

    name: str
    path: Path
    kind: str
    family: str


def find(spec: str | Path) -> Checkpoint:
    """The checkpoint that ``mini`` or another of `MINI`, a folder or a hub id names, if it is on this machine.

    Nothing is downloaded. Raises `VertumnusError` with how to fetch it if it is not here, and for a folder that
    holds none, or none that can be read.
    """
    name = str(spec)
    if name in MINI:
        path = mini_folder(_PARTS[name])
        if not path.is_dir():
            raise VertumnusError(f"{name}: its weights are missing from the package; install vertumnus again")
        return understand(name, path)
    path = Path(spec).expanduser()
    if path.is_dir():
        return understand(name, path)
    if path.is_file():
        return _one_file(name, path)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        names = [*MINI, "pictogram", *(known.id for known in KNOWN)]
        raise VertumnusError(f"{name}: there is no such folder and no model of this name{did_you_mean(name, names)}")
    cached = _cached(name)
    if cached is None:
        raise VertumnusError(how_to_fetch(name))
    return understand(name, cached)


def mini_folder(part: str) -> Path:
    """Where the package keeps mini's ``diffusion``, ``clip``, ``colours`` (an adapter), ``shapes`` (a ControlNet)."""
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
        read = _json(config)
        calls_itself = str(read.get("model_type") or read.get("_class_name"))
        found, supported = _MODELS.get(calls_itself) or _segmenting(read), _MODELS
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


def _segmenting(config: dict[str, Any]) -> tuple[str, str] | None:
    """What a configuration of transformers is, if it is of a network that segments."""
    named = config.get("architectures")
    name = str(named[0]) if isinstance(named, list) and named else ""
    return next((found for end, found in _SEGMENTING.items() if name.endswith(end)), None)


def _one_file(name: str, path: Path) -> Checkpoint:
    """What a checkpoint in one file is, by the names of its weights. Raises `VertumnusError` unless it is known."""
    if path.suffix != ".safetensors":
        pickled = path.suffix in (".ckpt", ".pt", ".pth", ".bin")
        why = "pickled, and never loaded" if pickled else "no checkpoint"
        raise VertumnusError(f"{name}: is {why}; a .safetensors file or a folder of diffusers' layout is needed")
    try:
        with open_file(path) as file:  # a safetensors file begins with the length of its table, and the table
            length = int.from_bytes(file.read(8), "little")
            short = length <= min(os.fstat(file.fileno()).st_size, MAX_JSON_BYTES)
            table = parse_json(file.read(length), name) if short else None
    except OSError as error:
        raise VertumnusError(f"{name}: cannot be read as safetensors ({error})") from None
    if not isinstance(table, dict):
        raise VertumnusError(f"{name}: cannot be read as safetensors")
    if not any(weights.startswith("model.diffusion_model.") for weights in table):
        raise VertumnusError(f"{name}: is no Stable Diffusion checkpoint in one file")
    large = any(weights.startswith("conditioner.embedders.1.") for weights in table)
    return Checkpoint(name, path, "diffusion", "stable-diffusion-xl" if large else "stable-diffusion")


def find_configuration(checkpoint: Checkpoint, config: str | Path) -> Path:
    """The folder with what a checkpoint in one file lacks, from a folder or an id in the hub's cache.

    Raises `VertumnusError` with what to fetch if it is not here.
    """
    folder = Path(config).expanduser()
    if (folder / "model_index.json").is_file():
        return folder
    cached = _cached(str(config)) if str(config).count("/") == 1 else None
    if cached is None or not (cached / "model_index.json").is_file():
        raise VertumnusError(
            f"{checkpoint.name}: is one file, without the configuration and the tokenizer that belong to it; give a"
            f" folder with them as config, or fetch those of {config} (3 MB) with {fetch_configuration(str(config))}"
        )
    return cached


def _json(file: Path) -> dict[str, Any]:
    read = read_json(file)
    if not isinstance(read, dict):
        raise VertumnusError(f"{file}: is not a JSON object")
    return read


def _cached(id_: str) -> Path | None:
    """The snapshot of a hub id in the cache of huggingface_hub, if it was fetched."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:  # of the extra `models`: without it, nothing was fetched
        return None
    try:
        return Path(snapshot_download(id_, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def on_this_machine() -> Iterator[Checkpoint]:
    """Every checkpoint here that can be used: mini's, and what lies in the hub's cache."""
    for name, part in _PARTS.items():
        path = mini_folder(part)
        if path.is_dir():
            yield understand(name, path)
    try:
        from huggingface_hub import constants, scan_cache_dir
        from huggingface_hub.errors import CacheNotFound
    except ImportError:
        return
    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return
    for id_ in sorted(repository.repo_id for repository in repositories if repository.repo_type == "model"):
        snapshot = _cached(id_)
        if snapshot is not None:
            try:
                yield understand(id_, snapshot)
            except VertumnusError:
                continue
